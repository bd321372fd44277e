//! The TypeScript declarations of all of it: one file, checked in, compared by a test.
//!
//! `UPDATE=1 cargo test -p tabagent-protocol --features ts` writes it anew.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use ts_rs::{Config, TS, TypeVisitor};

use super::{Action, EventsLost, GenerationStopped, ServerDraining, Warning, visit_actions};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../client-wasm/npm/src/api.gen.ts");

const HEAD: &str = "// Written by `UPDATE=1 cargo test -p tabagent-protocol --features ts` from protocol/src/api. Do not edit.\n";

/// Collects what the file will say.
pub(super) struct Declarations {
    config: Config,
    /// Declarations by name, so that the file does not depend on the order of visits.
    types: BTreeMap<String, String>,
    actions: String,
    events: String,
}

impl Declarations {
    fn new() -> Self {
        // Integers stay below 2^53 in this API, so JavaScript's own number holds them.
        let config = Config::new().with_large_int("number");
        Self { config, types: BTreeMap::new(), actions: String::new(), events: String::new() }
    }

    /// Adds a row of `Actions`, and every type it names.
    pub(super) fn action<A: Action + TS>(&mut self)
    where
        A::Response: TS + 'static,
        A::Item: TS + 'static,
    {
        let (request, response, item) = (self.name::<A>(), self.name::<A::Response>(), self.item::<A::Item>());
        let row = format!("  /** {} */\n", A::INFO.description);
        self.actions += &row;
        self.actions += &format!("  {}: {{ request: {request}; response: {response}; item: {item} }};\n", A::NAME);
    }

    fn event<E: TS + 'static>(&mut self) {
        let pascal = self.name::<E>();
        let name = E::ident(&self.config);
        self.events += &format!("  {name}: {{ type: \"event\" }} & {pascal};\n");
    }

    fn item<I: TS + 'static>(&mut self) -> String {
        if I::inline(&self.config) == "never" { "never".to_owned() } else { self.name::<I>() }
    }

    fn name<T: TS + 'static + ?Sized>(&mut self) -> String {
        self.visit::<T>();
        pascal(&T::ident(&self.config))
    }

    fn text(&self) -> String {
        let mut out = HEAD.to_owned();
        for declaration in self.types.values() {
            out += declaration;
        }
        let _ = write!(
            out,
            "\n/** Every action of the server: what is asked, what is answered, what a stream of it is made of. */\nexport interface Actions {{\n{}}}\n",
            self.actions
        );
        let _ = write!(out, "\n/** Events that the server itself sends. */\nexport interface Events {{\n{}}}\n", self.events);
        out
    }
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only derived types have a place of their own; `string` and lists do not.
        if T::output_path().is_none() {
            return;
        }
        let ident = T::ident(&self.config);
        let name = pascal(&ident);
        if self.types.contains_key(&name) {
            return;
        }
        let declaration = T::decl(&self.config).replacen(&format!("type {ident} ="), &format!("type {name} ="), 1);
        let docs = T::docs().unwrap_or_default();
        self.types.insert(name, tidy(&format!("\n{docs}export {declaration}\n")));
        T::visit_dependencies(self);
    }
}

/// One line per field and per comment, as people write TypeScript.
fn tidy(declaration: &str) -> String {
    let steps = [
        ("{ \n/**\n * ", "{\n  /** "),
        (", \n/**\n * ", ";\n  /** "),
        ("/**\n * ", "/** "),
        ("\n */\nexport", " */\nexport"),
        ("\n */\n", " */\n  "),
        (", };", ";\n};"),
        ("{ \"type\":", "{\n  type:"),
        ("{ \"event\":", "{\n  event:"),
        (" = Record<symbol, never>", " = Record<never, never>"),
    ];
    steps.iter().fold(declaration.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A tagged struct carries its tag as its name: `chat_response` is declared as `ChatResponse`.
fn pascal(name: &str) -> String {
    let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(capitalised).collect()
}

fn generated() -> String {
    let mut declarations = Declarations::new();
    visit_actions(&mut declarations);
    declarations.event::<EventsLost>();
    declarations.event::<GenerationStopped>();
    declarations.event::<ServerDraining>();
    declarations.event::<Warning>();
    declarations.text()
}

#[test]
fn the_checked_in_declarations_are_those_of_the_types() {
    let text = generated();
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(Path::new(FILE).parent().expect("a folder")).expect("the folder");
        fs::write(FILE, &text).expect("the file");
    }
    let checked_in = fs::read_to_string(FILE).unwrap_or_default();
    assert!(checked_in == text, "api.gen.ts is out of date: UPDATE=1 cargo test -p tabagent-protocol --features ts");
}

#[test]
fn numbers_are_numbers_and_options_are_optional() {
    let text = generated();
    assert!(!text.contains("bigint") && !text.contains("| null"));
    assert!(text.contains("stream?: boolean"));
}

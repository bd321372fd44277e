//! The OpenAPI 3.1 document: every action at its addresses, written from the schemas of its types.

/// What comes back.
mod answers;
/// What is sent.
mod inputs;
/// The addresses that are no actions.
mod others;
/// Failures.
mod refusals;

use schemars::{SchemaGenerator, generate::Contract};
use serde_json::{Map, Value, json};
use tabagent_protocol::{Lane, api::ActionInfo};

use super::{
    chapters,
    shapes::{DEFINITIONS, Described, Shapes, generator, pascal},
};
use crate::openai::Twin;

/// Version of the format.
const OPENAPI: &str = "3.1.0";

const ABOUT: &str = "Typed actions of a native program. Every action is reachable over WebRTC data channels too, with the same \
    fields, checks and errors; this document is about its HTTP address.\n\n\
    An answer is one JSON object with its `type`. `stream: true` or `Accept: text/event-stream` asks for server-sent events \
    instead: `item`s and `event`s as they come, then `response` or `error`. Fields may stand in the query, the body, or both, as \
    long as they agree.";

/// A document under way.
struct Document {
    shapes: Shapes,
    /// Types that only the OpenAI format has, as they are read and as they are written.
    heard: SchemaGenerator,
    said: SchemaGenerator,
    /// Schemas that belong to no type.
    schemas: Map<String, Value>,
}

/// The document of a service.
pub(super) fn document(shapes: Shapes) -> Value {
    let (heard, said) = (generator(Contract::Deserialize), generator(Contract::Serialize));
    let mut document = Document { shapes, heard, said, schemas: Map::new() };
    let mut paths = Map::new();
    for action in std::mem::take(&mut document.shapes.actions) {
        let info = action.info;
        let own = (info.method, info.address().into_owned());
        let older = info.also.iter().map(|(method, path)| (*method, (*path).to_owned()));
        for (number, (method, path)) in std::iter::once(own).chain(older).enumerate() {
            let operation = document.operation(&action, method, &path, number);
            put(&mut paths, &path, method, operation);
        }
        document.shapes.actions.push(action);
    }
    for (path, operation) in document.others() {
        put(&mut paths, path, "GET", operation);
    }
    let tags = chapters::of(&document.shapes.actions);
    let tags: Vec<_> = tags.into_iter().map(|(tag, title)| json!({ "name": tag, "description": title })).collect();
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": "tabagent-server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/", "description": "The server that this document came from." }],
        "security": [{ "bearer": [] }, {}],
        "tags": tags,
        "paths": paths,
        "components": document.components(),
    })
}

fn put(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    item[method.to_ascii_lowercase()] = operation;
}

impl Document {
    /// One action at one of its addresses; the first is its own, the others are older.
    fn operation(&mut self, action: &Described, method: &str, path: &str, number: usize) -> Value {
        let info = &action.info;
        let twin = Twin::of(info);
        let mut operation = Map::new();
        let id = if number == 0 { info.name.to_owned() } else { format!("{}_{}", info.name, number + 1) };
        operation.insert("operationId".into(), id.into());
        operation.insert("summary".into(), summary(info).into());
        if let Some(about) = self.definition(&action.request)["description"].as_str() {
            operation.insert("description".into(), about.into());
        }
        operation.insert("tags".into(), json!(info.tags));
        if number > 0 {
            operation.insert("deprecated".into(), true.into());
        }
        self.inputs(&mut operation, action, twin, method, path);
        operation.insert("responses".into(), self.responses(action, twin, path));
        for (name, value) in extensions(info) {
            operation.insert(name.to_owned(), value);
        }
        Value::Object(operation)
    }

    /// What a schema refers to, or the schema itself.
    fn definition<'s>(&'s self, schema: &'s Value) -> &'s Value {
        super::reference(schema).and_then(|name| self.shapes.definitions.get(name)).unwrap_or(schema)
    }

    /// Adds a schema under a name, and refers to it. A name that a type has already gets a number.
    fn refer(&mut self, name: &str, schema: Value) -> Value {
        let free = |name: &String| {
            !self.shapes.definitions.contains_key(name) && self.schemas.get(name).is_none_or(|there| *there == schema)
        };
        let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}{n}")));
        let name = names.into_iter().find(free).unwrap_or_default();
        let reference = json!({ "$ref": format!("{DEFINITIONS}{name}") });
        self.schemas.insert(name, schema);
        reference
    }

    fn components(&mut self) -> Value {
        let responses = self.refusals();
        let mut schemas: Map<String, Value> = std::mem::take(&mut self.shapes.definitions).into_iter().collect();
        for wire in [self.said.take_definitions(true), self.heard.take_definitions(true)] {
            for (name, schema) in wire {
                schemas.entry(name).or_insert(schema);
            }
        }
        schemas.extend(std::mem::take(&mut self.schemas));
        schemas.sort_keys();
        json!({
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of the server (`--key-file`). Callers on its own machine need none where it lets them in (`--allow-local`).",
                },
            },
        })
    }
}

fn summary(info: &ActionInfo) -> String {
    if info.description.is_empty() { format!("The action `{}`.", info.name) } else { info.description.to_owned() }
}

fn extensions(info: &ActionInfo) -> [(&'static str, Value); 6] {
    let fields = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (refused, field) = info.refused;
    let examples = json!({ "accepted": fields(info.accepted), "refused": { "fields": fields(refused), "field": field } });
    let lane = if info.lane == Lane::Bulk { "bulk" } else { "interactive" };
    [
        ("x-tabagent-action", info.name.into()),
        ("x-tabagent-scope", info.scope.into()),
        ("x-tabagent-lane", lane.into()),
        ("x-tabagent-streams", info.streams.into()),
        ("x-tabagent-needs-session", info.needs_session.into()),
        ("x-tabagent-examples", examples),
    ]
}

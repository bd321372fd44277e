//! What a service says and hears, described: from the schemas of its types come the checks of requests, TypeScript
//! declarations, the OpenAPI document and the documentation.
//!
//! Nothing here is written twice: a field that is renamed in Rust is renamed in all of them.

/// Names that were other names once.
mod aliases;
/// What the type of a number decides by itself.
mod bounds;
/// The chapters of the documentation.
mod chapters;
/// A request as a line for `curl`.
mod curl;
/// The fields of an object in words.
mod fields;
/// The documentation before it is written down.
mod manual;
/// The documentation as a file.
mod markdown;
/// The OpenAPI document.
mod openapi;
/// The documentation as a page.
pub(crate) mod page;
/// Schemas of everything, with one definition per name.
mod shapes;
/// TypeScript declarations.
mod typescript;
/// Requests held against the schema of their type.
mod validator;

pub(crate) use aliases::{canonical_field, present_action, rename_fields};
pub(crate) use manual::Manual;
pub(crate) use shapes::{Shapes, reference};
pub(crate) use validator::Validator;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;
use tabagent_protocol::api::{Action, ActionInfo, Event, TABLE};

/// Writes a type's schema, and those of the types it names, into a generator.
type Write = fn(&mut SchemaGenerator) -> Schema;

/// The types of a service's actions and events: the product's in the order of its table, then the program's own in the order in
/// which they were registered.
#[derive(Clone, Default)]
pub struct Api {
    actions: Vec<ActionTypes>,
    events: Vec<EventType>,
    client_actions: Vec<ActionTypes>,
}

#[derive(Clone, Copy)]
struct ActionTypes {
    info: ActionInfo,
    request: Write,
    response: Write,
    item: Write,
}

#[derive(Clone, Copy)]
struct EventType {
    name: &'static str,
    event: Write,
}

impl ActionTypes {
    fn of<A: Action>() -> Self {
        Self {
            info: A::INFO,
            request: SchemaGenerator::subschema_for::<A>,
            response: SchemaGenerator::subschema_for::<A::Response>,
            item: SchemaGenerator::subschema_for::<A::Item>,
        }
    }
}

impl Api {
    /// Adds an action that the service answers; one of the same name is replaced.
    pub(crate) fn add<A: Action>(&mut self) {
        put(&mut self.actions, ActionTypes::of::<A>(), |one| one.info.name);
        // The sort is stable: what is not in the table stays where it is.
        self.actions.sort_by_key(|action| place(action.info.name));
    }

    /// Adds an event that the service sends.
    pub(crate) fn add_event<E: Event>(&mut self) {
        put(&mut self.events, EventType { name: E::NAME, event: SchemaGenerator::subschema_for::<E> }, |one| one.name);
    }

    /// Adds an action that the service asks its clients for.
    pub(crate) fn add_client_action<A: Action>(&mut self) {
        put(&mut self.client_actions, ActionTypes::of::<A>(), |one| one.info.name);
    }

    /// The rows of the actions.
    pub fn actions(&self) -> impl Iterator<Item = &ActionInfo> {
        self.actions.iter().map(|action| &action.info)
    }

    /// TypeScript declarations of every request, answer, item and event, for `connect<Api>()`.
    #[must_use]
    pub fn typescript(&self) -> String {
        typescript::declarations(&self.shapes())
    }

    /// The OpenAPI 3.1 document of the HTTP side.
    #[must_use]
    pub fn openapi(&self) -> Value {
        openapi::document(self.shapes())
    }

    /// The documentation of every action, type, event and error code, as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::manual(&self.manual())
    }

    /// The documentation before it is written down.
    pub(crate) fn manual(&self) -> Manual {
        Manual::of(&self.shapes())
    }

    /// The schemas of all types.
    pub(crate) fn shapes(&self) -> Shapes {
        Shapes::of(self)
    }
}

fn put<T>(list: &mut Vec<T>, new: T, name: impl Fn(&T) -> &'static str) {
    match list.iter_mut().find(|old| name(old) == name(&new)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

/// Where the product's table has an action; own ones come after it.
fn place(action: &str) -> usize {
    TABLE.iter().position(|info| info.name == action).unwrap_or(TABLE.len())
}

/// A type's schema alone, as requests are held against it.
fn request_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().with_transform(bounds::bound).into_generator().into_root_schema_for::<T>()
}

//! The documentation before it is written down: chapters of actions, types, events, codes. `docs/API.md` and the page are made of it.

use serde_json::Value;
use tabagent_protocol::{Code, api::ActionInfo};

use super::{
    aliases::other_names,
    chapters,
    fields::{self, Field},
    shapes::{Described, Shapes, reference, references},
};
use crate::openai::Twin;

/// Length beyond which an example shows nothing any more.
const EXAMPLE: usize = 300;

/// Everything that is told of a service.
pub(crate) struct Manual {
    pub(super) chapters: Vec<Chapter>,
    /// What the service asks its clients for.
    pub(super) client_actions: Vec<Entry>,
    pub(super) events: Vec<Part>,
    pub(super) types: Vec<Type>,
    pub(super) codes: &'static [(&'static str, u16, &'static str)],
}

/// Actions that belong together.
pub(super) struct Chapter {
    pub(super) tag: &'static str,
    pub(super) title: &'static str,
    pub(super) actions: Vec<Entry>,
}

/// One action.
pub(super) struct Entry {
    pub(super) info: ActionInfo,
    /// Other names that it is called by.
    pub(super) names: Vec<&'static str>,
    /// What fields are also called: name, other names.
    pub(super) spellings: Vec<(&'static str, &'static [&'static str])>,
    pub(super) fields: Vec<Field>,
    pub(super) answer: Part,
    pub(super) item: Option<Part>,
    /// Whether its HTTP twin speaks the OpenAI format.
    pub(super) openai: bool,
}

/// An answer, an item, an event.
pub(super) struct Part {
    /// Its `type`, or an event's name.
    pub(super) name: String,
    pub(super) about: String,
    pub(super) fields: Vec<Field>,
    /// What it is; `object` where it has fields, or could have some.
    pub(super) kind: String,
}

/// A type that fields refer to.
pub(super) struct Type {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) is: Is,
}

/// What a type is.
pub(super) enum Is {
    Object(Vec<Field>),
    /// One of these values; with what each means.
    OneOf(Vec<(String, String)>),
    Other(String),
}

impl Manual {
    pub(super) fn of(shapes: &Shapes) -> Self {
        let entries = |tag: &str| {
            let of_tag = shapes.actions.iter().filter(|action| action.info.tags.first() == Some(&tag));
            of_tag.map(|action| entry(action, shapes)).collect()
        };
        let chapters = chapters::of(&shapes.actions);
        let events = shapes.events.iter().map(|(name, schema)| part((*name).to_owned(), schema, shapes));
        Self {
            chapters: chapters.into_iter().map(|(tag, title)| Chapter { tag, title, actions: entries(tag) }).collect(),
            client_actions: shapes.client_actions.iter().map(|action| entry(action, shapes)).collect(),
            events: events.collect(),
            types: types(shapes),
            codes: Code::TABLE,
        }
    }
}

impl Type {
    fn fields(&self) -> &[Field] {
        match &self.is {
            Is::Object(fields) => fields,
            Is::OneOf(_) | Is::Other(_) => &[],
        }
    }
}

impl Manual {
    /// The types that these actions' fields refer to, and those that the fields of these refer to.
    pub(super) fn types_of(&self, entries: &[&Entry]) -> Vec<&Type> {
        let fields = entries.iter().flat_map(|entry| {
            let parts = std::iter::once(&entry.answer).chain(&entry.item);
            entry.fields.iter().chain(parts.flat_map(|part| &part.fields))
        });
        let mut kinds: Vec<&str> = fields.map(|field| field.kind.as_str()).collect();
        let mut found: Vec<&Type> = Vec::new();
        while let Some(kind) = kinds.pop() {
            let known = |name: &str| found.iter().any(|one| one.name == name);
            let named =
                |one: &&Type| kind.split(|c: char| !c.is_alphanumeric()).any(|word| word == one.name) && !known(&one.name);
            let new: Vec<_> = self.types.iter().filter(named).collect();
            kinds.extend(new.iter().flat_map(|one| one.fields()).map(|field| field.kind.as_str()));
            kinds.extend(new.iter().filter_map(|one| if let Is::Other(kind) = &one.is { Some(kind.as_str()) } else { None }));
            found.extend(new);
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }
}

impl Entry {
    /// The fields of its accepted example.
    pub(super) fn example(&self) -> Value {
        serde_json::from_str(self.info.accepted).unwrap_or_default()
    }

    /// Its refused example, where one shows something, with the field at fault.
    pub(super) fn refused(&self) -> Option<(&'static str, &'static str)> {
        Some(self.info.refused).filter(|(example, _)| example.len() <= EXAMPLE)
    }

    /// The example as the SDK asks it.
    pub(super) fn request(&self) -> String {
        let mut request = serde_json::Map::from_iter([("action".to_owned(), self.info.name.into())]);
        request.extend(self.example().as_object().cloned().unwrap_or_default());
        Value::Object(request).to_string()
    }
}

fn entry(action: &Described, shapes: &Shapes) -> Entry {
    let info = action.info;
    let (names, spellings) = other_names(info.name);
    Entry {
        info,
        names,
        spellings,
        fields: fields::of(&action.request, shapes),
        answer: part(info.response_type().into_owned(), &action.response, shapes),
        item: action.item.as_ref().map(|item| part(info.item_type().into_owned(), item, shapes)),
        openai: Twin::of(&info).is_some(),
    }
}

fn part(name: String, schema: &Value, shapes: &Shapes) -> Part {
    let about = definition(schema, shapes)["description"].as_str().unwrap_or_default().to_owned();
    let mut fields = fields::of(schema, shapes);
    // The tag is the part's name.
    fields.retain(|field| field.name != "type");
    Part { name, about, fields, kind: fields::kind(definition(schema, shapes)) }
}

fn definition<'s>(schema: &'s Value, shapes: &'s Shapes) -> &'s Value {
    reference(schema).and_then(|name| shapes.definitions.get(name)).unwrap_or(schema)
}

/// The definitions that are no action's own request, answer or item, or that something else refers to as well.
fn types(shapes: &Shapes) -> Vec<Type> {
    let actions = shapes.actions.iter().chain(&shapes.client_actions);
    let told: Vec<_> = actions.flat_map(|action| [Some(&action.request), Some(&action.response), action.item.as_ref()]).collect();
    let told: Vec<_> = told.into_iter().flatten().chain(shapes.events.iter().map(|(_, event)| event)).collect();
    let told: Vec<_> = told.into_iter().filter_map(reference).collect();
    let referred: Vec<_> = shapes.definitions.values().flat_map(references).collect();
    let shown = |name: &str| !told.contains(&name) || referred.iter().any(|one| one == name);
    let definitions = shapes.definitions.iter().filter(|(name, _)| shown(name));
    definitions.map(|(name, schema)| of_definition(name, schema, shapes)).collect()
}

fn of_definition(name: &str, schema: &Value, shapes: &Shapes) -> Type {
    let about = schema["description"].as_str().unwrap_or_default().to_owned();
    let values = schema["oneOf"].as_array().filter(|members| members.iter().all(|member| member.get("const").is_some()));
    let is = match (values, fields::of(schema, shapes)) {
        (Some(values), _) => {
            let value = |one: &Value| (one["const"].to_string(), one["description"].as_str().unwrap_or_default().to_owned());
            Is::OneOf(values.iter().map(value).collect())
        }
        (None, fields) if fields.is_empty() => Is::Other(fields::kind(schema)),
        (None, fields) => Is::Object(fields),
    };
    Type { name: name.to_owned(), about, is }
}

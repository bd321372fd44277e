//! Schemas of everything a service says and hears, with one definition per name.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{
    SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};
use tabagent_protocol::api::ActionInfo;

use super::{ActionTypes, Api, bounds};

/// Where definitions are referred to, as OpenAPI wants it.
pub(crate) const DEFINITIONS: &str = "#/components/schemas/";

/// The schemas of a service.
pub(crate) struct Shapes {
    /// By the name of the type, in the spelling of types: `ChatResponse`.
    pub(crate) definitions: BTreeMap<String, Value>,
    pub(crate) actions: Vec<Described>,
    /// Names of events with their fields.
    pub(crate) events: Vec<(&'static str, Value)>,
    /// What the service asks its clients for.
    pub(crate) client_actions: Vec<Described>,
}

/// An action with its schemas, which mostly refer to definitions.
pub(crate) struct Described {
    pub(crate) info: ActionInfo,
    pub(crate) request: Value,
    pub(crate) response: Value,
    /// None where there is nothing to stream.
    pub(crate) item: Option<Value>,
}

impl Shapes {
    pub(super) fn of(api: &Api) -> Self {
        // What is read and what is written differ: a field with a default may be left out of the one and is always in the other.
        let (mut heard, mut said) = (generator(Contract::Deserialize), generator(Contract::Serialize));
        let describe = |types: &ActionTypes, asks: &mut SchemaGenerator, answers: &mut SchemaGenerator| Described {
            info: types.info,
            request: (types.request)(asks).to_value(),
            response: (types.response)(answers).to_value(),
            item: Some((types.item)(answers).to_value()),
        };
        let mut actions: Vec<_> = api.actions.iter().map(|types| describe(types, &mut heard, &mut said)).collect();
        let mut client_actions: Vec<_> = api.client_actions.iter().map(|types| describe(types, &mut said, &mut heard)).collect();
        let mut events: Vec<_> = api.events.iter().map(|event| (event.name, (event.event)(&mut said).to_value())).collect();

        let (heard, said) = (heard.take_definitions(true), said.take_definitions(true));
        let apart = apart(&heard, &said);
        let mut names_heard: BTreeMap<_, _> = heard.keys().map(|name| (name.clone(), pascal(name))).collect();
        let names_said: BTreeMap<_, _> = said.keys().map(|name| (name.clone(), pascal(name))).collect();
        for name in &apart {
            names_heard.insert(name.clone(), pascal(name) + "Input");
        }
        for action in &mut actions {
            rename(&mut action.request, &names_heard);
            rename(&mut action.response, &names_said);
            action.item.iter_mut().for_each(|item| rename(item, &names_said));
        }
        for action in &mut client_actions {
            rename(&mut action.request, &names_said);
            rename(&mut action.response, &names_heard);
            action.item.iter_mut().for_each(|item| rename(item, &names_heard));
        }
        events.iter_mut().for_each(|(_, event)| rename(event, &names_said));
        let mut definitions = BTreeMap::new();
        for (all, names) in [(heard, names_heard), (said, names_said)] {
            for (name, mut schema) in all {
                rename(&mut schema, &names);
                definitions.insert(names[&name].clone(), schema);
            }
        }
        let mut shapes = Self { definitions, actions, events, client_actions };
        shapes.drop_what_is_nothing();
        shapes.tag();
        shapes
    }

    /// An action whose items cannot be has none.
    fn drop_what_is_nothing(&mut self) {
        let nothing: Vec<_> =
            self.definitions.iter().filter(|(_, schema)| is_nothing(schema)).map(|(name, _)| name.clone()).collect();
        for action in self.actions.iter_mut().chain(&mut self.client_actions) {
            let names_nothing = |item: &Value| reference(item).is_some_and(|name| nothing.iter().any(|one| one == name));
            action.item = action.item.take().filter(|item| !is_nothing(item) && !names_nothing(item));
        }
        nothing.iter().for_each(|name| drop(self.definitions.remove(name)));
    }

    /// Adds the `type` that the service puts into answers and items: into the definition where nothing else names it, beside it
    /// otherwise.
    fn tag(&mut self) {
        let inner: BTreeSet<String> = self.definitions.values().flat_map(references).collect();
        for action in &mut self.actions {
            let info = action.info;
            let answers = [(Some(&mut action.response), info.response_type()), (action.item.as_mut(), info.item_type())];
            for (schema, tag) in answers {
                let Some(schema) = schema else { continue };
                let is_object = is_object(schema, &self.definitions);
                let own = reference(schema).filter(|name| !inner.contains(*name));
                match own.and_then(|name| self.definitions.get_mut(name)) {
                    Some(definition) => put_tag(definition, &tag),
                    None if is_object => *schema = json!({ "allOf": [tag_alone(&tag), schema.take()] }),
                    None => {}
                }
            }
        }
    }
}

/// The name of the definition that a schema refers to.
pub(crate) fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(DEFINITIONS)
}

pub(super) fn generator(contract: Contract) -> SchemaGenerator {
    let path = DEFINITIONS.trim_start_matches('#').to_owned();
    SchemaSettings::draft2020_12()
        .with_transform(bounds::bound)
        .with(|settings| {
            settings.definitions_path = path.into();
            settings.contract = contract;
        })
        .into_generator()
}

/// The names of all definitions that a schema refers to.
pub(super) fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(object) => {
            reference(schema).map(str::to_owned).into_iter().chain(object.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn is_object(schema: &Value, definitions: &BTreeMap<String, Value>) -> bool {
    let schema = reference(schema).and_then(|name| definitions.get(name)).unwrap_or(schema);
    schema["type"] == "object"
}

fn tag_alone(tag: &str) -> Value {
    json!({ "type": "object", "properties": { "type": { "type": "string", "const": tag } }, "required": ["type"] })
}

/// Makes `type` the first field of an object's schema. What answers several actions under several tags may have each.
fn put_tag(definition: &mut Value, tag: &str) {
    if definition["type"] != "object" {
        return;
    }
    let known = match &definition["properties"]["type"] {
        Value::Null => Vec::new(),
        one => one["enum"].as_array().cloned().unwrap_or_else(|| vec![one["const"].clone()]),
    };
    if known.iter().any(|one| one == tag) {
        return;
    }
    let schema = match known.as_slice() {
        [] => json!({ "type": "string", "const": tag }),
        known => json!({ "type": "string", "enum": ([known, &[json!(tag)]].concat()) }),
    };
    let mut properties = Map::from_iter([("type".to_owned(), schema)]);
    let mut required = vec![json!("type")];
    let fields = definition["properties"].as_object().into_iter().flatten();
    properties.extend(fields.filter(|(name, _)| *name != "type").map(|(name, field)| (name.clone(), field.clone())));
    required.extend(definition["required"].as_array().into_iter().flatten().filter(|name| **name != "type").cloned());
    definition["properties"] = Value::Object(properties);
    definition["required"] = Value::Array(required);
}

/// Whether no value, or null alone, is of this shape.
fn is_nothing(schema: &Value) -> bool {
    *schema == Value::Bool(false)
        || schema.get("not").is_some_and(|not| not == &Value::Object(Map::new()))
        || schema["type"] == "null"
}

/// Names of types that are read in another shape than they are written, and of those that refer to one.
fn apart(heard: &Map<String, Value>, said: &Map<String, Value>) -> BTreeSet<String> {
    let differs = |name: &&String| said.get(*name).is_some_and(|other| *other != heard[*name]);
    let mut apart: BTreeSet<String> = heard.keys().filter(differs).cloned().collect();
    loop {
        let refers = |schema: &Value| {
            let text = schema.to_string();
            apart.iter().any(|name| text.contains(&format!("\"{DEFINITIONS}{name}\"")))
        };
        let more: Vec<_> =
            heard.iter().filter(|(name, schema)| said.contains_key(*name) && !apart.contains(*name) && refers(schema)).collect();
        if more.is_empty() {
            return apart;
        }
        let more: Vec<_> = more.into_iter().map(|(name, _)| name.clone()).collect();
        apart.extend(more);
    }
}

/// Gives references the names that the definitions have here.
fn rename(schema: &mut Value, names: &BTreeMap<String, String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), &mut *value) {
                    ("$ref", Value::String(target)) => {
                        if let Some(name) = target.strip_prefix(DEFINITIONS).and_then(|name| names.get(name)) {
                            *target = format!("{DEFINITIONS}{name}");
                        }
                    }
                    _ => rename(value, names),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

/// A tagged struct carries its tag as its name: `chat_response` is declared as `ChatResponse`.
pub(crate) fn pascal(name: &str) -> String {
    let words = name.split('_');
    words.flat_map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use tabagent_protocol::api::{Action, Health, NoItem};

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Settings {
        #[serde(default)]
        depth: u32,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Change {
        to: Settings,
    }

    impl Action for Change {
        const NAME: &'static str = "change";
        type Response = Settings;
        type Item = NoItem;
    }

    #[test]
    fn a_type_that_is_read_otherwise_than_it_is_written_has_two_definitions() {
        let mut api = Api::default();
        api.add::<Change>();
        let shapes = api.shapes();
        assert_eq!(shapes.definitions["Change"]["properties"]["to"]["$ref"], "#/components/schemas/SettingsInput");
        assert!(shapes.definitions["SettingsInput"].get("required").is_none());
        assert_eq!(shapes.definitions["Settings"]["required"][1], "depth");
        assert_eq!(reference(&shapes.actions[0].response), Some("Settings"));
        assert!(shapes.actions[0].item.is_none());
    }

    #[test]
    fn an_answer_that_is_also_part_of_another_has_its_tag_beside_it() {
        #[derive(Serialize, JsonSchema)]
        struct Deep {
            settings: Vec<Settings>,
        }
        #[derive(Deserialize, JsonSchema)]
        struct All {}
        impl Action for All {
            const NAME: &'static str = "all";
            type Response = Deep;
            type Item = ();
        }
        let mut api = Api::default();
        api.add::<Change>();
        api.add::<All>();
        let shapes = api.shapes();
        assert!(shapes.definitions["Settings"]["properties"].get("type").is_none());
        assert_eq!(shapes.actions[0].response["allOf"][0]["properties"]["type"]["const"], "change_response");
        assert_eq!(shapes.definitions["Deep"]["properties"]["type"]["const"], "all_response");
        assert!(shapes.actions[1].item.is_none());
    }

    #[test]
    fn a_tagged_answer_has_its_tag_and_the_name_of_a_type() {
        let mut api = Api::default();
        api.add::<Health>();
        api.add::<Health>();
        let shapes = api.shapes();
        assert_eq!(shapes.actions.len(), 1);
        assert_eq!(reference(&shapes.actions[0].response), Some("HealthResponse"));
        let answer = &shapes.definitions["HealthResponse"];
        assert_eq!((&answer["properties"]["type"]["const"], &answer["required"][0]), (&json!("health_response"), &json!("type")));
    }
}

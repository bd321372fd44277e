//! Values of an address, which are all text, become what the request's schema asks for.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::api::{Shapes, reference};

/// Definitions inside definitions; deeper than any request that fits an address.
const DEPTH: usize = 8;

/// What the text of a field is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Itself.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list: the field repeated, or one value with commas.
    List(Box<Kind>),
    /// An object, written as JSON.
    Json,
    /// The first of these that it can become.
    Any(Vec<Kind>),
}

/// The fields of a request.
pub(super) type Kinds = BTreeMap<String, Kind>;

/// Reads the kinds of a request's fields out of its schema.
pub(super) fn kinds(request: &Value, shapes: &Shapes) -> Kinds {
    let request = resolved(request, shapes);
    let fields = request["properties"].as_object().into_iter().flatten();
    fields.map(|(name, schema)| (name.clone(), Kind::of(schema, shapes, DEPTH))).collect()
}

/// Turns the texts given for one field into its value.
///
/// # Errors
/// What the field should have been.
pub(super) fn value(kind: &Kind, texts: &[&str]) -> Result<Value, String> {
    kind.read(texts).ok_or_else(|| match texts {
        [_] => format!("is not {}", kind.words()),
        _ => format!("is there {} times, and is not {}", texts.len(), Kind::List(Box::new(kind.clone())).words()),
    })
}

impl Kind {
    fn of(schema: &Value, shapes: &Shapes, depth: usize) -> Self {
        let schema = resolved(schema, shapes);
        if depth == 0 {
            return Self::Json;
        }
        let members = ["anyOf", "oneOf"].into_iter().find_map(|union| schema[union].as_array());
        if let Some(members) = members {
            return Self::any(
                members.iter().filter(|member| member["type"] != "null").map(|one| Self::of(one, shapes, depth - 1)),
            );
        }
        let types = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        Self::any(types.into_iter().filter(|name| *name != "null").map(|name| match name {
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Flag,
            "object" => Self::Json,
            "array" => Self::List(Box::new(Self::of(&schema["items"], shapes, depth - 1))),
            _ => Self::Text,
        }))
    }

    /// Text last: everything is text.
    fn any(kinds: impl Iterator<Item = Self>) -> Self {
        let mut kinds: Vec<_> = kinds.collect();
        kinds.sort_by_key(|kind| *kind == Self::Text);
        kinds.dedup();
        match kinds.len() {
            0 => Self::Text,
            1 => kinds.remove(0),
            _ => Self::Any(kinds),
        }
    }

    fn read(&self, texts: &[&str]) -> Option<Value> {
        match (self, texts) {
            (Self::Any(kinds), _) => kinds.iter().find_map(|kind| match (kind, texts) {
                // A text with a comma in it is one text, where both would do.
                (Self::List(_), [_]) if kinds.contains(&Self::Text) => None,
                _ => kind.read(texts),
            }),
            (Self::List(_), [""]) => Some(Value::Array(Vec::new())),
            (Self::List(of), [one]) if **of != Self::Json => one.split(',').map(|text| of.read(&[text])).collect(),
            (Self::List(of), several) => several.iter().map(|text| of.read(&[text])).collect(),
            (_, [one, others @ ..]) if others.iter().all(|other| other == one) => self.read_one(one),
            _ => None,
        }
    }

    fn read_one(&self, text: &str) -> Option<Value> {
        match self {
            Self::Integer => {
                text.parse().map(|number: i64| number.into()).or_else(|_| text.parse().map(|number: u64| number.into())).ok()
            }
            Self::Number => text.parse::<Number>().ok().map(Value::Number),
            Self::Flag => text.parse().ok().map(Value::Bool),
            Self::Json => serde_json::from_str::<Map<String, Value>>(text).ok().map(Value::Object),
            Self::Text | Self::List(_) | Self::Any(_) => Some(text.into()),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Json => "a JSON object".to_owned(),
            Self::List(of) => format!("a list, each {}", of.words()),
            Self::Any(kinds) => kinds.iter().map(Self::words).collect::<Vec<_>>().join(" or "),
        }
    }
}

fn resolved<'s>(schema: &'s Value, shapes: &'s Shapes) -> &'s Value {
    reference(schema).and_then(|name| shapes.definitions.get(name)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;
    use tabagent_protocol::api::{Action, NoItem, TextInput};

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Ask {
        text: String,
        limit: Option<u32>,
        weight: Option<f32>,
        deep: bool,
        events: Vec<String>,
        sizes: Option<Vec<u32>>,
        input: Option<TextInput>,
        filters: Option<Map<String, Value>>,
    }

    impl Action for Ask {
        const NAME: &'static str = "ask";
        type Response = ();
        type Item = NoItem;
    }

    fn ask() -> Kinds {
        let mut api = crate::api::Api::default();
        api.add::<Ask>();
        let shapes = api.shapes();
        kinds(&shapes.actions[0].request, &shapes)
    }

    #[test]
    fn texts_become_what_the_field_is() {
        let kinds = ask();
        let rows: &[(&str, &[&str], Value)] = &[
            ("text", &["5"], json!("5")),
            ("text", &["a,b"], json!("a,b")),
            ("text", &["a", "a"], json!("a")),
            ("limit", &["5"], json!(5)),
            ("limit", &["-5"], json!(-5)),
            ("weight", &["0.5"], json!(0.5)),
            ("weight", &["1e2"], json!(1e2)),
            ("deep", &["true"], json!(true)),
            ("events", &["a,b"], json!(["a", "b"])),
            ("events", &["a", "b,c"], json!(["a", "b,c"])),
            ("events", &[""], json!([])),
            ("sizes", &["1,2"], json!([1, 2])),
            ("sizes", &["7"], json!([7])),
            ("input", &["a, b"], json!("a, b")),
            ("input", &["a", "b"], json!(["a", "b"])),
            ("filters", &[r#"{"a":1}"#], json!({"a": 1})),
        ];
        for (name, texts, expected) in rows {
            assert_eq!(value(&kinds[*name], texts).as_ref(), Ok(expected), "{name} {texts:?}");
        }
    }

    #[test]
    fn what_cannot_become_it_is_named() {
        let kinds = ask();
        let rows: &[(&str, &[&str], &str)] = &[
            ("text", &["a", "b"], "is there 2 times, and is not a list, each a text"),
            ("limit", &["ten"], "is not a whole number"),
            ("limit", &["1.5"], "is not a whole number"),
            ("limit", &[""], "is not a whole number"),
            ("limit", &["null"], "is not a whole number"),
            ("weight", &["NaN"], "is not a number"),
            ("deep", &["yes"], "is not true or false"),
            ("sizes", &["1,x"], "is not a list, each a whole number"),
            ("filters", &["[1]"], "is not a JSON object"),
        ];
        for (name, texts, expected) in rows {
            assert_eq!(value(&kinds[*name], texts), Err((*expected).to_owned()), "{name} {texts:?}");
        }
    }
}

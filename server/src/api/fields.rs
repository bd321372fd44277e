//! The fields of an object in words: type, whether it is needed, what is allowed, what it means.

use serde_json::Value;

use super::{
    bounds::is_of_format,
    shapes::{Shapes, reference},
};

/// A field as the documentation tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// `string`, `ChatMessage[]`, `"json" | "binary"`.
    pub(super) kind: String,
    pub(super) required: bool,
    /// `0 to 2`, `not empty`, `default 10`, unless `about` says it.
    pub(super) allowed: Vec<String>,
    pub(super) about: String,
}

/// The fields of a schema, in the order of their source.
pub(super) fn of(schema: &Value, shapes: &Shapes) -> Vec<Field> {
    if let Some(name) = reference(schema) {
        return shapes.definitions.get(name).map(|schema| of(schema, shapes)).unwrap_or_default();
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let mut fields: Vec<_> = parts.flat_map(|part| of(part, shapes)).collect();
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let about = property["description"].as_str().unwrap_or_default().to_owned();
        let mut allowed = allowed(property);
        allowed.retain(|said| !about.contains(said.as_str()));
        let required = required.contains(&name.as_str());
        fields.push(Field { name: name.clone(), kind: kind(property), required, allowed, about });
    }
    fields
}

/// What a schema is, in one line. What may be left out need not be null too.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(members) = ["oneOf", "anyOf"].into_iter().find_map(|union| schema[union].as_array()) {
        return either(members.iter().filter(|member| member["type"] != "null").map(kind).collect());
    }
    let types = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    either(types.into_iter().map(|name| of_type(name, schema)).collect())
}

fn either(mut kinds: Vec<String>) -> String {
    kinds.dedup();
    if kinds.is_empty() { "any".to_owned() } else { kinds.join(" | ") }
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "array" => match kind(&schema["items"]) {
            several if several.contains(' ') => format!("({several})[]"),
            one => format!("{one}[]"),
        },
        "object" => match &schema["additionalProperties"] {
            of @ Value::Object(_) => format!("{{ [name]: {} }}", kind(of)),
            _ => "object".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn allowed(schema: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let bound = |name: &str| schema.get(name).filter(|_| !is_of_format(schema, name)).map(number);
    match (bound("minimum"), bound("maximum"), bound("exclusiveMinimum")) {
        (Some(least), Some(most), _) => said.push(format!("{least} to {most}")),
        (Some(least), None, _) => said.push(format!("{least} or more")),
        (None, Some(most), None) => said.push(format!("{most} at most")),
        (None, most, Some(above)) => said.push(match most {
            Some(most) => format!("more than {above}, {most} at most"),
            None => format!("more than {above}"),
        }),
        (None, None, None) => {}
    }
    let count = |least: &str, most: &str, of: &str| match (schema[least].as_u64(), schema[most].as_u64()) {
        (Some(1), None) => Some("not empty".to_owned()),
        (Some(least), None) => Some(format!("{least} {of} or more")),
        (Some(least), Some(most)) => Some(format!("{least} to {most} {of}")),
        (None, Some(most)) => Some(format!("{most} {of} at most")),
        (None, None) => None,
    };
    said.extend(count("minLength", "maxLength", "characters"));
    said.extend(count("minItems", "maxItems", "items"));
    if let Some(pattern) = schema["pattern"].as_str() {
        said.push(format!("like `{pattern}`"));
    }
    if schema["type"] == "array" {
        said.extend(allowed(&schema["items"]).into_iter().map(|one| format!("each {one}")));
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        said.push(format!("default `{default}`"));
    }
    said
}

/// `2.0` is 2.
fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => format!("{whole:.0}"),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;
    use serde_json::json;
    use tabagent_protocol::api::{Chat, Embeddings};

    #[test]
    fn fields_are_told_in_words() {
        let mut api = Api::default();
        api.add::<Chat>();
        api.add::<Embeddings>();
        let shapes = api.shapes();
        let fields = of(&shapes.actions[0].request, &shapes);
        let told = |name: &str| {
            let field = fields.iter().find(|field| field.name == name).expect("a field");
            (field.kind.as_str(), field.required, field.allowed.join(", "))
        };
        assert_eq!(told("model"), ("string", true, "not empty".to_owned()));
        assert_eq!(told("messages"), ("ChatMessage[]", true, "not empty".to_owned()));
        assert_eq!(told("temperature"), ("number", false, String::new()), "told by its sentence");
        assert_eq!(told("max_tokens").0, "integer");
        assert_eq!(told("stop"), ("Stop", false, String::new()));
        let answer = of(&shapes.actions[1].response, &shapes);
        assert_eq!((answer[0].name.as_str(), answer[0].kind.as_str()), ("type", "\"embeddings_response\""));
        assert!(answer.iter().any(|field| field.kind == "number[][]"));
    }

    #[test]
    fn what_is_allowed_is_told_in_words() {
        let rows = [
            (json!({"type": "integer", "format": "uint64", "minimum": 0, "maximum": 9_007_199_254_740_991_u64}), ""),
            (json!({"type": "integer", "minimum": 1}), "1 or more"),
            (json!({"type": "number", "exclusiveMinimum": 0}), "more than 0"),
            (json!({"type": "string", "maxLength": 9, "pattern": "^hf_"}), "9 characters at most; like `^hf_`"),
            (json!({"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}), "not empty; each not empty"),
            (json!({"type": "integer", "default": 10}), "default `10`"),
        ];
        for (schema, expected) in rows {
            assert_eq!(allowed(&schema).join("; "), expected, "{schema}");
        }
        assert_eq!(kind(&json!({"type": "object", "additionalProperties": {"type": "string"}})), "{ [name]: string }");
        assert_eq!(kind(&json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]})), "A");
    }
}

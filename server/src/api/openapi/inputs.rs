//! What is sent: fields in the path, in the query and in the body.

use serde_json::{Map, Value, json};

use super::{Described, Document, pascal};
use crate::openai::Twin;

impl Document {
    /// Writes the parameters and the body of an operation.
    pub(super) fn inputs(
        &mut self,
        operation: &mut Map<String, Value>,
        action: &Described,
        twin: Option<Twin>,
        method: &str,
        path: &str,
    ) {
        let example: Value = serde_json::from_str(action.info.accepted).unwrap_or_default();
        let mut request = self.definition(&action.request).clone();
        if let Some(twin) = twin {
            twin.widen(&mut request, &mut self.heard);
        }
        let in_path = names(path);
        let mut parameters: Vec<_> = in_path.iter().map(|name| parameter("path", name, true, &request, &example)).collect();
        let changed = twin.is_some() || !in_path.is_empty();
        in_path.iter().for_each(|name| take(&mut request, name));
        let takes = action.info.takes;
        let raw = takes.iter().map(|kind| ((*kind).to_owned(), json!({})));
        // Of a body that is read as it comes, the action knows the fields before it comes.
        let in_query = action.info.incoming || in_query(method, &request);
        if in_query || !takes.is_empty() {
            let fields = request["properties"].as_object().into_iter().flatten();
            let asked = |name: &str| in_query && required(&request).any(|one| one == name);
            parameters.extend(fields.map(|(name, _)| parameter("query", name, asked(name), &request, &example)));
        }
        if action.info.incoming {
            operation.insert("requestBody".into(), json!({ "content": raw.collect::<Map<_, _>>() }));
        } else if !in_query {
            let schema = match changed {
                true => self.refer(&format!("{}Body", pascal(action.info.name)), request.clone()),
                false => action.request.clone(),
            };
            let example = without(example, &in_path);
            let mut content = Map::from_iter([("application/json".to_owned(), json!({ "schema": schema, "example": example }))]);
            content.extend(raw);
            let needed = takes.is_empty() && required(&request).next().is_some();
            operation.insert("requestBody".into(), json!({ "required": needed, "content": content }));
        }
        if !parameters.is_empty() {
            operation.insert("parameters".into(), parameters.into());
        }
    }
}

/// Whether the fields that are not in the path stand in the query: where there is no body, or none is needed.
fn in_query(method: &str, request: &Value) -> bool {
    method == "GET" || method == "DELETE" && required(request).next().is_none()
}

/// The names of the fields in a path.
fn names(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

fn required(request: &Value) -> impl Iterator<Item = &str> {
    request["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Takes a field out of a schema.
fn take(request: &mut Value, name: &str) {
    if let Some(fields) = request["properties"].as_object_mut() {
        fields.shift_remove(name);
    }
    if let Some(required) = request["required"].as_array_mut() {
        required.retain(|one| one != name);
    }
}

fn without(mut example: Value, names: &[&str]) -> Value {
    if let Some(fields) = example.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    example
}

fn parameter(place: &str, name: &str, required: bool, request: &Value, example: &Value) -> Value {
    let mut schema = without_null(&request["properties"][name]);
    let about = schema.as_object_mut().and_then(|schema| schema.shift_remove("description"));
    let mut parameter = json!({ "name": name, "in": place, "required": required });
    if let Some(about) = about {
        parameter["description"] = about;
    }
    if is_object(&schema) {
        parameter["content"] = json!({ "application/json": { "schema": schema } });
    } else {
        parameter["schema"] = schema;
    }
    if let Some(example) = example.get(name) {
        parameter["example"] = example.clone();
    }
    parameter
}

/// An address can leave a field out, but not say null.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let Some(object) = schema.as_object_mut() else { return json!({ "type": "string" }) };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".into(), one);
        }
    }
    for union in ["anyOf", "oneOf"] {
        let Some(Value::Array(members)) = object.get_mut(union) else { continue };
        members.retain(|member| member["type"] != "null");
        if let [Value::Object(one)] = members.as_slice() {
            let one = one.clone();
            object.shift_remove(union);
            object.extend(one);
        }
    }
    schema
}

fn is_object(schema: &Value) -> bool {
    schema["type"] == "object" || schema["items"]["type"] == "object"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_say_null() {
        assert_eq!(
            without_null(&json!({ "type": ["integer", "null"], "minimum": 1 })),
            json!({ "type": "integer", "minimum": 1 })
        );
        let reference = json!({ "$ref": "#/components/schemas/Stop" });
        let either = json!({ "description": "x", "anyOf": [reference, { "type": "null" }] });
        assert_eq!(without_null(&either), json!({ "description": "x", "$ref": "#/components/schemas/Stop" }));
        assert_eq!(without_null(&Value::Null), json!({ "type": "string" }));
    }

    #[test]
    fn a_field_of_the_path_is_in_the_path_alone() {
        let mut request = json!({ "properties": { "id": {}, "limit": {} }, "required": ["id"] });
        assert_eq!(names("/v1/x/{id}/y"), ["id"]);
        take(&mut request, "id");
        assert_eq!(request, json!({ "properties": { "limit": {} }, "required": [] }));
        assert!(in_query("DELETE", &request) && in_query("GET", &request) && !in_query("POST", &request));
    }
}

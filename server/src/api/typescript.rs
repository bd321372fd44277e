//! TypeScript declarations, as people write them: one type per definition, tables of actions and events, one `Api`.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::shapes::{Described, Shapes, reference};

const HEAD: &str = "// Written from the server's own types. Do not edit: GET /v1/types.ts writes it anew.\n";

/// All declarations of a service, as one module.
pub(super) fn declarations(shapes: &Shapes) -> String {
    let mut out = HEAD.to_owned();
    for (name, schema) in &shapes.definitions {
        let _ = write!(out, "\n{}export type {name} = {};\n", comment(schema, ""), shape(schema, ""));
    }
    table(
        &mut out,
        "Actions",
        "Every action of the server: what is asked, what is answered, what a stream of it is made of.",
        &shapes.actions,
    );
    table(&mut out, "ClientActions", "Every action that the server asks its clients for.", &shapes.client_actions);
    out += "\n/** Events that the server sends. */\nexport interface Events {\n";
    for (name, event) in &shapes.events {
        let _ = writeln!(out, "  {name}: {{ type: \"event\"; event: \"{name}\" }} & {};", shape(event, "  "));
    }
    out += "}\n";
    out += "\n/** The types of `connect<Api>()`. */\nexport interface Api {\n  actions: Actions;\n  events: Events;\n  clientActions: ClientActions;\n}\n";
    out += "\n/** Every request, told apart by `action`. */\n";
    out += "export type Request = { [A in keyof Actions]: { action: A } & Actions[A][\"request\"] }[keyof Actions];\n";
    out += "\n/** Every answer, told apart by `type`. */\n";
    out += "export type Response = Actions[keyof Actions][\"response\"];\n";
    out
}

fn table(out: &mut String, name: &str, about: &str, actions: &[Described]) {
    let _ = writeln!(out, "\n/** {about} */\nexport interface {name} {{");
    for Described { info, request, response, item } in actions {
        if !info.description.is_empty() {
            let _ = writeln!(out, "  /** {} */", info.description);
        }
        let item = item.as_ref().map_or_else(|| "never".to_owned(), |item| shape(item, "  "));
        let (request, response) = (shape(request, "  "), shape(response, "  "));
        let _ = writeln!(out, "  {}: {{ request: {request}; response: {response}; item: {item} }};", info.name);
    }
    out.push_str("}\n");
}

/// The type that a schema describes.
fn shape(schema: &Value, indent: &str) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    for union in ["oneOf", "anyOf", "enum"] {
        if let Some(members) = schema.get(union).and_then(Value::as_array) {
            let member = |value: &Value| if union == "enum" { value.to_string() } else { shape(value, indent) };
            return joined(members.iter().map(member), " | ");
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        return joined(parts.iter().map(|part| shape(part, indent)), " & ");
    }
    match schema.get("type") {
        Some(Value::String(one)) => of_type(one, schema, indent),
        Some(Value::Array(several)) => {
            joined(several.iter().filter_map(Value::as_str).map(|one| of_type(one, schema, indent)), " | ")
        }
        _ if *schema == Value::Bool(false) => "never".to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn of_type(name: &str, schema: &Value, indent: &str) -> String {
    match name {
        "integer" | "number" => "number".to_owned(),
        "array" => {
            let element = schema.get("items").map_or_else(|| "unknown".to_owned(), |items| shape(items, indent));
            if element.contains(' ') { format!("({element})[]") } else { format!("{element}[]") }
        }
        "object" => object(schema, indent),
        // string, boolean, null: called the same.
        other => other.to_owned(),
    }
}

fn object(schema: &Value, indent: &str) -> String {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if properties.is_empty() {
        return match schema.get("additionalProperties") {
            Some(Value::Bool(false)) | None => "Record<never, never>".to_owned(),
            Some(of) => format!("Record<string, {}>", shape(of, indent)),
        };
    }
    let required: Vec<_> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let inner = format!("{indent}  ");
    let mut out = "{\n".to_owned();
    for (name, property) in properties {
        let (mark, mut written) = ("?", shape(property, &inner));
        let mark = if required.contains(&name.as_str()) { "" } else { mark };
        if mark == "?" {
            // What may be left out need not be null too.
            written = written.trim_end_matches(" | null").to_owned();
        }
        let _ = writeln!(out, "{}{inner}{name}{mark}: {written};", comment(property, &inner));
    }
    out + indent + "}"
}

fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    parts.collect::<Vec<_>>().join(by)
}

/// What people wrote about it, as editors show it.
fn comment(schema: &Value, indent: &str) -> String {
    let Some(text) = schema.get("description").and_then(Value::as_str) else { return String::new() };
    let text = text.replace("*/", "* /");
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    match lines.as_slice() {
        [one] => format!("{indent}/** {one} */\n"),
        several => {
            let body: String = several.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{body}{indent} */\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_are_written_as_people_write_them() {
        let written = |schema: Value| shape(&schema, "");
        assert_eq!(written(json!({"$ref": "#/components/schemas/Chat"})), "Chat");
        assert_eq!(written(json!({"type": ["integer", "null"]})), "number | null");
        assert_eq!(
            written(json!({"oneOf": [{"const": "a", "type": "string"}, {"const": "b", "type": "string"}]})),
            r#""a" | "b""#
        );
        assert_eq!(written(json!({"type": "array", "items": {"type": ["string", "null"]}})), "(string | null)[]");
        assert_eq!(written(json!({"type": "array", "items": {"type": "array", "items": {"type": "number"}}})), "number[][]");
        assert_eq!(written(json!({"type": "object"})), "Record<never, never>");
        assert_eq!(written(json!({"type": "object", "additionalProperties": {"type": "boolean"}})), "Record<string, boolean>");
        assert_eq!(written(json!(true)), "unknown");
    }

    #[test]
    fn an_option_may_be_left_out_and_a_comment_stays_with_its_field() {
        let schema = json!({
            "type": "object", "required": ["b"],
            "properties": {
                "a": {"type": ["string", "null"], "description": "First."},
                "b": {"type": "object", "properties": {"c": {"type": "number", "description": "One\nTwo */"}}},
            },
        });
        let expected =
            "{\n  /** First. */\n  a?: string;\n  b: {\n    /**\n     * One\n     * Two * /\n     */\n    c?: number;\n  };\n}";
        assert_eq!(shape(&schema, ""), expected);
    }
}

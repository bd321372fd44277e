//! What requests of this format may say beyond our own fields, and which of our fields it means.

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tabagent_protocol::{
    Fault,
    api::{MessageRole, refused},
};

use super::{Twin, Wishes};

/// Particulars of a stream.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiStreamOptions")]
struct StreamOptions {
    /// A last chunk says how many tokens there were. Default: false.
    include_usage: Option<bool>,
}

/// One message of a conversation.
#[derive(JsonSchema)]
#[schemars(rename = "OpenAiMessage")]
#[expect(dead_code, reason = "only its schema is used")]
struct Message {
    /// Who speaks.
    role: Role,
    /// What is said.
    content: Content,
    /// Name of the speaker, where several share a role.
    name: Option<String>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum Role {
    Ours(MessageRole),
    Developer(Developer),
}

/// Newer name of `system`.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum Developer {
    Developer,
}

/// A text, or parts that are joined to one; null is an empty text.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum Content {
    Text(String),
    Parts(Vec<Part>),
    Nothing(()),
}

/// A part of a content.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "OpenAiContentPart")]
#[expect(dead_code, reason = "only its schema is used")]
enum Part {
    Text { text: String },
}

pub(super) fn translate(twin: Twin, fields: &mut Map<String, Value>) -> Result<Wishes, Fault> {
    match twin {
        Twin::Chat => messages(fields),
        Twin::Generate => {
            if let Some([one]) = fields.get("prompt").and_then(Value::as_array).map(Vec::as_slice) {
                let one = one.clone();
                fields.insert("prompt".to_owned(), one);
            }
        }
        Twin::Responses => super::responses::request(fields),
        Twin::Embeddings | Twin::Models | Twin::Model => return Ok(Wishes::default()),
    }
    let options = fields.get("stream_options").filter(|options| !options.is_null());
    let options = options.map(StreamOptions::deserialize).transpose();
    let options = options.map_err(|error| refused("stream_options", error))?.unwrap_or_default();
    Ok(Wishes { usage: options.include_usage.unwrap_or(false) })
}

/// Roles and contents that are ours by another name.
fn messages(fields: &mut Map<String, Value>) {
    for message in fields.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(message) = message.as_object_mut() else { continue };
        if message.get("role").is_some_and(|role| role == "developer") {
            message.insert("role".to_owned(), "system".into());
        }
        if let Some(text) = message.get("content").and_then(|content| joined(content, &["text"])) {
            message.insert("content".to_owned(), text.into());
        }
    }
}

/// The text of a content given in parts of these types; None for any other content, which is left to be refused.
pub(super) fn joined(content: &Value, types: &[&str]) -> Option<String> {
    if content.is_null() {
        return Some(String::new());
    }
    let of_text = |part: &Value| part["type"].as_str().is_some_and(|kind| types.contains(&kind));
    content.as_array()?.iter().map(|part| part["text"].as_str().filter(|_| of_text(part))).collect()
}

pub(super) fn widen(twin: Twin, request: &mut Value, generator: &mut SchemaGenerator) {
    let Some(fields) = request.get_mut("properties").and_then(Value::as_object_mut) else { return };
    match twin {
        Twin::Chat => {
            fields["messages"]["items"] = generator.subschema_for::<Message>().to_value();
            also(fields, "max_tokens", "max_completion_tokens");
        }
        Twin::Generate => {
            let prompt = fields["prompt"].take();
            let about = prompt["description"].clone();
            let text = json!({ "type": "string", "minLength": prompt["minLength"] });
            let list = json!({ "type": "array", "items": text, "minItems": 1, "maxItems": 1 });
            fields["prompt"] = json!({ "description": about, "anyOf": [text, list] });
        }
        Twin::Responses => {}
        Twin::Embeddings | Twin::Models | Twin::Model => return,
    }
    if twin != Twin::Responses {
        fields.insert("stream_options".to_owned(), generator.subschema_for::<Option<StreamOptions>>().to_value());
    }
}

/// A field that is read under a second name.
fn also(fields: &mut Map<String, Value>, name: &str, second: &str) {
    let mut schema = fields[name].clone();
    schema["description"] = format!("The same as `{name}`.").into();
    fields.insert(second.to_owned(), schema);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(twin: Twin, fields: Value) -> Value {
        let Value::Object(mut fields) = fields else { unreachable!("an object") };
        twin.translate(&mut fields).expect("well-formed");
        Value::Object(fields)
    }

    #[test]
    fn requests_of_other_clients_become_ours() {
        let theirs = json!({
            "messages": [
                { "role": "developer", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
                { "role": "assistant", "content": null },
                { "role": "user", "content": [{ "type": "image_url", "image_url": {} }] },
                "no message",
            ],
        });
        let ours = translated(Twin::Chat, theirs);
        assert_eq!(ours["messages"][0], json!({ "role": "system", "content": "ab" }));
        assert_eq!(ours["messages"][1]["content"], "");
        assert!(ours["messages"][2]["content"].is_array(), "left to be refused");
        assert_eq!(translated(Twin::Generate, json!({ "prompt": ["p"] }))["prompt"], "p");
    }

    #[test]
    fn options_of_a_stream_are_checked() {
        let wishes = |options: Value| {
            let mut fields = Map::from_iter([("stream_options".to_owned(), options)]);
            Twin::Chat.translate(&mut fields)
        };
        assert_eq!(wishes(json!({ "include_usage": true })), Ok(Wishes { usage: true }));
        assert_eq!(wishes(json!(null)), Ok(Wishes { usage: false }));
        let fault = wishes(json!({ "include_usage": "yes" })).expect_err("refused");
        assert_eq!(fault.details, br#"{"field":"stream_options"}"#);
    }
}

//! The OpenAI wire format of chat, generate, embeddings and list_models: one mapping, in both directions.
//!
//! What that format has no word for is left out (`dimensions`) or named by the nearest (`cancelled` is `stop`).

/// Streams of chunks.
mod stream;

pub(super) use stream::stream;

use axum::response::Response;
use serde_json::{Map, Value, json};
use tabagent_protocol::api::{Action, ActionInfo, Chat, Embeddings, Generate, ListModels};

use crate::error::Refusal;

/// An action that speaks this format over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twin {
    Chat,
    Generate,
    Embeddings,
    Models,
}

impl Twin {
    /// The twin of an action, if it has one.
    pub(super) fn of(info: &ActionInfo) -> Option<Self> {
        Some(match info.name {
            Chat::NAME => Self::Chat,
            Generate::NAME => Self::Generate,
            Embeddings::NAME => Self::Embeddings,
            ListModels::NAME => Self::Models,
            _ => return None,
        })
    }

    /// Puts a request of this format into our fields.
    pub(super) fn translate(self, fields: &mut Map<String, Value>) {
        if let Some(tokens) = fields.remove("max_completion_tokens") {
            fields.entry("max_tokens").or_insert(tokens);
        }
        if self == Self::Generate
            && let Some([one]) = fields.get("prompt").and_then(Value::as_array).map(Vec::as_slice)
        {
            let one = one.clone();
            fields.insert("prompt".to_owned(), one);
        }
        for message in fields.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
            if message["role"] == "developer" {
                message["role"] = "system".into();
            }
            if let Some(text) = message.get("content").and_then(joined) {
                message["content"] = text.into();
            }
        }
    }

    /// Our answer in this format.
    pub(super) fn answer(self, ours: &Value) -> Value {
        match self {
            Self::Chat => json!({
                "id": ours["id"], "object": "chat.completion", "created": now(), "model": ours["model"],
                "choices": [{
                    "index": 0,
                    "message": { "role": "assistant", "content": ours["response"] },
                    "finish_reason": finish_reason(&ours["finish_reason"]),
                    "logprobs": null,
                }],
                "usage": ours["usage"],
            }),
            Self::Generate => json!({
                "id": ours["id"], "object": "text_completion", "created": now(), "model": ours["model"],
                "choices": [{
                    "index": 0,
                    "text": ours["text"],
                    "finish_reason": finish_reason(&ours["finish_reason"]),
                    "logprobs": null,
                }],
                "usage": ours["usage"],
            }),
            Self::Embeddings => {
                let vectors = ours.get("embeddings").or_else(|| ours.get("embeddings_base64")).and_then(Value::as_array);
                let data = vectors.into_iter().flatten().enumerate();
                let data: Vec<_> =
                    data.map(|(i, vector)| json!({"object": "embedding", "index": i, "embedding": vector})).collect();
                json!({ "object": "list", "data": data, "model": ours["model"], "usage": ours["usage"] })
            }
            Self::Models => {
                let models = ours["models"].as_array().into_iter().flatten();
                json!({ "object": "list", "data": models.map(model).collect::<Vec<_>>() })
            }
        }
    }

    /// One chunk of a stream; `finish` in the last.
    fn chunk(self, id: &str, model: &str, piece: &Value, finish: &Value) -> Value {
        let (object, name) = match self {
            Self::Chat => ("chat.completion.chunk", "delta"),
            _ => ("text_completion", "text"),
        };
        let mut choice = json!({ "index": 0, "finish_reason": finish, "logprobs": null });
        choice[name] = piece.clone();
        json!({ "id": id, "object": object, "created": now(), "model": model, "choices": [choice] })
    }

    /// A piece of text as the chunks of this twin carry it.
    fn piece(self, text: &Value) -> Value {
        if self == Self::Chat { json!({ "content": text }) } else { text.clone() }
    }
}

/// Whether callers of this path expect errors in this format.
pub(super) fn speaks(path: &str) -> bool {
    matches!(path, "/v1/chat/completions" | "/v1/completions" | "/v1/embeddings" | "/v1/models")
}

/// A refusal that both kinds of callers can read: the error object, with theirs inside.
pub(super) fn refusal(refusal: &Refusal) -> Response {
    refusal.respond_with(error(&refusal.json(), refusal.status().as_u16()))
}

/// Our error object with theirs added.
fn error(ours: &Value, status: u16) -> Value {
    let kind = match status {
        401 | 403 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let mut both = ours.clone();
    both["error"] = json!({ "message": ours["message"], "type": kind, "code": ours["code"], "param": ours["details"]["field"] });
    both
}

fn model(ours: &Value) -> Value {
    let mut theirs = ours.clone();
    theirs["object"] = "model".into();
    theirs["owned_by"] = ours["backend"].clone();
    // They ask for the time it was made, which nobody here knows.
    theirs["created"] = 0.into();
    theirs
}

/// The text of a content given in parts; None for any other content, which is left to be refused.
fn joined(content: &Value) -> Option<String> {
    if content.is_null() {
        return Some(String::new());
    }
    let parts = content.as_array()?.iter();
    parts.map(|part| part["text"].as_str().filter(|_| part["type"] == "text")).collect()
}

fn finish_reason(ours: &Value) -> Value {
    match ours.as_str() {
        Some("length") => "length".into(),
        Some("content_filter") => "content_filter".into(),
        _ => "stop".into(),
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use tabagent_protocol::{Code, Fault};

    use super::*;
    use crate::envelope::error_object;

    fn translated(twin: Twin, mut fields: Value) -> Value {
        if let Some(fields) = fields.as_object_mut() {
            twin.translate(fields);
        }
        fields
    }

    #[test]
    fn requests_of_other_clients_become_ours() {
        let theirs = json!({
            "max_completion_tokens": 5,
            "messages": [
                { "role": "developer", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
                { "role": "assistant", "content": null },
                { "role": "user", "content": [{ "type": "image_url", "image_url": {} }] },
            ],
        });
        let ours = translated(Twin::Chat, theirs);
        assert_eq!(ours["max_tokens"], 5);
        assert_eq!(ours["messages"][0], json!({ "role": "system", "content": "ab" }));
        assert_eq!(ours["messages"][1]["content"], "");
        assert!(ours["messages"][2]["content"].is_array(), "left to be refused");
        assert_eq!(translated(Twin::Generate, json!({ "prompt": ["p"] }))["prompt"], "p");
    }

    #[test]
    fn an_error_has_both_shapes() {
        let fault = Fault::new(Code::VALIDATION_FAILED, "no").with_details(r#"{"field":"model"}"#);
        let both = error(&Value::Object(error_object(&fault)), 400);
        assert_eq!(both["code"], "validation_failed");
        assert_eq!(
            both["error"],
            json!({ "message": "no", "type": "invalid_request_error", "code": "validation_failed", "param": "model" })
        );
    }
}

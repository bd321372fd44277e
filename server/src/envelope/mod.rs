//! The three envelopes in which JSON requests come, and answers in the envelope of their request.
//!
//! ```text
//! {action, …fields}               {type, …}
//! {request_type, …fields}         {type, response_type, …}
//! {route, request_id, payload}    {request_id, success, data | error}   {request_id, event, data}
//! ```
//! `id`, `messageId` and `request_id` come back as they were sent.

mod aliases;
/// From a message to an action with its fields.
mod read;

pub(crate) use read::read;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use tabagent_protocol::{Body, Code, Fault};

/// How a request was wrapped, which is how its answers will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    /// `{action, …}`; also what a message gets that could not be read at all.
    #[default]
    Flat,
    /// `{request_type, …}`.
    Typed,
    /// `{route, request_id, payload}`.
    Routed,
}

/// Wraps the answers to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    shape: Shape,
    /// `id`, `messageId`, `request_id`: those that the request had.
    echo: Map<String, Value>,
}

impl Envelope {
    /// One part of a stream.
    pub(crate) fn item(&self, body: &Body) -> String {
        match self.shape {
            Shape::Routed => self.routed(json!({ "event": "delta", "data": object(body) })),
            _ => self.flat(object(body)),
        }
    }

    /// News of the call, or of a subscription.
    pub(crate) fn event(&self, body: &Body) -> String {
        let data = object(body);
        match self.shape {
            Shape::Routed => self.routed(json!({ "event": data.get("event"), "data": data })),
            _ => self.flat(data),
        }
    }

    /// The answer or the failure.
    pub(crate) fn done(&self, outcome: &Result<Body, Fault>) -> String {
        match outcome {
            Ok(body) if self.shape == Shape::Routed => self.routed(json!({ "success": true, "data": object(body) })),
            Ok(body) => self.flat(object(body)),
            Err(fault) => self.fault(fault),
        }
    }

    /// A failure.
    pub(crate) fn fault(&self, fault: &Fault) -> String {
        let mut error = error_object(fault);
        if self.shape != Shape::Routed {
            return self.flat(error);
        }
        error.retain(|name, _| ["code", "message", "details"].contains(&name.as_str()));
        self.routed(json!({ "success": false, "error": error }))
    }

    /// One piece of an answer that is too big for one message.
    pub(crate) fn part(&self, seq: u32, last: bool, text: &str) -> String {
        let mut object = self.echo.clone();
        object.insert("type".into(), "part".into());
        object.insert("seq".into(), seq.into());
        object.insert("last".into(), last.into());
        object.insert("text".into(), text.into());
        Value::Object(object).to_string()
    }

    fn flat(&self, mut object: Map<String, Value>) -> String {
        if self.shape == Shape::Typed {
            mark_type(&mut object);
        }
        object.extend(self.echo.clone());
        Value::Object(object).to_string()
    }

    fn routed(&self, mut answer: Value) -> String {
        if let Some(object) = answer.as_object_mut() {
            object.extend(self.echo.clone());
        }
        answer.to_string()
    }
}

/// Adds what callers of `request_type` look for.
fn mark_type(object: &mut Map<String, Value>) {
    let Some(kind) = object.get("type").and_then(Value::as_str) else { return };
    let response_type = aliases::canonical(aliases::RESPONSE_TYPES, kind).map_or_else(|| pascal(kind), str::to_owned);
    if kind == "chat_response"
        && let Some(text) = object.get("response").cloned()
    {
        object.insert("text".into(), text);
    }
    object.insert("response_type".into(), response_type.into());
}

/// `system_info_response` is `SystemInfo`.
fn pascal(kind: &str) -> String {
    let words = kind.strip_suffix("_response").unwrap_or(kind).split('_');
    words.flat_map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1))).collect()
}

/// A body as an object. Raw bytes, which JSON has no place for, become `payload: {content_type, base64}`; an own action's
/// answer that is no object becomes `value`.
pub(crate) fn object(body: &Body) -> Map<String, Value> {
    let mut object = match serde_json::from_slice(&body.value) {
        Ok(Value::Object(object)) => object,
        Ok(value) => Map::from_iter([("value".to_owned(), value)]),
        Err(_) => Map::new(),
    };
    if let Some(payload) = &body.payload {
        let content_type = payload.content_type.as_deref().unwrap_or("application/octet-stream");
        let base64 = BASE64_STANDARD.encode(&payload.bytes);
        object.insert("payload".into(), json!({ "content_type": content_type, "base64": base64 }));
    }
    object
}

/// A failure as `{type:"error", code, message, status, details?, retry_after_ms?}`.
pub(crate) fn error_object(fault: &Fault) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".into(), "error".into());
    object.insert("code".into(), fault.code.as_str().into());
    object.insert("message".into(), fault.message.as_ref().into());
    object.insert("status".into(), fault.code.status().into());
    if let Ok(details) = serde_json::from_slice::<Value>(&fault.details) {
        object.insert("details".into(), details);
    }
    if let Some(ms) = fault.retry_after_ms {
        object.insert("retry_after_ms".into(), ms.into());
    }
    object
}

fn bad_request(text: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::BAD_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tabagent_protocol::Payload;

    fn envelope(request: &Value) -> Envelope {
        let read = read(request.to_string().as_bytes(), &crate::Service::new());
        assert!(read.request.is_ok(), "{:?}", read.request);
        read.envelope
    }

    fn body(value: &Value) -> Body {
        Body::json(value.to_string())
    }

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).expect("json")
    }

    #[test]
    fn a_flat_request_gets_a_flat_answer_with_its_ids() {
        let envelope = envelope(&json!({"action": "health", "id": 7, "messageId": "m"}));
        let answer = parse(&envelope.done(&Ok(body(&json!({"type": "health_response", "id": "own"})))));
        assert_eq!(answer, json!({"type": "health_response", "id": 7, "messageId": "m"}));
        let fault = Fault::new(Code::VALIDATION_FAILED, "no").with_details(r#"{"field":"x"}"#).retry_after(5);
        let error = json!({"type": "error", "code": "validation_failed", "message": "no", "status": 400,
            "details": {"field": "x"}, "retry_after_ms": 5, "id": 7, "messageId": "m"});
        assert_eq!(parse(&envelope.done(&Err(fault))), error);
    }

    #[test]
    fn a_request_type_gets_response_types() {
        let envelope = envelope(&json!({"request_type": "Chat"}));
        let response_type = |text: String| parse(&text)["response_type"].clone();
        let chat = parse(&envelope.done(&Ok(body(&json!({"type": "chat_response", "response": "hi"})))));
        let expected = json!({"type": "chat_response", "response_type": "ChatComplete", "response": "hi", "text": "hi"});
        assert_eq!(chat, expected);
        for (kind, expected) in [
            ("system_info_response", "SystemInfo"),
            ("model_list_response", "ModelList"),
            ("model_loaded_response", "ModelLoaded"),
            ("success", "Success"),
        ] {
            assert_eq!(response_type(envelope.done(&Ok(body(&json!({ "type": kind }))))), expected);
        }
        assert_eq!(response_type(envelope.item(&body(&json!({"type": "chat_delta"})))), "ChatDelta");
        assert_eq!(response_type(envelope.event(&body(&json!({"type": "event"})))), "Event");
        assert_eq!(response_type(envelope.fault(&bad_request("no"))), "Error");
    }

    #[test]
    fn a_route_gets_success_or_error() {
        let envelope = envelope(&json!({"route": "chat", "request_id": "r", "payload": {}}));
        let data = json!({"type": "chat_response", "response": "hi"});
        let answer = parse(&envelope.done(&Ok(body(&data))));
        assert_eq!(answer, json!({"request_id": "r", "success": true, "data": data}));
        let delta = json!({"type": "chat_delta", "delta": "h", "index": 0});
        assert_eq!(parse(&envelope.item(&body(&delta))), json!({"request_id": "r", "event": "delta", "data": delta}));
        let event = json!({"type": "event", "event": "generation_stopped"});
        let expected = json!({"request_id": "r", "event": "generation_stopped", "data": event});
        assert_eq!(parse(&envelope.event(&body(&event))), expected);
        let error = json!({"request_id": "r", "success": false, "error": {"code": "bad_request", "message": "no"}});
        assert_eq!(parse(&envelope.fault(&bad_request("no"))), error);
    }

    #[test]
    fn raw_bytes_travel_as_base64() {
        let payload = Some(Payload { content_type: None, bytes: vec![0, 1, 2] });
        let answer = parse(&Envelope::default().done(&Ok(Body { value: b"{}".to_vec(), payload })));
        assert_eq!(answer["payload"], json!({"content_type": "application/octet-stream", "base64": "AAEC"}));
    }
}

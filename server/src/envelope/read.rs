//! From a message to an action with its fields, whatever the envelope and the spelling.

use serde_json::{Map, Value};
use tabagent_protocol::{Fault, api::refused};

use super::{
    Envelope, Shape,
    aliases::{ROUTES, canonical},
    bad_request,
};
use crate::service::Service;

/// Fields that come back as they were sent, in the order in which they name the call.
const ECHOED: [&str; 3] = ["request_id", "messageId", "id"];
/// Bytes of JSON of such a field. It is repeated in every part of an answer.
const ECHO_BYTES: usize = 256;

/// A message, read as far as it can be.
#[derive(Debug)]
pub(crate) struct Read {
    /// How to answer, even if it cannot be carried out.
    pub(crate) envelope: Envelope,
    /// What it asks for.
    pub(crate) request: Result<Request, Fault>,
}

/// What a message asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    /// Present name of the action.
    pub(crate) action: String,
    /// Its fields.
    pub(crate) fields: Value,
    /// The caller's name of the call.
    pub(crate) request_id: Option<String>,
}

/// Reads a message. The service tells which actions exist: an own action's name is never taken for an alias.
pub(crate) fn read(message: &[u8], service: &Service) -> Read {
    let object = match serde_json::from_slice(message) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Read::nothing(bad_request("a request is one JSON object")),
        Err(error) => return Read::nothing(bad_request(format!("the message is not JSON: {error}"))),
    };
    match echo(&object) {
        Ok(echo) => {
            let envelope = Envelope { shape: shape(&object), echo };
            let request = request(object, envelope.shape, service);
            Read { envelope, request }
        }
        Err(fault) => Read::nothing(fault),
    }
}

impl Read {
    fn nothing(fault: Fault) -> Self {
        Self { envelope: Envelope::default(), request: Err(fault) }
    }
}

fn shape(object: &Map<String, Value>) -> Shape {
    let has = |name| object.get(name).is_some_and(Value::is_string);
    match (has("route"), has("action"), has("request_type")) {
        (true, false, false) => Shape::Routed,
        (_, _, true) => Shape::Typed,
        _ => Shape::Flat,
    }
}

fn echo(object: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let mut echo = Map::new();
    for name in ECHOED {
        let Some(value) = object.get(name) else { continue };
        if value.to_string().len() > ECHO_BYTES {
            return Err(refused(name, format_args!("is longer than {ECHO_BYTES} bytes")));
        }
        echo.insert(name.to_owned(), value.clone());
    }
    Ok(echo)
}

fn request(mut object: Map<String, Value>, shape: Shape, service: &Service) -> Result<Request, Fault> {
    let request_id = name(&object);
    let action = action(&mut object, shape, service)?;
    let fields = if shape == Shape::Routed { payload(&mut object)? } else { object };
    Ok(Request { action, fields: Value::Object(fields), request_id })
}

/// Takes the action's name out of the object.
fn action(object: &mut Map<String, Value>, shape: Shape, service: &Service) -> Result<String, Fault> {
    let mut take = |name| match object.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    if shape == Shape::Routed {
        let route = snake(&take("route").unwrap_or_default());
        let known = if service.serves(&route) { None } else { canonical(ROUTES, &route) };
        return Ok(service.present_name(known.unwrap_or(&route)).to_owned());
    }
    let action = take("action").map(|name| service.present_name(&name).to_owned());
    let request_type = take("request_type").map(|name| service.present_name(&snake(&name)).to_owned());
    match (action, request_type) {
        (Some(one), Some(other)) if one != other => {
            Err(refused("action", "and request_type name two different actions; send one of them"))
        }
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => Err(bad_request("the request names no action; send {\"action\": \"health\"}, for example")),
    }
}

/// `SystemInfo`, `system-info` and `system_info` are one.
fn snake(written: &str) -> String {
    let mut out = String::with_capacity(written.len() + 4);
    let mut after_lower = false;
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        let before_lower = chars.peek().is_some_and(|next| next.is_lowercase());
        let word_begins = c.is_uppercase() && (after_lower || before_lower);
        if word_begins && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if c == '-' {
            out.push('_')
        } else {
            out.extend(c.to_lowercase())
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    out
}

/// The caller's name of the call: the first field that could come back as one.
fn name(object: &Map<String, Value>) -> Option<String> {
    ECHOED.iter().find_map(|field| match object.get(*field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn payload(object: &mut Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    match object.remove("payload") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Err(refused("payload", "is the object of the action's fields")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tabagent_protocol::{
        Code,
        api::{Action, NoItem, TABLE},
    };

    /// An own action under what is an older name of another.
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Ping {}

    impl Action for Ping {
        const NAME: &'static str = "ping";
        type Response = Value;
        type Item = NoItem;
    }

    fn read_json(message: &Value) -> Read {
        read(message.to_string().as_bytes(), &Service::new())
    }

    fn action(message: &Value) -> String {
        read_json(message).request.expect("readable").action
    }

    fn fault(message: &Value) -> Fault {
        read_json(message).request.expect_err("refused")
    }

    #[test]
    fn every_action_is_found_under_every_spelling() {
        for info in TABLE {
            let pascal: String = info.name.split('_').flat_map(|word| [word[..1].to_uppercase(), word[1..].to_owned()]).collect();
            let kebab = info.name.replace('_', "-");
            assert_eq!(action(&json!({"action": info.name})), info.name);
            assert_eq!(action(&json!({"request_type": pascal})), info.name);
            assert_eq!(action(&json!({"request_type": info.name})), info.name);
            assert_eq!(action(&json!({"route": kebab, "payload": {}})), info.name);
        }
        assert_eq!(snake("SetHFToken"), "set_hf_token");
        assert_eq!(snake("RagQuery2Go"), "rag_query2_go");
    }

    #[test]
    fn older_names_are_understood_unless_somebody_serves_them() {
        assert_eq!(action(&json!({"action": "ping"})), "health");
        assert_eq!(action(&json!({"request_type": "GetSystemInfo"})), "system_info");
        assert_eq!(action(&json!({"route": "system"})), "system_info");
        assert_eq!(action(&json!({"route": "models"})), "list_models");
        assert_eq!(action(&json!({"route": "semantic-search"})), "semantic_search_query");
        assert_eq!(action(&json!({"action": "system"})), "system");
        let own = Service::new().on(|_, _: Ping| async { Ok(json!({})) });
        let read = read(br#"{"action":"ping"}"#, &own);
        assert_eq!(read.request.expect("readable").action, "ping");
    }

    #[test]
    fn two_names_of_one_thing_must_agree() {
        assert_eq!(action(&json!({"action": "health", "request_type": "Health"})), "health");
        assert_eq!(fault(&json!({"action": "health", "request_type": "Chat"})).code, Code::VALIDATION_FAILED);
    }

    #[test]
    fn the_call_is_named_by_what_will_be_echoed() {
        let name = |message: Value| read_json(&message).request.expect("readable").request_id;
        assert_eq!(name(json!({"action": "health"})), None);
        assert_eq!(name(json!({"action": "health", "id": 7})), Some("7".into()));
        assert_eq!(name(json!({"action": "health", "id": 7, "request_id": "r"})), Some("r".into()));
        let routed = json!({"route": "stop-generation", "request_id": "s", "payload": {"request_id": "r"}});
        let request = read_json(&routed).request.expect("readable");
        assert_eq!((request.request_id, request.fields), (Some("s".into()), json!({"request_id": "r"})));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_ids_where_they_can() {
        for message in [&b"{"[..], b"[1]", b"null", b"\xff", b""] {
            let read = read(message, &Service::new());
            assert_eq!(read.request.expect_err("refused").code, Code::BAD_REQUEST);
        }
        let unnamed = read_json(&json!({"id": 5, "model": "m"}));
        assert_eq!(unnamed.envelope.echo.get("id"), Some(&json!(5)));
        assert_eq!(unnamed.request.expect_err("refused").code, Code::BAD_REQUEST);
        assert_eq!(fault(&json!({"action": 5})).code, Code::BAD_REQUEST);
        assert_eq!(fault(&json!({"route": "chat", "payload": 5})).details, br#"{"field":"payload"}"#);
        assert_eq!(fault(&json!({"action": "health", "id": "x".repeat(300)})).details, br#"{"field":"id"}"#);
    }

    #[test]
    fn an_own_field_called_route_does_not_change_the_envelope() {
        let read = read_json(&json!({"action": "health", "route": "A7"}));
        assert_eq!(read.request.expect("readable").fields, json!({"route": "A7"}));
    }
}

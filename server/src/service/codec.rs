//! JSON to request types and responses to JSON, with failures that name the field.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tabagent_protocol::{
    Body, Code, Fault,
    api::{Action, Event},
};

use crate::api::Validator;

/// Characters of outside text repeated in a message. Enough to recognise it; the rest only helps to flood a log.
const SHORT: usize = 80;
/// Characters of a parser's complaint, which may quote outside text.
const COMPLAINT: usize = 300;

/// Reads a request and holds it against its schema. Null counts as an empty object.
pub(super) fn decode<A: Action>(fields: Value, validator: &Validator) -> Result<A, Fault> {
    let fields = match fields {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => fields,
        _ => return Err(Fault::new(Code::BAD_REQUEST, "a request is a JSON object")),
    };
    let checked = validator.check(&fields);
    // Of a wrong type serde says more than a schema does; of a range it knows nothing.
    let request: A = read(fields)?;
    checked?;
    request.validate()?;
    Ok(request)
}

fn read<T: DeserializeOwned>(fields: Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(fields).map_err(|error| {
        let complaint = error.inner().to_string();
        let field = field(&error.path().to_string(), &complaint);
        let details = serde_json::json!({ "field": field }).to_string();
        let message = format!("{}: {}", short(&field), cut(&complaint, COMPLAINT));
        Fault::new(Code::VALIDATION_FAILED, message).with_details(details)
    })
}

/// The path of the field at fault: a missing one is reported at its parent, so its name comes from the complaint.
fn field(path: &str, complaint: &str) -> String {
    let parent = if path == "." { "" } else { path };
    match complaint.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        Some(missing) if parent.is_empty() => missing.to_owned(),
        Some(missing) => format!("{parent}.{missing}"),
        None => parent.to_owned(),
    }
}

/// Writes a value as it is.
pub(super) fn encode(value: &impl Serialize) -> Result<Body, Fault> {
    serde_json::to_vec(value).map(Body::json).map_err(|error| unwritable(&error))
}

/// Writes a response or an item: an object gets its `type` first, unless it begins with one of its own.
pub(super) fn tagged(kind: &str, value: &impl Serialize) -> Result<Body, Fault> {
    let body = encode(value)?;
    let Some(fields) = body.value.strip_prefix(b"{").filter(|fields| !fields.starts_with(b"\"type\":")) else { return Ok(body) };
    let comma = if fields == b"}" { "" } else { "," };
    let mut value = format!("{{\"type\":\"{kind}\"{comma}").into_bytes();
    value.extend_from_slice(fields);
    Ok(Body { value, ..body })
}

/// Writes an event of a known type.
pub(crate) fn event<E: Event>(event: &E) -> Result<Body, Fault> {
    named_event(E::NAME, event)
}

/// Writes an event: the given fields with `type:"event"` and the name.
pub(crate) fn named_event(name: &str, fields: &impl Serialize) -> Result<Body, Fault> {
    let value = serde_json::to_value(fields).map_err(|error| unwritable(&error))?;
    let Value::Object(fields) = value else {
        return Err(Fault::new(Code::INTERNAL, "an event is a JSON object"));
    };
    let mut event = Map::from_iter([("type".to_owned(), "event".into()), ("event".to_owned(), name.into())]);
    event.extend(fields);
    encode(&event)
}

fn unwritable(error: &serde_json::Error) -> Fault {
    Fault::new(Code::INTERNAL, format!("the answer cannot be written as JSON: {error}"))
}

/// The beginning of outside text, for messages.
pub(crate) fn short(text: &str) -> String {
    cut(text, SHORT)
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tabagent_protocol::api::{Chat, Embeddings, Health};

    fn decoded<A: Action>(fields: Value) -> Result<A, Fault> {
        decode(fields, &Validator::of::<A>())
    }

    fn refused<A: Action>(fields: Value) -> String {
        let fault = decoded::<A>(fields).err().expect("refused");
        assert_eq!(fault.code, Code::VALIDATION_FAILED);
        String::from_utf8(fault.details).expect("text")
    }

    #[test]
    fn a_wrong_type_names_its_field_however_deep() {
        assert_eq!(refused::<Chat>(json!({"model": 1})), r#"{"field":"model"}"#);
        let messages = json!([{"role": "user", "content": "x"}, {"role": "boss", "content": "x"}]);
        assert_eq!(refused::<Chat>(json!({"model": "m", "messages": messages})), r#"{"field":"messages[1].role"}"#);
        assert_eq!(refused::<Embeddings>(json!({"model": "m", "input": 3})), r#"{"field":"input"}"#);
    }

    #[test]
    fn a_missing_field_is_named_itself() {
        assert_eq!(refused::<Chat>(json!({"model": "m"})), r#"{"field":"messages"}"#);
        assert_eq!(refused::<Chat>(json!({"model": "m", "messages": [{"role": "user"}]})), r#"{"field":"messages[0].content"}"#);
    }

    #[test]
    fn nothing_is_an_empty_object_and_a_list_is_no_object() {
        assert!(decoded::<Health>(Value::Null).is_ok());
        assert_eq!(decoded::<Health>(json!([])).expect_err("refused").code, Code::BAD_REQUEST);
    }

    #[test]
    fn outside_text_is_quoted_in_part() {
        let fault = decoded::<Chat>(json!({"model": "m", "messages": [{"role": "x".repeat(5000)}]})).expect_err("refused");
        assert!(fault.message.len() < 1000);
    }

    #[test]
    fn an_answer_gets_its_type_once() {
        let tagged = |value: Value| String::from_utf8(tagged("roll_response", &value).expect("json").value).expect("text");
        assert_eq!(tagged(json!({"eyes": 6})), r#"{"type":"roll_response","eyes":6}"#);
        assert_eq!(tagged(json!({})), r#"{"type":"roll_response"}"#);
        assert_eq!(tagged(json!({"type": "own"})), r#"{"type":"own"}"#);
        assert_eq!(tagged(json!(6)), "6");
    }

    #[test]
    fn an_event_gets_its_type_and_its_name() {
        let body = named_event("tick", &json!({"n": 1})).expect("an object");
        let value: Value = serde_json::from_slice(&body.value).expect("json");
        assert_eq!(value, json!({"type": "event", "event": "tick", "n": 1}));
        assert!(named_event("tick", &json!([1])).is_err());
    }
}

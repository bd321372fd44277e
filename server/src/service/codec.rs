//! JSON to request types and responses to JSON, with failures that name the field.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tabagent_protocol::{Body, Code, Fault};

/// Characters of outside text repeated in a message. Enough to recognise it; the rest only helps to flood a log.
const SHORT: usize = 80;
/// Characters of a parser's complaint, which may quote outside text.
const COMPLAINT: usize = 300;

/// Reads a request. Null counts as an empty object.
pub(super) fn decode<T: DeserializeOwned>(fields: Value) -> Result<T, Fault> {
    let fields = match fields {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => fields,
        _ => return Err(Fault::new(Code::BAD_REQUEST, "a request is a JSON object")),
    };
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

/// Writes a response or an item.
pub(super) fn encode(value: &impl Serialize) -> Result<Body, Fault> {
    serde_json::to_vec(value).map(Body::json).map_err(|error| unwritable(&error))
}

/// Writes an event: the given object with `type:"event"`, and its name where the object does not have it.
pub(crate) fn event(name: Option<&str>, fields: &impl Serialize) -> Result<Body, Fault> {
    let mut value = serde_json::to_value(fields).map_err(|error| unwritable(&error))?;
    if value.is_null() {
        value = Value::Object(Map::new());
    }
    let Some(object) = value.as_object_mut() else {
        return Err(Fault::new(Code::INTERNAL, "an event is a JSON object"));
    };
    object.insert("type".into(), "event".into());
    if let Some(name) = name {
        object.insert("event".into(), name.into());
    }
    encode(&value)
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

    fn refused<T: DeserializeOwned>(fields: Value) -> String {
        let fault = decode::<T>(fields).err().expect("refused");
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
        assert!(decode::<Health>(Value::Null).is_ok());
        assert_eq!(decode::<Health>(json!([])).expect_err("refused").code, Code::BAD_REQUEST);
    }

    #[test]
    fn outside_text_is_quoted_in_part() {
        let fault = decode::<Chat>(json!({"model": "m", "messages": [{"role": "x".repeat(5000)}]})).expect_err("refused");
        assert!(fault.message.len() < 1000);
    }

    #[test]
    fn an_event_gets_its_type_and_its_name() {
        let body = event(Some("tick"), &json!({"n": 1})).expect("an object");
        let value: Value = serde_json::from_slice(&body.value).expect("json");
        assert_eq!(value, json!({"type": "event", "event": "tick", "n": 1}));
        assert!(event(None, &json!([1])).is_err());
    }
}

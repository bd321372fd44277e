//! Bodies of requests: JSON objects, within a length and a time.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tabagent_protocol::Code;

use super::doorman::ReadsText;
use crate::{error::Refusal, limits::ServerLimits};

/// What is read of a body that is too long, so that a sender who is still writing gets to read the refusal.
const DISCARD_BYTES: usize = 8 * 1024 * 1024;

/// Reads a JSON object; an empty body is an empty object.
///
/// # Errors
/// 415 for other media types, 413 above `json_bytes`, 408 beyond `body_read`, 400 for what is not an object.
pub(crate) async fn json_object(parts: &Parts, body: Body, limits: &ServerLimits) -> Result<Value, Refusal> {
    if body.is_end_stream() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let media = media_type(&parts.headers, parts.extensions.get::<ReadsText>().is_some_and(|reads| reads.0));
    let time = Duration::from_millis(limits.body_read);
    let bytes = tokio::time::timeout(time, collect(body, limits.json_bytes)).await.map_err(|_| too_slow(limits.body_read))??;
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    media?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::new(Code::BAD_REQUEST, format!("the body is not JSON: {error}")))?;
    if !value.is_object() {
        return Err(Refusal::new(Code::BAD_REQUEST, "the body is JSON, but not an object"));
    }
    Ok(value)
}

/// Reads a value into the type that a route takes, naming the field that does not fit.
///
/// # Errors
/// `validation_failed` with `details.field`.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        Refusal::field(Code::VALIDATION_FAILED, &field, format!("`{field}`: {}", error.inner()))
    })
}

/// JSON, or text whose sender cannot be a foreign page: a page may send `text/plain` anywhere without asking.
fn media_type(headers: &HeaderMap, reads_text: bool) -> Result<(), Refusal> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let essence = given.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match essence.as_deref() {
        Some("application/json") => Ok(()),
        Some(other) if other.starts_with("application/") && other.ends_with("+json") => Ok(()),
        None | Some("text/plain") if reads_text => Ok(()),
        _ => {
            let message = format!("a body of type {} is not read here: send application/json", given.unwrap_or("(none)"));
            Err(Refusal::new(Code::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}

async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::new(Code::BAD_REQUEST, "the body broke off"))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        length += data.len();
        if length > limit + DISCARD_BYTES {
            break;
        }
        if length <= limit {
            bytes.extend_from_slice(data);
        }
    }
    if length > limit {
        return Err(Refusal::new(Code::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes (limit json_bytes)")));
    }
    Ok(bytes)
}

fn too_slow(ms: u64) -> Refusal {
    let message = format!("the body did not arrive within {ms} ms (limit body_read)");
    Refusal::new(Code::BAD_REQUEST, message).with_status(StatusCode::REQUEST_TIMEOUT)
}

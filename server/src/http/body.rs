//! Bodies of requests: JSON objects, or raw bytes for an action that takes them, within a length and a time.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tabagent_protocol::{Code, Payload};

use super::{doorman::ReadsText, upload};
use crate::{error::Refusal, limits::ServerLimits, service::Incoming};

/// What is read of a body that is too long, so that a sender who is still writing gets to read the refusal.
pub(super) const DISCARD_BYTES: usize = 8 * 1024 * 1024;
/// Media types that a browser lets any page send to any server.
const SIMPLE: [&str; 3] = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];

/// What a request's body says.
#[derive(Debug, PartialEq)]
pub(crate) enum Given {
    /// Fields; none for an empty body.
    Fields(Map<String, Value>),
    /// Bytes for the action itself.
    Raw(Payload),
}

/// Reads a JSON object; an empty body is an empty object.
///
/// # Errors
/// 415 for other media types, 413 above `json_bytes`, 408 beyond `body_read`, 400 for what is not an object.
pub(crate) async fn json_object(parts: &Parts, body: Body, limits: &ServerLimits) -> Result<Value, Refusal> {
    match given(parts, body, limits, &[]).await? {
        Given::Fields(fields) => Ok(Value::Object(fields)),
        Given::Raw(_) => Err(unread(None)),
    }
}

/// Reads a JSON object, or bytes of one of the media types that are taken.
///
/// # Errors
/// As [`json_object`]; 413 above `raw_bytes` for bytes.
pub(crate) async fn given(parts: &Parts, body: Body, limits: &ServerLimits, takes: &[&str]) -> Result<Given, Refusal> {
    if body.is_end_stream() {
        return Ok(Given::Fields(Map::new()));
    }
    let media = media_type(&parts.headers, parts.extensions.get::<ReadsText>().is_some_and(|reads| reads.0), takes);
    let (limit, name) =
        if matches!(media, Ok(Media::Raw(_))) { (limits.raw_bytes, "raw_bytes") } else { (limits.json_bytes, "json_bytes") };
    let time = Duration::from_millis(limits.body_read);
    let bytes = tokio::time::timeout(time, collect(body, limit, name)).await.map_err(|_| too_slow(limits.body_read))??;
    if bytes.is_empty() {
        return Ok(Given::Fields(Map::new()));
    }
    if let Media::Raw(content_type) = media? {
        return Ok(Given::Raw(Payload { content_type: Some(content_type), bytes }));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => Ok(Given::Fields(fields)),
        Ok(_) => Err(Refusal::new(Code::BAD_REQUEST, "the body is JSON, but not an object")),
        Err(error) => Err(Refusal::new(Code::BAD_REQUEST, format!("the body is not JSON: {error}"))),
    }
}

/// Hands a body to the action as it comes. Its fields are in the address, so whatever its type, it is bytes.
///
/// # Errors
/// 415 for media types that are not taken.
pub(super) fn streamed(parts: &Parts, body: Body, limits: &ServerLimits, takes: &[&str]) -> Result<Incoming, Refusal> {
    // Of a method that no page may send anywhere without asking, nothing is sent unasked.
    let asked_for = ![Method::GET, Method::HEAD, Method::POST].contains(&parts.method);
    let trusted = asked_for || parts.extensions.get::<ReadsText>().is_some_and(|reads| reads.0);
    let (essence, given) = essence(&parts.headers);
    let kind = match (essence.as_deref(), given) {
        (Some(kind), Some(given)) if taken(takes, kind, trusted) => Some(given.to_owned()),
        (None, _) if trusted => None,
        _ => return Err(unread(given)),
    };
    Ok(upload::incoming(body, kind, Duration::from_millis(limits.body_read)))
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

/// What a body is, by its header.
enum Media {
    Json,
    /// Bytes of this type.
    Raw(String),
}

/// JSON, or text whose sender cannot be a foreign page: a page may send the types of [`SIMPLE`] anywhere without asking. Or what
/// the action takes.
fn media_type(headers: &HeaderMap, trusted: bool, takes: &[&str]) -> Result<Media, Refusal> {
    let (essence, given) = essence(headers);
    match (essence.as_deref(), given) {
        (Some("application/json"), _) => Ok(Media::Json),
        (Some(other), _) if other.starts_with("application/") && other.ends_with("+json") => Ok(Media::Json),
        (Some(other), Some(whole)) if taken(takes, other, trusted) => Ok(Media::Raw(whole.to_owned())),
        (None | Some("text/plain"), _) if trusted => Ok(Media::Json),
        _ => Err(unread(given)),
    }
}

/// Whether a media type is one of those that a pattern (`image/*`) stands for.
fn fits(pattern: &str, essence: &str) -> bool {
    match pattern.split_once('/') {
        Some(("*", "*")) => essence.contains('/'),
        Some((kind, "*")) => essence.split_once('/').is_some_and(|(given, _)| given == kind),
        _ => pattern == essence,
    }
}

/// A media type without its parameters, and with them.
fn essence(headers: &HeaderMap) -> (Option<String>, Option<&str>) {
    let given = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    (given.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()), given)
}

fn taken(takes: &[&str], kind: &str, trusted: bool) -> bool {
    takes.iter().any(|taken| fits(taken, kind)) && (trusted || !SIMPLE.contains(&kind))
}

fn unread(given: Option<&str>) -> Refusal {
    let message = format!("a body of type {} is not read here: send application/json", given.unwrap_or("(none)"));
    Refusal::new(Code::UNSUPPORTED_MEDIA_TYPE, message)
}

async fn collect(mut body: Body, limit: usize, name: &str) -> Result<Vec<u8>, Refusal> {
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
        return Err(Refusal::new(Code::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes (limit {name})")));
    }
    Ok(bytes)
}

fn too_slow(ms: u64) -> Refusal {
    let message = format!("the body did not arrive within {ms} ms (limit body_read)");
    Refusal::new(Code::BAD_REQUEST, message).with_status(StatusCode::REQUEST_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read_as(kind: Option<&'static str>, trusted: bool, takes: &[&str]) -> Option<&'static str> {
        let headers = kind.map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind))).into_iter().collect();
        match media_type(&headers, trusted, takes).ok()? {
            Media::Json => Some("json"),
            Media::Raw(_) => Some("raw"),
        }
    }

    #[test]
    fn an_action_takes_what_it_says_it_takes() {
        let read =
            |kind, trusted, takes, expected| assert_eq!(read_as(kind, trusted, takes), expected, "{kind:?} {trusted} {takes:?}");
        read(Some("application/json; charset=utf-8"), false, &["*/*"], Some("json"));
        read(Some("application/problem+json"), false, &[], Some("json"));
        read(Some("image/png"), false, &["image/*"], Some("raw"));
        read(Some("IMAGE/png;q=1"), false, &["image/png"], Some("raw"));
        read(Some("image/png"), false, &["audio/*"], None);
        read(Some("image"), false, &["*/*"], None);
        read(None, true, &["*/*"], Some("json"));
        read(None, false, &["*/*"], None);
    }

    #[test]
    fn what_any_page_may_send_is_read_from_trusted_callers_alone() {
        let read = |kind, trusted, takes: &[&str]| read_as(Some(kind), trusted, takes);
        assert_eq!(read("text/plain", false, &["*/*"]), None);
        assert_eq!(read("text/plain", true, &["*/*"]), Some("raw"));
        assert_eq!(read("text/plain", true, &[]), Some("json"));
        assert_eq!(read("multipart/form-data", false, &["*/*"]), None);
    }
}

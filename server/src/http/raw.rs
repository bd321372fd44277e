//! Raw bytes as the body of an answer: those beside its JSON, or those of its items, one after the other.

use std::io;

use axum::{
    Json,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde::Deserialize;
use tabagent_protocol::{Body as Answer, Code, Payload};

use super::{actions::accepts, sse};
use crate::{
    envelope,
    error::Refusal,
    service::{Running, Update},
};

/// The JSON value of an answer whose body is raw bytes: a header, or behind the bytes of items a trailer.
const VALUE: HeaderName = HeaderName::from_static("tabagent-value");
/// Bytes of that header. Clients stop reading headers at 8 to 16 KiB; an answer with more to say is JSON with the bytes inside.
const VALUE_BYTES: usize = 4096;
/// What bytes are that do not say it.
const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The bytes beside an answer as the body, its JSON as a header; or one JSON object, for those who ask for it and where the JSON is
/// too long for a header.
pub(super) fn whole(answer: Answer, headers: &HeaderMap) -> Response {
    let header = value(&answer);
    let (Some(header), false) = (header, accepts(headers, "application/json")) else {
        return Json(envelope::object(&answer)).into_response();
    };
    let Payload { content_type, bytes } = answer.payload.unwrap_or_default();
    let mut response = ([(header::CONTENT_TYPE, media_type(content_type))], bytes).into_response();
    response.headers_mut().insert(VALUE, header);
    response
}

/// What items say of all their bytes together.
#[derive(Deserialize)]
struct Total {
    total: Option<u64>,
}

/// The bytes of a call's items as the body, as they come. Its JSON follows in a trailer, for those who read trailers; the others learn
/// the length beforehand, where the items say it. A call that fails in the middle breaks the body off.
pub(super) async fn items(mut running: Running, headers: &HeaderMap) -> Result<Response, Refusal> {
    let (item, first) = loop {
        match running.next().await {
            Some(Update::Item(Answer { value, payload: Some(payload) })) => break (value, payload),
            Some(Update::Item(_) | Update::Event(_)) => {}
            Some(Update::Done(answer)) => {
                let answer = answer?;
                // No bytes at all are bytes too.
                return Ok(whole(Answer { payload: Some(answer.payload.clone().unwrap_or_default()), ..answer }, headers));
            }
            None => return Err(Refusal::new(Code::INTERNAL, "the call ended without an answer")),
        }
    };
    let Payload { content_type, bytes } = first;
    let frames = stream::once(async { Ok(Frame::data(Bytes::from(bytes))) }).chain(rest(running));
    let mut response = ([(header::CONTENT_TYPE, media_type(content_type))], Body::new(StreamBody::new(frames))).into_response();
    if headers.get(header::TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers")) {
        response.headers_mut().insert(header::TRAILER, VALUE.into());
    } else if let Some(total) = serde_json::from_slice::<Total>(&item).ok().and_then(|item| item.total) {
        response.headers_mut().insert(header::CONTENT_LENGTH, total.into());
    }
    Ok(response)
}

/// The frames of the body behind the first. Dropping them stops the call.
fn rest(running: Running) -> impl stream::Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static {
    let parts = stream::unfold(running, |mut running| async move {
        let frames = match running.next().await? {
            Update::Item(Answer { payload: Some(payload), .. }) => vec![Ok(Frame::data(payload.bytes.into()))],
            Update::Item(_) | Update::Event(_) => Vec::new(),
            Update::Done(Ok(answer)) => {
                let trailers = value(&answer).map(|value| Ok(Frame::trailers(HeaderMap::from_iter([(VALUE, value)]))));
                let bytes = answer.payload.map(|payload| Ok(Frame::data(payload.bytes.into())));
                bytes.into_iter().chain(trailers).collect()
            }
            Update::Done(Err(fault)) => vec![Err(io::Error::other(fault.message.into_owned()))],
        };
        Some((frames, running))
    });
    parts.flat_map(stream::iter)
}

fn media_type(given: Option<String>) -> HeaderValue {
    given.and_then(|kind| HeaderValue::from_str(&kind).ok()).unwrap_or(UNKNOWN)
}

/// The JSON of an answer as a header, where it fits.
fn value(answer: &Answer) -> Option<HeaderValue> {
    let value = ascii(&answer.value);
    HeaderValue::from_str(&value).ok().filter(|_| value.len() <= VALUE_BYTES)
}

/// JSON text without line breaks and without letters that headers do not carry: `é` is written `\u00e9`.
fn ascii(json: &[u8]) -> String {
    let mut out = String::with_capacity(json.len());
    for c in sse::one_line(json).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_value_of_raw_bytes_fits_a_header() {
        let (text, header) = (r#"{"name":"né 🙂"}"#, r#"{"name":"n\u00e9 \ud83d\ude42"}"#);
        assert_eq!(ascii(text.as_bytes()), header);
        assert_eq!(serde_json::from_str::<Value>(header).ok(), serde_json::from_str(text).ok());
        assert_eq!(ascii(b"{\n}"), "{}");
    }
}

//! The HTTP twins of the actions: JSON or raw bytes in, JSON, raw bytes or a stream of events out.
//!
//! A caller that goes away drops its reply, the reply its call, and the call its handler.

use axum::{
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use tabagent_protocol::Code;

use super::{
    body::{self, Given},
    input::{self, Kind, Kinds},
    openai, raw,
    routes::{self, App},
    sse,
    table::Found,
};
use crate::{
    api::canonical_field,
    error::Refusal,
    openai::Twin,
    service::{Asked, Principal, Running, Update},
};

/// Names that callers give to their requests; the answer repeats them.
const NAMES: [&str; 3] = ["id", "messageId", "request_id"];
/// The field that asks for a stream of any action.
const STREAM: &str = "stream";

/// Carries out whatever action is at the request's address.
pub(super) async fn act(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.clone();
    answer(&app, parts, body).await.unwrap_or_else(|refusal| routes::refuse(&uri, refusal))
}

async fn answer(app: &App, parts: Parts, body: Body) -> Result<Response, Refusal> {
    if percent_decode_str(parts.uri.path()).decode_utf8().is_err() {
        return Err(Refusal::new(Code::BAD_REQUEST, "the path is not UTF-8"));
    }
    let (info, kinds, in_path) = match app.table.find(&parts.method, parts.uri.path()) {
        Found::Action(info, kinds, fields) => (info, kinds, fields),
        Found::Methods(allowed) => return Ok(routes::method_not_allowed(&parts.method, &parts.uri, Some(&allowed))),
        Found::Nothing => return Err(routes::not_found(&parts.uri)),
    };
    let principal = parts.extensions.get::<Principal>().cloned();
    let principal = principal.ok_or_else(|| Refusal::new(Code::UNAUTHORIZED, "a key is needed"))?;
    let (mut fields, payload, incoming) = match info.incoming {
        true => (Map::new(), None, Some(body::streamed(&parts, body, &app.limits, info.takes)?)),
        false => match body::given(&parts, body, &app.limits, info.takes).await? {
            Given::Fields(fields) => (fields, None, None),
            Given::Raw(payload) => (Map::new(), Some(payload), None),
        },
    };
    put_all(&mut fields, info.name, kinds, &in_path)?;
    put_all(&mut fields, info.name, kinds, &in_query(&parts.uri)?)?;
    let twin = Twin::of(info);
    let wishes = twin.map(|twin| twin.translate(&mut fields)).transpose()?.unwrap_or_default();
    let names = names(&fields);
    let request_id = fields.get("request_id").and_then(Value::as_str).map(str::to_owned);
    let streams = fields.get(STREAM).and_then(Value::as_bool).unwrap_or_else(|| accepts(&parts.headers, "text/event-stream"));
    let asked = Asked::new(principal, info.name, Value::Object(fields.clone()));
    let asked =
        Asked { request_id: request_id.clone(), payload, incoming, idempotency_key: idempotency_key(&parts.headers), ..asked };
    let reply = match (twin, streams) {
        (Some(twin), true) if info.streams => openai::stream(app, twin, asked, &fields, wishes).await,
        (None, true) => pieces(app.service.start(asked)).await,
        (None, false) if info.outgoing && !accepts(&parts.headers, "application/json") => {
            raw::items(app.service.start(asked), &parts.headers).await
        }
        (twin, _) => whole(app.service.start(asked), &parts.headers, twin, &fields, &names).await,
    };
    reply.map_err(|refusal| refusal.with_request_id(request_id))
}

/// The key of what is to happen once, where HTTP has its place for it; among the fields it may stand too.
fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("idempotency-key")?.to_str().ok()?;
    Some(value.trim_matches('"').to_owned())
}

/// The answer alone.
async fn whole(
    mut running: Running,
    headers: &HeaderMap,
    twin: Option<Twin>,
    fields: &Map<String, Value>,
    names: &Map<String, Value>,
) -> Result<Response, Refusal> {
    let answer = loop {
        match running.next().await {
            Some(Update::Done(outcome)) => break outcome?,
            Some(_) => {}
            None => return Err(Refusal::new(Code::INTERNAL, "the call ended without an answer")),
        }
    };
    if answer.payload.is_some() {
        return Ok(raw::whole(answer, headers));
    }
    if let Some(twin) = twin {
        return Ok(json(twin.answer(&answer.value, fields)?));
    }
    Ok(json(named(answer.value, names)))
}

fn json(value: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], value).into_response()
}

/// An answer with the names that its request had, unless it has fields so called itself. The rest stays as it was written.
fn named(value: Vec<u8>, names: &Map<String, Value>) -> Vec<u8> {
    if names.is_empty() {
        return value;
    }
    let Ok(Value::Object(own)) = serde_json::from_slice(&value) else { return value };
    let added: Map<_, _> =
        names.iter().filter(|(name, _)| !own.contains_key(*name)).map(|(name, id)| (name.clone(), id.clone())).collect();
    let (Some(body), false) = (value.strip_suffix(b"}"), added.is_empty()) else { return value };
    let comma = if own.is_empty() { "" } else { "," };
    let added = Value::Object(added).to_string();
    [body, comma.as_bytes(), added.trim_start_matches('{').as_bytes()].concat()
}

/// The answer with everything before it, as it comes. What is refused at once is refused with its status.
async fn pieces(mut running: Running) -> Result<Response, Refusal> {
    match running.next().await {
        Some(Update::Done(Err(fault))) => Err(fault.into()),
        Some(first) => Ok(sse::reply(sse::updates(first, running))),
        None => Err(Refusal::new(Code::INTERNAL, "the call ended without an answer")),
    }
}

/// Whether the caller names this media type, and no other of the two that an answer may have.
pub(super) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let names = |name: &str| {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut types = values.flat_map(|value| value.split(',')).filter_map(|one| one.split(';').next());
        types.any(|one| one.trim().eq_ignore_ascii_case(name))
    };
    let other = if wanted == "application/json" { "text/event-stream" } else { "application/json" };
    names(wanted) && !names(other)
}

/// The values of the query, those of one name together.
fn in_query(uri: &Uri) -> Result<Vec<(String, String)>, Refusal> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(uri);
    query.map(|Query(query)| query).map_err(|error| Refusal::new(Code::BAD_REQUEST, error.body_text()))
}

/// Adds the fields of the address, which the body may repeat but not contradict.
fn put_all<N: AsRef<str>>(
    fields: &mut Map<String, Value>,
    action: &str,
    kinds: &Kinds,
    given: &[(N, String)],
) -> Result<(), Refusal> {
    for (at, (name, _)) in given.iter().enumerate() {
        let name = name.as_ref();
        if given[..at].iter().any(|(before, _)| before.as_ref() == name) {
            continue;
        }
        let texts: Vec<_> = given.iter().filter(|(other, _)| other.as_ref() == name).map(|(_, text)| text.as_str()).collect();
        let kind = kinds.get(canonical_field(action, name)).unwrap_or(if name == STREAM { &Kind::Flag } else { &Kind::Text });
        let value = input::value(kind, &texts);
        let value = value.map_err(|said| Refusal::field(Code::VALIDATION_FAILED, name, format!("{name}: {said}")))?;
        match fields.get(name).filter(|known| !known.is_null()) {
            Some(known) if *known != value => {
                let message = format!("{name}: is another one in the body than in the address");
                return Err(Refusal::field(Code::VALIDATION_FAILED, name, message));
            }
            _ => drop(fields.insert(name.to_owned(), value)),
        }
    }
    Ok(())
}

fn names(fields: &Map<String, Value>) -> Map<String, Value> {
    let given = NAMES.into_iter().filter_map(|name| fields.get(name).map(|value| (name.to_owned(), value.clone())));
    given.filter(|(_, value)| value.is_string() || value.is_number()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asks(accept: &'static str) -> (bool, bool) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        (accepts(&headers, "text/event-stream"), accepts(&headers, "application/json"))
    }

    #[test]
    fn a_media_type_counts_when_it_alone_is_named() {
        assert_eq!(asks("*/*"), (false, false));
        assert_eq!(asks("text/event-stream"), (true, false));
        assert_eq!(asks("Text/Event-Stream;q=0.9, */*"), (true, false));
        assert_eq!(asks("application/json"), (false, true));
        assert_eq!(asks("application/json, text/event-stream"), (false, false));
    }

    #[test]
    fn names_are_added_behind_what_was_written() {
        let names = Map::from_iter([("id".to_owned(), json!(7)), ("request_id".to_owned(), json!("r"))]);
        let text = |value: &str| String::from_utf8(named(value.into(), &names)).expect("text");
        assert_eq!(text(r#"{"n":0.44499415,"id":"own"}"#), r#"{"n":0.44499415,"id":"own","request_id":"r"}"#);
        assert_eq!(text("{}"), r#"{"id":7,"request_id":"r"}"#);
        assert_eq!(text("[1]"), "[1]");
    }

    #[test]
    fn the_body_may_repeat_the_address_but_not_contradict_it() {
        let kinds = Kinds::from([("n".to_owned(), Kind::Integer)]);
        let put = |body: Value, query: &[(&str, &str)]| {
            let query: Vec<_> = query.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            let mut fields = body.as_object().cloned().unwrap_or_default();
            put_all(&mut fields, "own", &kinds, &query).map(|()| Value::Object(fields))
        };
        assert_eq!(put(json!({"n": 5}), &[("n", "5"), ("stream", "true")]).expect("agrees"), json!({"n": 5, "stream": true}));
        assert_eq!(put(json!({"n": null}), &[("n", "5")]).expect("null is nothing"), json!({"n": 5}));
        for (body, text) in [(json!({"n": 6}), "5"), (json!({}), "x")] {
            let refusal = put(body, &[("n", text)]).expect_err("refused");
            assert_eq!(refusal.fault().details, br#"{"field":"n"}"#);
        }
    }
}

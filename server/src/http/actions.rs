//! The HTTP twins of the actions: JSON in, JSON or a stream of events out.
//!
//! A caller that goes away drops its reply, the reply its call, and the call its handler.

use axum::{
    Json,
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use tabagent_protocol::{Body as Answer, Code, Payload, api::ActionInfo};

use super::{
    body, openai,
    routes::{self, App},
    sse,
    table::{self, Found},
};
use crate::{
    error::Refusal,
    service::{Asked, Principal, Running, Update},
};

/// The JSON value of an answer whose body is raw bytes.
const VALUE: HeaderName = HeaderName::from_static("tabagent-value");
/// Names that callers give to their requests; the answer repeats them.
const NAMES: [&str; 3] = ["id", "messageId", "request_id"];

/// Carries out whatever action is at the request's address.
pub(super) async fn act(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.clone();
    answer(&app, parts, body).await.unwrap_or_else(|refusal| routes::refuse(&uri, refusal))
}

async fn answer(app: &App, parts: Parts, body: Body) -> Result<Response, Refusal> {
    let (info, in_path) = match table::find(&app.actions, &parts.method, parts.uri.path()) {
        Found::Action(info, fields) => (info, fields),
        Found::Methods(allowed) => return Ok(routes::method_not_allowed(&parts.method, &parts.uri, Some(&allowed))),
        Found::Nothing => return Err(routes::not_found(&parts.uri)),
    };
    let principal = parts.extensions.get::<Principal>().cloned();
    let principal = principal.ok_or_else(|| Refusal::new(Code::UNAUTHORIZED, "a key is needed"))?;
    let mut fields = fields(app, &parts, body).await?;
    for (name, value) in in_path {
        put(&mut fields, name, value)?;
    }
    let twin = openai::Twin::of(&info);
    if let Some(twin) = twin {
        twin.translate(&mut fields);
    }
    let names = names(&fields);
    let request_id = fields.get("request_id").and_then(Value::as_str).map(str::to_owned);
    let streams = streams(&info, twin, &fields, &parts);
    let asked = Asked { request_id: request_id.clone(), ..Asked::new(principal, info.name, Value::Object(fields.clone())) };
    let reply = match (twin, streams) {
        (Some(twin), true) => openai::stream(app, twin, asked, &fields).await,
        (twin, false) => whole(app.service.start(asked), twin, &names).await,
        (None, true) => pieces(app.service.start(asked)).await,
    };
    reply.map_err(|refusal| refusal.with_request_id(request_id))
}

/// The answer alone.
async fn whole(mut running: Running, twin: Option<openai::Twin>, names: &Map<String, Value>) -> Result<Response, Refusal> {
    let answer = loop {
        match running.next().await {
            Some(Update::Done(outcome)) => break outcome?,
            Some(_) => {}
            None => return Err(Refusal::new(Code::INTERNAL, "the call ended without an answer")),
        }
    };
    if let Some(payload) = answer.payload {
        return Ok(raw(&answer.value, payload));
    }
    if twin.is_none() && names.is_empty() {
        return Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], answer.value).into_response());
    }
    let mut value = parsed(&answer)?;
    if let Some(twin) = twin {
        return Ok(Json(twin.answer(&value)).into_response());
    }
    if let Some(object) = value.as_object_mut() {
        object.extend(names.clone());
    }
    Ok(Json(value).into_response())
}

/// The answer with everything before it, as it comes. What is refused at once is refused with its status.
async fn pieces(mut running: Running) -> Result<Response, Refusal> {
    match running.next().await {
        Some(Update::Done(Err(fault))) => Err(fault.into()),
        Some(first) => Ok(sse::reply(sse::updates(first, running))),
        None => Err(Refusal::new(Code::INTERNAL, "the call ended without an answer")),
    }
}

/// Reads an answer's JSON.
pub(super) fn parsed(answer: &Answer) -> Result<Value, Refusal> {
    serde_json::from_slice(&answer.value)
        .map_err(|error| Refusal::new(Code::INTERNAL, format!("the answer is not JSON: {error}")))
}

/// Raw bytes as the body, the JSON value beside them as a header.
fn raw(value: &[u8], payload: Payload) -> Response {
    let kind = payload.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok());
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = ([(header::CONTENT_TYPE, kind)], payload.bytes).into_response();
    if let Ok(value) = HeaderValue::from_bytes(value) {
        response.headers_mut().insert(VALUE, value);
    }
    response
}

/// What the query and the body say.
async fn fields(app: &App, parts: &Parts, body: Body) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(mut fields) = body::json_object(parts, body, &app.limits).await? else {
        return Err(Refusal::new(Code::BAD_REQUEST, "the body is JSON, but not an object"));
    };
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|error| Refusal::new(Code::BAD_REQUEST, error.body_text()))?;
    for (name, value) in query {
        put(&mut fields, &name, value)?;
    }
    Ok(fields)
}

/// Adds a field of the address, which the body may repeat but not contradict.
fn put(fields: &mut Map<String, Value>, name: &str, value: String) -> Result<(), Refusal> {
    match fields.get(name) {
        Some(known) if *known != Value::String(value.clone()) => {
            Err(Refusal::field(Code::VALIDATION_FAILED, name, format!("`{name}` is another one in the body than in the address")))
        }
        _ => {
            fields.insert(name.to_owned(), Value::String(value));
            Ok(())
        }
    }
}

fn names(fields: &Map<String, Value>) -> Map<String, Value> {
    let given = NAMES.into_iter().filter_map(|name| fields.get(name).map(|value| (name.to_owned(), value.clone())));
    given.filter(|(_, value)| value.is_string() || value.is_number()).collect()
}

/// Whether the caller wants what comes before the answer too. The OpenAI format has a stream for some actions only.
fn streams(info: &ActionInfo, twin: Option<openai::Twin>, fields: &Map<String, Value>, parts: &Parts) -> bool {
    if twin.is_some() && !info.streams {
        return false;
    }
    let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let asks = fields.get("stream").and_then(Value::as_bool);
    asks.unwrap_or_else(|| info.streams && accepts.is_some_and(|accepts| accepts.contains("text/event-stream")))
}

//! Server-sent events: the streams of actions, and the events of the server.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Query, Request, State},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use tabagent_protocol::{Body, Code};

use super::routes::App;
use crate::{
    envelope::{error_object, object},
    error::Refusal,
    service::{Principal, Running, Update},
};

/// Silence after which a comment is sent, so that nobody in between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A reply that goes on.
pub(super) fn reply(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let events = events.map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// A body as the data of an event of this name; raw bytes beside it are in its JSON.
pub(super) fn named(name: &str, body: &Body) -> Event {
    let data = if body.payload.is_some() { Value::Object(object(body)).to_string() } else { one_line(&body.value) };
    Event::default().event(name).data(data)
}

/// JSON text without line breaks, which would end the data of an event.
pub(super) fn one_line(json: &[u8]) -> String {
    let text = String::from_utf8_lossy(json);
    if !text.contains(['\n', '\r']) {
        return text.into_owned();
    }
    serde_json::from_slice::<Value>(json).unwrap_or_default().to_string()
}

/// A call's updates as they are: `item`, `event`, and last `response` or `error`. Dropping the stream stops the call.
pub(super) fn updates(first: Update, running: Running) -> impl Stream<Item = Event> + Send + 'static {
    stream::unfold((Some(first), running), |(first, mut running)| async move {
        let update = match first {
            Some(first) => first,
            None => running.next().await?,
        };
        let event = match &update {
            Update::Item(body) => named("item", body),
            Update::Event(body) => named("event", body),
            Update::Done(Ok(body)) => named("response", body),
            Update::Done(Err(fault)) => Event::default().event("error").data(Value::Object(error_object(fault)).to_string()),
        };
        Some((event, (None, running)))
    })
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    events: String,
}

/// `GET /v1/events?events=a,b`: the events that a session gets after `subscribe`.
pub(super) async fn events(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let Query(wanted) =
        Query::<Wanted>::try_from_uri(request.uri()).map_err(|error| Refusal::new(Code::VALIDATION_FAILED, error.body_text()))?;
    let names: Vec<_> = wanted.events.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        let message = "`events` names no event: write /v1/events?events=name,name";
        return Err(Refusal::field(Code::VALIDATION_FAILED, "events", message));
    }
    let principal = request.extensions().get::<Principal>().cloned();
    let principal = principal.ok_or_else(|| Refusal::new(Code::UNAUTHORIZED, "a key is needed"))?;
    if app.service.is_draining() {
        return Err(app.service.end().refusal().into());
    }
    let waiting = app.service.events(app.service.new_session(), &principal);
    waiting.subscribe(&names)?;
    let over = app.service.end().over().clone();
    Ok(reply(stream::unfold((waiting, over, principal), |(mut waiting, over, principal)| async {
        let body = tokio::select! {
            biased;
            () = principal.revoked() => return None,
            body = waiting.next() => body,
            // A stream without an end of its own would hold up the server's.
            () = over.cancelled() => return None,
        };
        Some((Event::default().data(one_line(&body.value)), (waiting, over, principal)))
    })))
}

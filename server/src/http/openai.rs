//! The OpenAI format over HTTP: its streams, and its refusals.

use axum::response::{Response, sse::Event};
use futures_util::{Stream, stream};
use serde_json::{Map, Value};
use tabagent_protocol::{Code, Fault};

use super::{routes::App, sse};
use crate::{
    envelope::error_object,
    error::Refusal,
    openai::{Chunk, Chunks, Twin, Wishes, error},
    service::{Asked, Running, Update},
};

/// Starts the call and streams its answer. What is refused at once is refused with its status.
pub(super) async fn stream(
    app: &App,
    twin: Twin,
    asked: Asked,
    fields: &Map<String, Value>,
    wishes: Wishes,
) -> Result<Response, Refusal> {
    let id = match &asked.request_id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let mut running = app.service.start(Asked { request_id: Some(id.clone()), ..asked });
    let first = running.next().await.unwrap_or_else(unanswered);
    if let Update::Done(Err(fault)) = first {
        return Err(fault.into());
    }
    let mut chunks = Chunks::new(twin, id, fields, wishes);
    take(&mut chunks, first);
    Ok(sse::reply(events(chunks, running)))
}

/// A refusal that both kinds of callers can read: the error object, with theirs inside.
pub(super) fn refusal(refusal: &Refusal) -> Response {
    refusal.respond_with(error(refusal.json()))
}

fn events(chunks: Chunks, running: Running) -> impl Stream<Item = Event> + Send + 'static {
    stream::unfold((chunks, running), |(mut chunks, mut running)| async move {
        loop {
            if let Some(Chunk { event, data }) = chunks.next() {
                let named = event.map_or_else(Event::default, |event| Event::default().event(event));
                return Some((named.data(data), (chunks, running)));
            }
            if chunks.ended() {
                return None;
            }
            take(&mut chunks, running.next().await.unwrap_or_else(unanswered));
        }
    })
}

fn take(chunks: &mut Chunks, update: Update) {
    let failed = match update {
        Update::Item(body) => return chunks.item(&body.value),
        Update::Event(_) => return,
        Update::Done(outcome) => outcome.and_then(|body| chunks.answer(&body.value)).err(),
    };
    if let Some(fault) = failed {
        chunks.fail(&fault, Value::Object(error_object(&fault)));
    }
}

fn random_id() -> Result<String, Refusal> {
    let bits = getrandom::u64().map_err(|error| Refusal::new(Code::INTERNAL, format!("no randomness: {error}")))?;
    Ok(format!("call-{bits:016x}"))
}

fn unanswered() -> Update {
    Update::Done(Err(Fault::new(Code::INTERNAL, "the call ended without an answer")))
}

//! A call's updates as the chunks of an OpenAI stream.

use std::collections::VecDeque;

use axum::response::{Response, sse::Event};
use futures_util::{Stream, stream};
use serde_json::{Map, Value, json};
use tabagent_protocol::{Body, Code, Fault};

use super::{
    super::{actions::parsed, routes::App, sse},
    Twin, error, finish_reason,
};
use crate::{
    envelope::error_object,
    error::Refusal,
    service::{Asked, Running, Update},
};

/// The end of every stream of this format.
const DONE: &str = "[DONE]";

/// Starts the call and streams its answer. What is refused at once is refused with its status.
pub(in crate::http) async fn stream(
    app: &App,
    twin: Twin,
    asked: Asked,
    fields: &Map<String, Value>,
) -> Result<Response, Refusal> {
    let id = match &asked.request_id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let mut running = app.service.start(Asked { request_id: Some(id.clone()), ..asked });
    let first = running.next().await.unwrap_or_else(|| Update::Done(Err(unanswered())));
    if let Update::Done(Err(fault)) = first {
        return Err(fault.into());
    }
    let mut chunks = Chunks {
        twin,
        id,
        model: fields.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
        with_usage: fields.get("stream_options").is_some_and(|options| options["include_usage"] == true),
        ready: VecDeque::new(),
        ended: false,
    };
    if twin == Twin::Chat {
        chunks.push(&twin.chunk(&chunks.id, &chunks.model, &json!({ "role": "assistant", "content": "" }), &Value::Null));
    }
    chunks.take(first);
    Ok(sse::reply(chunks.events(running)))
}

/// A call's updates on their way into chunks.
struct Chunks {
    twin: Twin,
    id: String,
    model: String,
    with_usage: bool,
    /// Chunks to be sent; a few at most, because an update is taken only when there are none.
    ready: VecDeque<String>,
    ended: bool,
}

impl Chunks {
    fn events(self, running: Running) -> impl Stream<Item = Event> + Send + 'static {
        stream::unfold((self, running), |(mut chunks, mut running)| async move {
            loop {
                if let Some(data) = chunks.ready.pop_front() {
                    return Some((Event::default().data(data), (chunks, running)));
                }
                if chunks.ended {
                    return None;
                }
                let update = running.next().await.unwrap_or_else(|| Update::Done(Err(unanswered())));
                chunks.take(update);
            }
        })
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Item(body) => {
                let item = parsed(&body).unwrap_or_default();
                self.push(&self.twin.chunk(&self.id, &self.model, &self.twin.piece(&item["delta"]), &Value::Null));
            }
            Update::Event(_) => {}
            Update::Done(Ok(body)) => self.finish(&body),
            Update::Done(Err(fault)) => {
                let status = fault.code.status();
                self.push(&error(&Value::Object(error_object(&fault)), status));
                self.end();
            }
        }
    }

    fn finish(&mut self, body: &Body) {
        let ours = parsed(body).unwrap_or_default();
        let empty = if self.twin == Twin::Chat { json!({}) } else { json!("") };
        self.push(&self.twin.chunk(&self.id, &self.model, &empty, &finish_reason(&ours["finish_reason"])));
        if self.with_usage {
            let mut last = self.twin.chunk(&self.id, &self.model, &empty, &Value::Null);
            last["choices"] = json!([]);
            last["usage"] = ours["usage"].clone();
            self.push(&last);
        }
        self.end();
    }

    fn end(&mut self) {
        self.ready.push_back(DONE.to_owned());
        self.ended = true;
    }

    fn push(&mut self, chunk: &Value) {
        self.ready.push_back(chunk.to_string());
    }
}

fn random_id() -> Result<String, Refusal> {
    let bits = getrandom::u64().map_err(|error| Refusal::new(Code::INTERNAL, format!("no randomness: {error}")))?;
    Ok(format!("call-{bits:016x}"))
}

fn unanswered() -> Fault {
    Fault::new(Code::INTERNAL, "the call ended without an answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_begins_with_the_role_and_ends_with_done() {
        let mut chunks = Chunks {
            twin: Twin::Chat,
            id: "x".into(),
            model: "m".into(),
            with_usage: true,
            ready: VecDeque::new(),
            ended: false,
        };
        chunks.take(Update::Item(Body::json(r#"{"type":"chat_delta","delta":"hi","index":0}"#)));
        chunks.take(Update::Done(Ok(Body::json(r#"{"finish_reason":"length","usage":{"total_tokens":3}}"#))));
        let chunk = |n: usize| serde_json::from_str::<Value>(&chunks.ready[n]).expect("json");
        assert_eq!(chunk(0)["choices"][0]["delta"], json!({ "content": "hi" }));
        assert_eq!(chunk(1)["choices"][0]["finish_reason"], "length");
        assert_eq!(chunk(2)["usage"]["total_tokens"], 3);
        assert_eq!((chunks.ready[3].as_str(), chunks.ready.len(), chunks.ended), (DONE, 4, true));
    }
}

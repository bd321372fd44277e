//! A call's updates as the events of an OpenAI stream.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Map, Value};
use tabagent_protocol::{
    Fault,
    api::{ChatDelta, FinishReason, Usage},
};

use super::{
    Twin, Wishes,
    completions::{
        Assistant, ChatCompletionChunk, ChunkChoice, ChunkObject, Delta, Finish, TextChoice, TextCompletion, TextObject,
    },
    error, now, responses,
};

/// The end of a stream of completions.
pub(crate) const DONE: &str = "[DONE]";

/// One event of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Its name, where the format has names.
    pub(crate) event: Option<&'static str>,
    /// Its data: JSON in one line, or the word that ends the stream.
    pub(crate) data: String,
}

/// A call's updates on their way into chunks. Ask for the chunks before the next update: then there are a few at most.
pub(crate) struct Chunks {
    shape: Shape,
    id: String,
    model: String,
    wishes: Wishes,
    /// Chunks to be sent.
    ready: VecDeque<Chunk>,
    ended: bool,
}

/// What the chunks are.
enum Shape {
    Chat,
    Text,
    Responses(Box<responses::Progress>),
}

/// What a stream needs of an answer.
#[derive(serde::Deserialize)]
struct End {
    finish_reason: FinishReason,
    usage: Usage,
}

impl Chunks {
    /// The stream of a call with this name.
    pub(crate) fn new(twin: Twin, id: String, fields: &Map<String, Value>, wishes: Wishes) -> Self {
        let shape = match twin {
            Twin::Responses => Shape::Responses(Box::new(responses::Progress::new(&id, fields))),
            Twin::Generate => Shape::Text,
            _ => Shape::Chat,
        };
        let model = fields.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut chunks = Self { shape, id, model, wishes, ready: VecDeque::new(), ended: false };
        chunks.begin();
        chunks
    }

    /// The next chunk, if there is one.
    pub(crate) fn next(&mut self) -> Option<Chunk> {
        self.ready.pop_front()
    }

    /// Whether nothing comes behind the chunks that are ready.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Makes chunks of one of our items.
    pub(crate) fn item(&mut self, ours: &[u8]) {
        if let Ok(ChatDelta { delta, .. }) = serde_json::from_slice(ours) {
            self.text(delta);
        }
    }

    /// Makes chunks of our answer: the last ones.
    ///
    /// # Errors
    /// `internal` when it is not of the action's type.
    pub(crate) fn answer(&mut self, ours: &[u8]) -> Result<(), Fault> {
        if let Shape::Responses(progress) = &mut self.shape {
            self.ready.extend(progress.finish(ours)?);
            self.ended = true;
            return Ok(());
        }
        let End { finish_reason, usage } = serde_json::from_slice(ours).map_err(|error| super::unlike(&error))?;
        let (finish, usage) = (Some(Finish::from(finish_reason)), self.wishes.usage.then_some(usage));
        if matches!(self.shape, Shape::Chat) {
            self.chat(Some((Delta::default(), finish)), None);
            usage.into_iter().for_each(|usage| self.chat(None, Some(usage)));
        } else {
            self.completion(Some((String::new(), finish)), None);
            usage.into_iter().for_each(|usage| self.completion(None, Some(usage)));
        }
        self.end();
        Ok(())
    }

    /// Makes chunks of a failure, given as our error object: the last ones.
    pub(crate) fn fail(&mut self, fault: &Fault, ours: Value) {
        if let Shape::Responses(progress) = &mut self.shape {
            self.ready.extend(progress.fail(fault));
            self.ended = true;
            return;
        }
        self.push(&error(ours));
        self.end();
    }

    fn begin(&mut self) {
        match &mut self.shape {
            Shape::Chat => {
                let delta = Delta { role: Some(Assistant::It), content: Some(String::new()) };
                self.chat(Some((delta, None)), None);
            }
            Shape::Text => {}
            Shape::Responses(progress) => self.ready.extend(progress.begin()),
        }
    }

    fn text(&mut self, text: String) {
        match &mut self.shape {
            Shape::Chat => self.chat(Some((Delta { role: None, content: Some(text) }, None)), None),
            Shape::Text => self.completion(Some((text, None)), None),
            Shape::Responses(progress) => self.ready.extend(progress.text(text)),
        }
    }

    fn chat(&mut self, piece: Option<(Delta, Option<Finish>)>, usage: Option<Usage>) {
        let choice = |(delta, finish_reason)| ChunkChoice { index: 0, delta, finish_reason, logprobs: () };
        self.push(&ChatCompletionChunk {
            id: self.id.clone(),
            object: ChunkObject::It,
            created: now(),
            model: self.model.clone(),
            choices: piece.map(choice).into_iter().collect(),
            usage,
        });
    }

    fn completion(&mut self, piece: Option<(String, Option<Finish>)>, usage: Option<Usage>) {
        let choice = |(text, finish_reason)| TextChoice { index: 0, text, finish_reason, logprobs: () };
        self.push(&TextCompletion {
            id: self.id.clone(),
            object: TextObject::It,
            created: now(),
            model: self.model.clone(),
            choices: piece.map(choice).into_iter().collect(),
            usage,
        });
    }

    fn end(&mut self) {
        self.ready.push_back(Chunk { event: None, data: DONE.to_owned() });
        self.ended = true;
    }

    fn push(&mut self, data: &impl Serialize) {
        // These types have no map keys that are no strings: they can be written.
        let data = serde_json::to_string(data).unwrap_or_default();
        self.ready.push_back(Chunk { event: None, data });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tabagent_protocol::Code;

    fn chunks(twin: Twin, end: impl FnOnce(&mut Chunks)) -> Vec<Value> {
        let fields = Map::from_iter([("model".to_owned(), json!("m"))]);
        let mut chunks = Chunks::new(twin, "x".into(), &fields, Wishes { usage: true });
        chunks.item(br#"{"type":"chat_delta","delta":"hi","index":0}"#);
        end(&mut chunks);
        assert!(chunks.ended());
        let data = std::iter::from_fn(|| chunks.next()).map(|chunk| chunk.data);
        data.map(|data| serde_json::from_str(&data).unwrap_or(Value::String(data))).collect()
    }

    fn done(chunks: &mut Chunks) {
        let usage = r#"{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}"#;
        chunks.answer(format!(r#"{{"finish_reason":"length","usage":{usage}}}"#).as_bytes()).expect("an answer");
    }

    #[test]
    fn a_stream_begins_with_the_role_and_ends_with_done() {
        let chunks = chunks(Twin::Chat, done);
        assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
        assert_eq!(chunks[1]["choices"][0]["delta"], json!({ "content": "hi" }));
        assert_eq!(chunks[2]["choices"][0]["finish_reason"], "length");
        assert_eq!((&chunks[3]["choices"], &chunks[3]["usage"]["total_tokens"]), (&json!([]), &json!(3)));
        assert_eq!((&chunks[4], chunks.len()), (&json!(DONE), 5));
    }

    #[test]
    fn a_text_comes_in_texts() {
        let chunks = chunks(Twin::Generate, done);
        assert_eq!((&chunks[0]["object"], &chunks[0]["choices"][0]["text"]), (&json!("text_completion"), &json!("hi")));
        assert_eq!((&chunks[2]["usage"]["total_tokens"], &chunks[3]), (&json!(3), &json!(DONE)));
    }

    #[test]
    fn a_failure_on_the_way_is_the_last_word_but_one() {
        let fault = Fault::new(Code::UPSTREAM_ERROR, "it fell over");
        let chunks = chunks(Twin::Chat, |chunks| {
            assert_eq!(chunks.answer(b"{}").map_err(|fault| fault.code), Err(Code::INTERNAL));
            chunks.fail(&fault, json!({ "code": "upstream_error", "status": 502 }));
        });
        assert_eq!((&chunks[2]["error"]["type"], &chunks[3]), (&json!("server_error"), &json!(DONE)));
    }
}

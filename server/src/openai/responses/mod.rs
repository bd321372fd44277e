//! The response object, whole and as the events in which it comes about.

/// What they are on the wire.
mod wire;

pub(crate) use wire::{Response, StreamEvent};

use serde_json::{Map, Value};
use tabagent_protocol::{
    Fault,
    api::{FinishReason, ResponsesResponse},
};

use super::{completions::Assistant, now, request::joined, stream::Chunk};
use wire::{
    Failure, Incomplete, IncompleteReason, InputDetails, Message, MessageType, Metadata, News, OutputDetails, Part, PartType,
    ResponseObject, ResponseUsage, Status, ToolChoice, Truncation,
};

/// Types of the parts whose text is the text of an input.
const TEXTS: [&str; 3] = ["input_text", "output_text", "text"];

/// Puts the items of `input` into our messages.
pub(super) fn request(fields: &mut Map<String, Value>) {
    for item in fields.get_mut("input").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(item) = item.as_object_mut() else { continue };
        if item.get("role").is_some_and(|role| role == "developer") {
            item.insert("role".to_owned(), "system".into());
        }
        if let Some(text) = item.get("content").filter(|content| content.is_array()).and_then(|content| joined(content, &TEXTS)) {
            item.insert("content".to_owned(), text.into());
        }
    }
}

/// Our answer as a response.
pub(super) fn whole(ours: ResponsesResponse, fields: &Map<String, Value>) -> Response {
    let mut response = Response::begun(&ours.id, fields);
    response.end(ours);
    response
}

impl Response {
    fn begun(id: &str, fields: &Map<String, Value>) -> Self {
        let number = |name: &str| fields.get(name).and_then(Value::as_f64);
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            id: id.to_owned(),
            object: ResponseObject::It,
            created_at: now(),
            status: Status::InProgress,
            error: None,
            incomplete_details: None,
            instructions: text("instructions"),
            max_output_tokens: fields.get("max_output_tokens").and_then(Value::as_u64),
            model: text("model").unwrap_or_default(),
            output: Vec::new(),
            parallel_tool_calls: true,
            previous_response_id: (),
            store: false,
            temperature: number("temperature"),
            top_p: number("top_p"),
            tool_choice: ToolChoice::It,
            tools: [],
            truncation: Truncation::It,
            usage: None,
            metadata: Metadata {},
        }
    }

    fn end(&mut self, ours: ResponsesResponse) {
        let reason = match ours.finish_reason {
            FinishReason::Length => Some(IncompleteReason::MaxOutputTokens),
            FinishReason::ContentFilter => Some(IncompleteReason::ContentFilter),
            FinishReason::Stop | FinishReason::Cancelled | FinishReason::Error => None,
        };
        self.status = if reason.is_some() { Status::Incomplete } else { Status::Completed };
        self.incomplete_details = reason.map(|reason| Incomplete { reason });
        self.model = ours.model;
        self.output = vec![message(&self.id, self.status, Some(ours.output_text))];
        self.usage = Some(ResponseUsage {
            input_tokens: ours.usage.prompt_tokens,
            input_tokens_details: InputDetails::default(),
            output_tokens: ours.usage.completion_tokens,
            output_tokens_details: OutputDetails::default(),
            total_tokens: ours.usage.total_tokens,
        });
    }
}

fn message_id(id: &str) -> String {
    format!("msg_{id}")
}

fn message(id: &str, status: Status, text: Option<String>) -> Message {
    let content = text.into_iter().map(part).collect();
    Message { r#type: MessageType::It, id: message_id(id), status, role: Assistant::It, content }
}

fn part(text: String) -> Part {
    Part { r#type: PartType::It, text, annotations: [], logprobs: [] }
}

/// A response that comes about.
pub(super) struct Progress {
    response: Response,
    /// Events said so far.
    said: u32,
}

impl Progress {
    pub(super) fn new(id: &str, fields: &Map<String, Value>) -> Self {
        Self { response: Response::begun(id, fields), said: 0 }
    }

    pub(super) fn begin(&mut self) -> Vec<Chunk> {
        let (response, id) = (self.response.clone(), self.response.id.clone());
        self.say([
            News::Created { response: response.clone() },
            News::InProgress { response },
            News::ItemAdded { output_index: 0, item: message(&id, Status::InProgress, None) },
            News::PartAdded { item_id: message_id(&id), output_index: 0, content_index: 0, part: part(String::new()) },
        ])
    }

    pub(super) fn text(&mut self, delta: String) -> Vec<Chunk> {
        let item_id = message_id(&self.response.id);
        self.say([News::TextDelta { item_id, output_index: 0, content_index: 0, delta, logprobs: [] }])
    }

    pub(super) fn finish(&mut self, ours: &[u8]) -> Result<Vec<Chunk>, Fault> {
        let ours: ResponsesResponse = serde_json::from_slice(ours).map_err(|error| super::unlike(&error))?;
        let (item_id, text) = (message_id(&self.response.id), ours.output_text.clone());
        self.response.end(ours);
        let response = self.response.clone();
        let item = message(&response.id, response.status, Some(text.clone()));
        let last =
            if response.status == Status::Incomplete { News::Incomplete { response } } else { News::Completed { response } };
        Ok(self.say([
            News::TextDone { item_id: item_id.clone(), output_index: 0, content_index: 0, text: text.clone(), logprobs: [] },
            News::PartDone { item_id, output_index: 0, content_index: 0, part: part(text) },
            News::ItemDone { output_index: 0, item },
            last,
        ]))
    }

    pub(super) fn fail(&mut self, fault: &Fault) -> Vec<Chunk> {
        self.response.status = Status::Failed;
        self.response.error = Some(Failure { code: fault.code.to_string(), message: fault.message.to_string() });
        let response = self.response.clone();
        self.say([News::Failed { response }])
    }

    fn say<const N: usize>(&mut self, news: [News; N]) -> Vec<Chunk> {
        let number = self.said;
        self.said += u32::try_from(N).unwrap_or(u32::MAX);
        (number..).zip(news).map(|(sequence_number, news)| StreamEvent { sequence_number, news }.chunk()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tabagent_protocol::Code;

    fn asked() -> Map<String, Value> {
        let fields = json!({ "model": "default", "instructions": "Be brief.", "temperature": 0.5, "max_output_tokens": 9 });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn answered(finish_reason: &str) -> Value {
        let usage = json!({ "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3 });
        json!({ "id": "r1", "model": "m", "output_text": "hi you", "usage": usage, "finish_reason": finish_reason })
    }

    fn events(chunks: &[Chunk]) -> Vec<Value> {
        let events = chunks.iter().map(|chunk| (chunk.event, serde_json::from_str::<Value>(&chunk.data).expect("json")));
        events.inspect(|(name, data)| assert_eq!(data["type"], name.expect("a name"))).map(|(_, data)| data).collect()
    }

    #[test]
    fn inputs_in_parts_are_joined() {
        let parts = json!([{ "type": "input_text", "text": "a" }, { "type": "input_text", "text": "b" }]);
        let mut fields = Map::from_iter([(
            "input".to_owned(),
            json!([{ "role": "developer", "content": parts }, { "role": "user", "content": [{ "type": "input_image" }] }]),
        )]);
        request(&mut fields);
        assert_eq!(fields["input"][0], json!({ "role": "system", "content": "ab" }));
        assert!(fields["input"][1]["content"].is_array(), "left to be refused");
    }

    #[test]
    fn a_whole_response_says_what_it_was_asked() {
        let response = json!(whole(serde_json::from_value(answered("stop")).expect("an answer"), &asked()));
        assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!("completed")));
        assert_eq!(response["output"][0]["content"][0]["text"], "hi you");
        assert_eq!((&response["instructions"], &response["max_output_tokens"]), (&json!("Be brief."), &json!(9)));
        assert_eq!(response["usage"]["output_tokens"], 2);
        let cut = json!(whole(serde_json::from_value(answered("length")).expect("an answer"), &asked()));
        assert_eq!((&cut["status"], &cut["incomplete_details"]["reason"]), (&json!("incomplete"), &json!("max_output_tokens")));
    }

    #[test]
    fn a_streamed_response_comes_about_in_order() {
        let mut progress = Progress::new("r1", &asked());
        let mut chunks = progress.begin();
        chunks.extend(progress.text("hi ".into()));
        chunks.extend(progress.text("you".into()));
        chunks.extend(progress.finish(answered("stop").to_string().as_bytes()).expect("an answer"));
        let events = events(&chunks);
        let names: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!(
            names,
            [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.completed",
            ]
        );
        assert!(events.iter().enumerate().all(|(n, event)| event["sequence_number"] == n));
        assert_eq!(events[9]["response"]["output"][0]["id"], events[4]["item_id"]);
    }

    #[test]
    fn a_failure_is_the_last_event() {
        let mut progress = Progress::new("r1", &asked());
        let events = events(&progress.fail(&Fault::new(Code::UPSTREAM_ERROR, "it fell over")));
        assert_eq!(
            (&events[0]["type"], &events[0]["response"]["error"]["code"]),
            (&json!("response.failed"), &json!("upstream_error"))
        );
    }
}

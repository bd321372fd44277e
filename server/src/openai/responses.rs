//! The response object, whole and as the events in which it comes about.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tabagent_protocol::{
    Fault,
    api::{FinishReason, ResponsesResponse},
};

use super::{completions::Assistant, now, request::joined, stream::Chunk};

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

/// What the model answered, with what it was asked to keep to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiResponse")]
pub(crate) struct Response {
    /// Name of the call.
    id: String,
    object: ResponseObject,
    /// Seconds since 1970.
    created_at: i64,
    status: Status,
    /// Why it failed.
    error: Option<Failure>,
    /// Why there is less than there could be.
    incomplete_details: Option<Incomplete>,
    /// As asked.
    instructions: Option<String>,
    /// As asked.
    max_output_tokens: Option<u64>,
    /// The model that answered; while it does, the one that was asked.
    model: String,
    /// One message.
    output: Vec<Message>,
    parallel_tool_calls: bool,
    /// Nothing is kept here.
    previous_response_id: (),
    store: bool,
    /// As asked.
    temperature: Option<f64>,
    /// As asked.
    top_p: Option<f64>,
    tool_choice: ToolChoice,
    /// None here.
    tools: [(); 0],
    truncation: Truncation,
    /// Null before the end.
    usage: Option<ResponseUsage>,
    metadata: Metadata,
}

/// How far a response or a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OpenAiResponseStatus")]
pub(crate) enum Status {
    /// It comes about.
    InProgress,
    /// It is whole.
    Completed,
    /// It ended early.
    Incomplete,
    /// It broke off.
    Failed,
}

/// Why a response failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiResponseFailure")]
pub(crate) struct Failure {
    /// The stable name of the failure.
    code: String,
    /// One sentence for people.
    message: String,
}

/// Why there is less than there could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiIncomplete")]
pub(crate) struct Incomplete {
    reason: IncompleteReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum IncompleteReason {
    MaxOutputTokens,
    ContentFilter,
}

/// A message of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiOutputMessage")]
pub(crate) struct Message {
    r#type: MessageType,
    id: String,
    status: Status,
    role: Assistant,
    /// One part.
    content: Vec<Part>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiOutputText")]
pub(crate) struct Part {
    r#type: PartType,
    text: String,
    /// None here.
    annotations: [(); 0],
    /// None here.
    logprobs: [(); 0],
}

/// Tokens read and produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiResponseUsage")]
pub(crate) struct ResponseUsage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct InputDetails {
    cached_tokens: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct OutputDetails {
    reasoning_tokens: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Metadata {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ResponseObject {
    #[serde(rename = "response")]
    It,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum MessageType {
    #[serde(rename = "message")]
    It,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum PartType {
    #[serde(rename = "output_text")]
    It,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ToolChoice {
    #[serde(rename = "auto")]
    It,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum Truncation {
    #[serde(rename = "disabled")]
    It,
}

/// One event of a response's stream, in the order of `sequence_number`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiResponseEvent")]
pub(crate) struct StreamEvent {
    sequence_number: u32,
    #[serde(flatten)]
    news: News,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type")]
#[schemars(rename = "OpenAiResponseNews")]
pub(crate) enum News {
    #[serde(rename = "response.created")]
    Created { response: Response },
    #[serde(rename = "response.in_progress")]
    InProgress { response: Response },
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: u32, item: Message },
    #[serde(rename = "response.content_part.added")]
    PartAdded { item_id: String, output_index: u32, content_index: u32, part: Part },
    #[serde(rename = "response.output_text.delta")]
    TextDelta { item_id: String, output_index: u32, content_index: u32, delta: String, logprobs: [(); 0] },
    #[serde(rename = "response.output_text.done")]
    TextDone { item_id: String, output_index: u32, content_index: u32, text: String, logprobs: [(); 0] },
    #[serde(rename = "response.content_part.done")]
    PartDone { item_id: String, output_index: u32, content_index: u32, part: Part },
    #[serde(rename = "response.output_item.done")]
    ItemDone { output_index: u32, item: Message },
    #[serde(rename = "response.completed")]
    Completed { response: Response },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Response },
    #[serde(rename = "response.failed")]
    Failed { response: Response },
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

    pub(super) fn finish(&mut self, ours: Value) -> Vec<Chunk> {
        let ours: ResponsesResponse = match serde_json::from_value(ours) {
            Ok(ours) => ours,
            Err(error) => return self.fail(&super::unlike(&error)),
        };
        let (item_id, text) = (message_id(&self.response.id), ours.output_text.clone());
        self.response.end(ours);
        let response = self.response.clone();
        let item = message(&response.id, response.status, Some(text.clone()));
        let last =
            if response.status == Status::Incomplete { News::Incomplete { response } } else { News::Completed { response } };
        self.say([
            News::TextDone { item_id: item_id.clone(), output_index: 0, content_index: 0, text: text.clone(), logprobs: [] },
            News::PartDone { item_id, output_index: 0, content_index: 0, part: part(text) },
            News::ItemDone { output_index: 0, item },
            last,
        ])
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

impl StreamEvent {
    fn chunk(&self) -> Chunk {
        let event = match self.news {
            News::Created { .. } => "response.created",
            News::InProgress { .. } => "response.in_progress",
            News::ItemAdded { .. } => "response.output_item.added",
            News::PartAdded { .. } => "response.content_part.added",
            News::TextDelta { .. } => "response.output_text.delta",
            News::TextDone { .. } => "response.output_text.done",
            News::PartDone { .. } => "response.content_part.done",
            News::ItemDone { .. } => "response.output_item.done",
            News::Completed { .. } => "response.completed",
            News::Incomplete { .. } => "response.incomplete",
            News::Failed { .. } => "response.failed",
        };
        // These types have no map keys that are no strings: they can be written.
        Chunk { event: Some(event), data: serde_json::to_string(self).unwrap_or_default() }
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
        chunks.extend(progress.finish(answered("stop")));
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

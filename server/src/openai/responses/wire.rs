//! What a response and its events are on the wire.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::{completions::Assistant, stream::Chunk};

/// What the model answered, with what it was asked to keep to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiResponse")]
pub(crate) struct Response {
    /// Name of the call.
    pub(super) id: String,
    pub(super) object: ResponseObject,
    /// Seconds since 1970.
    pub(super) created_at: i64,
    pub(super) status: Status,
    /// Why it failed.
    pub(super) error: Option<Failure>,
    /// Why there is less than there could be.
    pub(super) incomplete_details: Option<Incomplete>,
    /// As asked.
    pub(super) instructions: Option<String>,
    /// As asked.
    pub(super) max_output_tokens: Option<u64>,
    /// The model that answered; while it does, the one that was asked.
    pub(super) model: String,
    /// One message.
    pub(super) output: Vec<Message>,
    pub(super) parallel_tool_calls: bool,
    /// Nothing is kept here.
    pub(super) previous_response_id: (),
    pub(super) store: bool,
    /// As asked.
    pub(super) temperature: Option<f64>,
    /// As asked.
    pub(super) top_p: Option<f64>,
    pub(super) tool_choice: ToolChoice,
    /// None here.
    pub(super) tools: [(); 0],
    pub(super) truncation: Truncation,
    /// Null before the end.
    pub(super) usage: Option<ResponseUsage>,
    pub(super) metadata: Metadata,
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
    pub(super) code: String,
    /// One sentence for people.
    pub(super) message: String,
}

/// Why there is less than there could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiIncomplete")]
pub(crate) struct Incomplete {
    pub(super) reason: IncompleteReason,
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
    pub(super) r#type: MessageType,
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) role: Assistant,
    /// One part.
    pub(super) content: Vec<Part>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiOutputText")]
pub(crate) struct Part {
    pub(super) r#type: PartType,
    pub(super) text: String,
    /// None here.
    pub(super) annotations: [(); 0],
    /// None here.
    pub(super) logprobs: [(); 0],
}

/// Tokens read and produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiResponseUsage")]
pub(crate) struct ResponseUsage {
    pub(super) input_tokens: u64,
    pub(super) input_tokens_details: InputDetails,
    pub(super) output_tokens: u64,
    pub(super) output_tokens_details: OutputDetails,
    pub(super) total_tokens: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct InputDetails {
    pub(super) cached_tokens: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct OutputDetails {
    pub(super) reasoning_tokens: u64,
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
    pub(super) sequence_number: u32,
    #[serde(flatten)]
    pub(super) news: News,
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

impl StreamEvent {
    /// The event as it is sent.
    pub(super) fn chunk(&self) -> Chunk {
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

//! responses: a conversation continued, asked in the words of newer clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    chat::{ChatDelta, ChatMessage, FinishReason, Usage},
    info::{Action, ActionInfo},
};

/// Answers a text or a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Responses {
    /// Id of the model, or `default`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// What is said to the model: a text, or all messages so far.
    pub input: ResponsesInput,
    /// What the model should heed before all else, as a first message of `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// 0 to 2. Default: of `get_params`.
    #[schemars(range(min = 0.0, max = 2.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens after which the answer ends, 1 to 100000. Default: of `get_params`.
    #[schemars(range(min = 1, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// 0 to 1. Default: of `get_params`.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// The answer also comes in pieces while it is made. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// The caller's name of this call, for `stop_generation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Action for Responses {
    const NAME: &'static str = "responses";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/responses",
        accepted: r#"{"model":"default","input":"Count to 3."}"#,
        refused: (r#"{"model":"default","input":[]}"#, "input"),
        tags: &["generation"],
        description: "Answers a text or a conversation, in one piece or streamed; `chat` for clients of the Responses API.",
        streams: true,
        scope: "infer",
        item: "chat_delta",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ResponsesResponse;
    type Item = ChatDelta;
}

/// A text, or the messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ResponsesInput {
    /// What the user says.
    Text(#[schemars(length(min = 1))] String),
    /// What has been said so far; at least one.
    Messages(#[schemars(length(min = 1))] Vec<ChatMessage>),
}

/// The whole answer of `responses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResponsesResponse {
    /// Name of the call.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// What it said.
    pub output_text: String,
    /// Tokens read and produced.
    pub usage: Usage,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

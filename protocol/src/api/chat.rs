//! chat and generate: text from a model, whole or in pieces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo};

/// Continues a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chat {
    /// Id of the model, or `default`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// What has been said so far; at least one.
    #[schemars(length(min = 1))]
    pub messages: Vec<ChatMessage>,
    /// 0 to 2. Default: of `get_params`.
    #[schemars(range(min = 0.0, max = 2.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens after which the answer ends, 1 to 100000. Default: of `get_params`.
    #[schemars(range(min = 1, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 1. Default: of `get_params`.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// The answer ends before any of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// The answer also comes in pieces while it is made. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// The caller's name of this call, for `stop_generation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Action for Chat {
    const NAME: &'static str = "chat";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/chat/completions",
        accepted: r#"{"model":"default","messages":[{"role":"user","content":"Count to 3."}],"max_tokens":50}"#,
        refused: (r#"{"model":"default","messages":[{"role":"boss","content":"Count to 3."}]}"#, "messages[0].role"),
        tags: &["generation"],
        description: "Continues a conversation, in one piece or streamed.",
        streams: true,
        scope: "infer",
        item: "chat_delta",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ChatResponse;
    type Item = ChatDelta;
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub content: String,
    /// Name of the speaker, where several share a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who speaks in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    /// Instructions to the model.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Result of a function the model called (older name of `tool`).
    Function,
    /// Result of a tool the model called.
    Tool,
}

/// One stop string or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Stop {
    /// One.
    One(String),
    /// Several: the first to appear counts.
    Many(Vec<String>),
}

impl Stop {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// One piece of a text under way, of `chat` and of `generate` alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatDelta {
    /// The piece. All pieces joined are the response's text.
    pub delta: String,
    /// 0, 1, 2, … within its call.
    pub index: u32,
}

/// The whole answer of `chat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatResponse {
    /// Name of the call.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// What it said.
    pub response: String,
    /// Tokens read and produced.
    pub usage: Usage,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// Tokens read and produced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl Usage {
    /// From the two counts.
    #[must_use]
    pub fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
    }
}

/// Why a generated text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done, or a stop string appeared.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// A filter ended it.
    ContentFilter,
    /// `stop_generation` ended it.
    Cancelled,
    /// The model failed midway.
    Error,
}

/// Continues a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generate {
    /// Id of the model, or `default`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// The text so far.
    #[schemars(length(min = 1))]
    pub prompt: String,
    /// 0 to 2. Default: of `get_params`.
    #[schemars(range(min = 0.0, max = 2.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens after which the text ends, 1 to 100000. Default: of `get_params`.
    #[schemars(range(min = 1, max = 100_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 1. Default: of `get_params`.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// The text ends before any of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// The text also comes in pieces while it is made. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
}

impl Action for Generate {
    const NAME: &'static str = "generate";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/completions",
        accepted: r#"{"model":"default","prompt":"Count to 3.","temperature":0.2}"#,
        refused: (r#"{"model":"default","prompt":"Count to 3.","temperature":2.5}"#, "temperature"),
        tags: &["generation"],
        description: "Continues a text, in one piece or streamed.",
        streams: true,
        scope: "infer",
        item: "chat_delta",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = GenerateResponse;
    type Item = ChatDelta;
}

/// The whole answer of `generate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenerateResponse {
    /// Name of the call.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// What it wrote.
    pub text: String,
    /// Tokens read and produced.
    pub usage: Usage,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_and_null_options_are_the_same() {
        let mut fields = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        let absent: Chat = serde_json::from_value(fields.clone()).expect("well-typed");
        for name in ["temperature", "max_tokens", "top_p", "stop", "stream", "request_id"] {
            fields[name] = json!(null);
        }
        assert_eq!(serde_json::from_value::<Chat>(fields).expect("well-typed"), absent);
    }

    #[test]
    fn stop_is_a_string_or_a_list() {
        let slice = |value| serde_json::from_value::<Stop>(value).expect("well-typed").as_slice().to_vec();
        assert_eq!(slice(json!("a")), ["a"]);
        assert_eq!(slice(json!(["a", "b"])), ["a", "b"]);
    }
}

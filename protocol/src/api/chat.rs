//! chat and generate: text from a model, whole or in pieces.

use serde::{Deserialize, Serialize};

use super::{
    check,
    info::{Action, ActionInfo},
};
use crate::error::Fault;

/// Continues a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Chat {
    /// Id of the model, or `default`.
    pub model: String,
    /// What has been said so far; at least one.
    pub messages: Vec<ChatMessage>,
    /// 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens after which the answer ends, 1 to 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 1.
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
        tags: &["generation"],
        description: "Continues a conversation, in one piece or streamed.",
        streams: true,
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ChatResponse;
    type Item = ChatDelta;

    fn validate(&self) -> Result<(), Fault> {
        check::not_empty("model", &self.model)?;
        check::at_least_one("messages", &self.messages)?;
        sampling(self.temperature, self.max_tokens, self.top_p)
    }
}

/// The ranges that chat and generate share.
fn sampling(temperature: Option<f32>, max_tokens: Option<u32>, top_p: Option<f32>) -> Result<(), Fault> {
    check::within("temperature", temperature, 0.0..=2.0)?;
    check::within("max_tokens", max_tokens, 1..=100_000)?;
    check::within("top_p", top_p, 0.0..=1.0)
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "chat_delta")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ChatDelta {
    /// The piece. All pieces joined are the response's text.
    pub delta: String,
    /// 0, 1, 2, … within its call.
    pub index: u32,
}

/// The whole answer of `chat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "chat_response")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Generate {
    /// Id of the model, or `default`.
    pub model: String,
    /// The text so far.
    pub prompt: String,
    /// 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens after which the text ends, 1 to 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 1.
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
        tags: &["generation"],
        description: "Continues a text, in one piece or streamed.",
        streams: true,
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = GenerateResponse;
    type Item = ChatDelta;

    fn validate(&self) -> Result<(), Fault> {
        check::not_empty("model", &self.model)?;
        check::not_empty("prompt", &self.prompt)?;
        sampling(self.temperature, self.max_tokens, self.top_p)
    }
}

/// The whole answer of `generate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "generate_response")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
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

    fn chat(extra: &serde_json::Value) -> Result<(), Fault> {
        let mut fields = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        if let (Some(fields), Some(extra)) = (fields.as_object_mut(), extra.as_object()) {
            fields.extend(extra.clone());
        }
        serde_json::from_value::<Chat>(fields).expect("well-typed").validate()
    }

    fn field(result: Result<(), Fault>) -> String {
        String::from_utf8(result.expect_err("refused").details).expect("text")
    }

    #[test]
    fn absent_and_null_options_are_the_same() {
        assert!(chat(&json!({})).is_ok());
        assert!(chat(&json!({"temperature": null, "stop": null, "stream": null, "max_tokens": null})).is_ok());
    }

    #[test]
    fn stop_is_a_string_or_a_list() {
        assert_eq!(Stop::One("a".into()).as_slice(), ["a"]);
        assert!(chat(&json!({"stop": "a"})).is_ok());
        assert!(chat(&json!({"stop": ["a", "b"]})).is_ok());
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        assert_eq!(field(chat(&json!({"model": ""}))), r#"{"field":"model"}"#);
        assert_eq!(field(chat(&json!({"messages": []}))), r#"{"field":"messages"}"#);
        assert_eq!(field(chat(&json!({"temperature": 2.5}))), r#"{"field":"temperature"}"#);
        assert_eq!(field(chat(&json!({"max_tokens": 0}))), r#"{"field":"max_tokens"}"#);
        assert_eq!(field(chat(&json!({"top_p": -0.1}))), r#"{"field":"top_p"}"#);
    }

    #[test]
    fn a_response_is_a_flat_object_tagged_type() {
        let delta = ChatDelta { delta: " two".into(), index: 1 };
        let value = serde_json::to_value(&delta).expect("json");
        assert_eq!(value, json!({"type": "chat_delta", "delta": " two", "index": 1}));
        assert_eq!(serde_json::from_value::<ChatDelta>(value).expect("back"), delta);
    }
}

//! chat.completion and text_completion, whole and in chunks.

use schemars::JsonSchema;
use serde::Serialize;
use tabagent_protocol::api::{ChatResponse, FinishReason, GenerateResponse, Usage};

use super::now;

/// The answer to a conversation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChatCompletion")]
pub(crate) struct ChatCompletion {
    /// Name of the call.
    id: String,
    object: ChatObject,
    /// Seconds since 1970.
    created: i64,
    /// The model that answered.
    model: String,
    /// One.
    choices: Vec<ChatChoice>,
    usage: Usage,
}

/// One answer of several, of which there is one here.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChatChoice")]
pub(crate) struct ChatChoice {
    index: u32,
    message: ChatReply,
    finish_reason: Finish,
    /// Not known here.
    logprobs: (),
}

/// What the model said.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChatReply")]
pub(crate) struct ChatReply {
    role: Assistant,
    content: String,
    /// Not known here.
    refusal: (),
}

/// A piece of the answer to a conversation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChatCompletionChunk")]
pub(crate) struct ChatCompletionChunk {
    /// Name of the call.
    pub(super) id: String,
    pub(super) object: ChunkObject,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// The model that was asked.
    pub(super) model: String,
    /// One; none in the chunk that counts tokens.
    pub(super) choices: Vec<ChunkChoice>,
    /// In the last chunk, with `stream_options.include_usage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

/// A piece of one answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChunkChoice")]
pub(crate) struct ChunkChoice {
    pub(super) index: u32,
    pub(super) delta: Delta,
    /// Null before the last piece.
    pub(super) finish_reason: Option<Finish>,
    /// Not known here.
    pub(super) logprobs: (),
}

/// What a piece adds.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiDelta")]
pub(crate) struct Delta {
    /// In the first piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Assistant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
}

/// The continuation of a text, or a piece of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiTextCompletion")]
pub(crate) struct TextCompletion {
    /// Name of the call.
    pub(super) id: String,
    pub(super) object: TextObject,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// The model that answered, or in a stream the one that was asked.
    pub(super) model: String,
    /// One; none in the chunk that counts tokens.
    pub(super) choices: Vec<TextChoice>,
    /// In a stream in the last chunk, with `stream_options.include_usage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

/// One continuation of several, of which there is one here.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiTextChoice")]
pub(crate) struct TextChoice {
    pub(super) index: u32,
    pub(super) text: String,
    /// Null before the last piece.
    pub(super) finish_reason: Option<Finish>,
    /// Not known here.
    pub(super) logprobs: (),
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ChatObject {
    #[serde(rename = "chat.completion")]
    It,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ChunkObject {
    #[serde(rename = "chat.completion.chunk")]
    It,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum TextObject {
    #[serde(rename = "text_completion")]
    It,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum Assistant {
    #[serde(rename = "assistant")]
    It,
}

/// Why it ended, as far as this format has a word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OpenAiFinishReason")]
pub(crate) enum Finish {
    /// The model was done, a stop string appeared, or the call was stopped.
    Stop,
    /// As many tokens as were allowed.
    Length,
    /// A filter ended it.
    ContentFilter,
}

impl From<FinishReason> for Finish {
    fn from(ours: FinishReason) -> Self {
        match ours {
            FinishReason::Length => Self::Length,
            FinishReason::ContentFilter => Self::ContentFilter,
            FinishReason::Stop | FinishReason::Cancelled | FinishReason::Error => Self::Stop,
        }
    }
}

pub(super) fn chat(ours: ChatResponse) -> ChatCompletion {
    let message = ChatReply { role: Assistant::It, content: ours.response, refusal: () };
    let choice = ChatChoice { index: 0, message, finish_reason: ours.finish_reason.into(), logprobs: () };
    ChatCompletion {
        id: ours.id,
        object: ChatObject::It,
        created: now(),
        model: ours.model,
        choices: vec![choice],
        usage: ours.usage,
    }
}

pub(super) fn text(ours: GenerateResponse) -> TextCompletion {
    let finish_reason = Some(ours.finish_reason.into());
    TextCompletion {
        id: ours.id,
        object: TextObject::It,
        created: now(),
        model: ours.model,
        choices: vec![TextChoice { index: 0, text: ours.text, finish_reason, logprobs: () }],
        usage: Some(ours.usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reply_is_the_one_choice() {
        let usage = Usage::new(1, 2);
        let finish_reason = FinishReason::Cancelled;
        let ours = ChatResponse { id: "c".into(), model: "m".into(), response: "hi".into(), usage, finish_reason };
        let theirs = json!(chat(ours));
        assert_eq!(theirs["object"], "chat.completion");
        let message = json!({"role": "assistant", "content": "hi", "refusal": null});
        assert_eq!(theirs["choices"], json!([{"index": 0, "message": message, "finish_reason": "stop", "logprobs": null}]));
        assert_eq!(theirs["usage"]["total_tokens"], 3);
    }
}

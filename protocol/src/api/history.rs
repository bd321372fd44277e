//! chat_history, save_message: conversations that are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    chat::MessageRole,
    info::{Action, ActionInfo, NoItem},
};

/// Asks for the newest messages of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatHistory {
    /// The caller's own name of the conversation.
    #[schemars(length(min = 1, max = 256))]
    pub session_id: String,
    /// How many messages at most, 1 to 1000. Default: 100. There are fewer where they are very long.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only messages older than the one of this id: how to get at those before the newest. Default: all.
    #[schemars(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

impl Action for ChatHistory {
    const NAME: &'static str = "chat_history";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/sessions/{session_id}/history",
        tags: &["conversations"],
        description: "Lists the newest messages of a conversation, oldest first; one that is unknown, or somebody else's, is empty.",
        scope: "history",
        accepted: r#"{"session_id":"trip-to-lisbon","limit":50}"#,
        refused: (r#"{"session_id":"trip-to-lisbon","limit":0}"#, "limit"),
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ChatHistoryResponse;
    type Item = NoItem;
}

/// Messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatHistoryResponse {
    /// Which conversation.
    pub session_id: String,
    /// The newest ones that were asked for, oldest first.
    pub messages: Vec<StoredMessage>,
    /// How many messages the conversation has.
    pub total_count: u64,
}

/// A message that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredMessage {
    /// Its id. Of two messages, the later one has the greater id.
    pub id: String,
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub content: String,
    /// Name of the speaker, where several share a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was saved, RFC 3339.
    pub created_at: String,
}

/// Keeps a message of a conversation, which begins with its first one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaveMessage {
    /// The caller's own name of the conversation; another caller's may have the same.
    #[schemars(length(min = 1, max = 256))]
    pub session_id: String,
    /// What is kept.
    pub message: NewMessage,
}

/// A message to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewMessage {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    #[schemars(length(min = 1))]
    pub content: String,
    /// Name of the speaker, where several share a role.
    #[schemars(length(max = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Action for SaveMessage {
    const NAME: &'static str = "save_message";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/sessions/{session_id}/messages",
        tags: &["conversations"],
        description: "Keeps a message of a conversation; when it is answered, the message is on the disk.",
        scope: "history",
        response: "message_saved_response",
        accepted: r#"{"session_id":"trip-to-lisbon","message":{"role":"user","content":"Where does the night train leave?"}}"#,
        refused: (r#"{"session_id":"trip-to-lisbon","message":{"role":"user","content":""}}"#, "message.content"),
        ..ActionInfo::own(Self::NAME)
    };
    type Response = MessageSavedResponse;
    type Item = NoItem;
}

/// A message was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageSavedResponse {
    /// Of which conversation.
    pub session_id: String,
    /// Its id.
    pub message_id: String,
}

//! chat_history, save_message: the conversations of the caller's principal, in the store.

use std::sync::Arc;

use serde::{
    Deserialize,
    de::{
        IntoDeserializer,
        value::{Error, StrDeserializer},
    },
};
use tabagent_protocol::{
    Code, Fault,
    api::{ChatHistory, ChatHistoryResponse, MessageRole, MessageSavedResponse, SaveMessage, StoredMessage},
};
use tokio::task::spawn_blocking;

use super::failure::fault;
use crate::{
    service::{Call, Service},
    store::{Ask, Embedding, Message, NewMessage, Store},
};

/// Messages in an answer to a caller who does not say how many.
const LIMIT: u32 = 100;

/// Makes the vector of a text.
pub type Embed = dyn Fn(&str) -> Vec<f32> + Send + Sync;

/// What gives stored messages their vectors, so that they are found by what they mean.
#[derive(Clone)]
pub struct Embedder {
    /// Name of the model: vectors of different ones are never compared.
    pub model: String,
    /// The vector of a text that is not empty. May take milliseconds; it is called where blocking is allowed.
    pub embed: Arc<Embed>,
}

impl Service {
    /// Adds `chat_history` and `save_message`.
    #[must_use]
    pub fn with_history(self, store: &Store, embedder: &Embedder) -> Self {
        let (for_saving, for_reading, embedder) = (store.clone(), store.clone(), embedder.clone());
        self.on(move |call, request: SaveMessage| save(for_saving.clone(), embedder.clone(), call, request))
            .on(move |call, request: ChatHistory| history(for_reading.clone(), call, request))
    }
}

async fn save(store: Store, embedder: Embedder, call: Call, request: SaveMessage) -> Result<MessageSavedResponse, Fault> {
    let SaveMessage { session_id, message } = request;
    store.fits(&message.content).map_err(fault)?;
    let embedded = spawn_blocking(move || {
        let vector = (embedder.embed)(&message.content);
        (Embedding { model: embedder.model, vector }, message)
    });
    let no_vector = |error| Fault::new(Code::INTERNAL, format!("the message could not be given a vector: {error}"));
    let (embedding, message) = embedded.await.map_err(no_vector)?;
    let new = NewMessage {
        principal: call.principal().as_str().to_owned(),
        conversation: session_id.clone(),
        role: role_name(message.role).to_owned(),
        name: message.name,
        content: message.content,
        embedding: Some(embedding),
    };
    let saved = store.save(new).await.map_err(fault)?;
    Ok(MessageSavedResponse { session_id, message_id: saved.id })
}

async fn history(store: Store, call: Call, request: ChatHistory) -> Result<ChatHistoryResponse, Fault> {
    let ask = Ask {
        principal: call.principal().as_str().to_owned(),
        conversation: request.session_id.clone(),
        before: request.before,
        count: request.limit.unwrap_or(LIMIT),
    };
    let history = store.history(ask).await.map_err(fault)?;
    let messages = history.messages.into_iter().map(stored).collect::<Result<_, _>>()?;
    Ok(ChatHistoryResponse { session_id: request.session_id, messages, total_count: history.total })
}

fn stored(message: Message) -> Result<StoredMessage, Fault> {
    let Message { id, role, name, created_at, content, .. } = message;
    let role = role_of(&role).ok_or_else(|| Fault::new(Code::INTERNAL, format!("message {id} has an unknown role")))?;
    Ok(StoredMessage { id, role, content, name, created_at: time(created_at) })
}

/// RFC 3339, of milliseconds since 1970.
pub(super) fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// As it is written in requests, too.
fn role_name(role: MessageRole) -> &'static str {
    match role {
        MessageRole::System => "system",
        MessageRole::User => "user",
        MessageRole::Assistant => "assistant",
        MessageRole::Function => "function",
        MessageRole::Tool => "tool",
    }
}

fn role_of(name: &str) -> Option<MessageRole> {
    let name: StrDeserializer<'_, Error> = name.into_deserializer();
    MessageRole::deserialize(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_stored_as_it_is_written() {
        use MessageRole::{Assistant, Function, System, Tool, User};
        for role in [System, User, Assistant, Function, Tool] {
            assert_eq!(role_of(role_name(role)), Some(role));
        }
        assert_eq!(role_of("boss"), None);
    }

    #[test]
    fn times_are_written_as_people_read_them() {
        assert_eq!(time(1_760_000_000_500), "2025-10-09T08:53:20.5Z");
    }
}

//! What is kept, asked and found.

/// A message to be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewMessage {
    /// Whose it is.
    pub principal: String,
    /// What its principal calls the conversation; the first message makes it.
    pub conversation: String,
    /// Who speaks: `user`, `assistant`, …
    pub role: String,
    /// A name of the speaker.
    pub name: Option<String>,
    /// What is said.
    pub content: String,
    /// Its vector, without which it is found by its words alone.
    pub embedding: Option<Embedding>,
}

/// A vector and the model that made it: only vectors of one model can be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedding {
    /// Name of the model.
    pub model: String,
    /// Its numbers.
    pub vector: Vec<f32>,
}

/// What is known of a message that was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Its id, a UUID. Of two ids of one program, that of the later message is the greater.
    pub id: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// A message as it was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What its principal calls the conversation.
    pub conversation: String,
    /// Who speaks.
    pub role: String,
    /// A name of the speaker.
    pub name: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// What is said.
    pub content: String,
}

/// A question for a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub principal: String,
    /// What that principal calls the conversation.
    pub conversation: String,
    /// Only messages older than the one of this id.
    pub before: Option<String>,
    /// How many at most.
    pub count: u32,
}

/// What is known of a conversation; of an absent one the same as of an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Some of its newest messages, oldest first.
    pub messages: Vec<Message>,
    /// How many it has.
    pub total: u64,
}

/// A question for messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Whose messages.
    pub principal: String,
    /// Words that they may have; empty where only the vector counts.
    pub text: String,
    /// The vector of the text; without one, only its words count.
    pub vector: Option<Embedding>,
    /// Which messages are looked at.
    pub filters: Filters,
    /// How many are wanted at most.
    pub count: u32,
}

/// Which messages a search looks at; all conditions that are given must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Only those of this conversation.
    pub conversation: Option<String>,
    /// Only those of this role.
    pub role: Option<String>,
}

/// A message that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hit {
    /// Which one.
    pub message: Message,
    /// How well it answers: above 0, at most 1.
    pub score: f32,
}

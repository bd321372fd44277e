//! The answer of actions that have nothing to say but that it is done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// It is done. Rows of such actions say `response: "success"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Success {
    /// What was done, for people.
    pub message: String,
}

impl Success {
    /// It is done, in one sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

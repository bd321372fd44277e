//! The answer of actions that have nothing to say but that they were done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// It was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Success {
    /// What was done, in one sentence.
    pub message: String,
}

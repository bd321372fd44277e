//! stop_generation: a call ends early because somebody named it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};

/// Ends calls by name: those of this session, or else those of the same caller in other sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopGeneration {
    /// What the call to be ended was named.
    #[schemars(length(min = 1))]
    pub request_id: String,
}

impl Action for StopGeneration {
    const NAME: &'static str = "stop_generation";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/generation/stop",
        also: &[("POST", "/v1/halt")],
        accepted: r#"{"request_id":"nobody"}"#,
        refused: (r#"{"request_id":""}"#, "request_id"),
        tags: &["generation"],
        description: "Ends running calls by their request_id; what they had produced is their answer.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = StopGenerationResponse;
    type Item = NoItem;
}

/// How many calls were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopGenerationResponse {
    /// 0 when no running call has that name.
    pub stopped_count: u32,
}

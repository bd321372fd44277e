//! stop_generation, get_halt_status: a call ends early because somebody named it.

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

/// Asks whether generation was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetHaltStatus {}

impl Action for GetHaltStatus {
    const NAME: &'static str = "get_halt_status";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/halt",
        tags: &["generation"],
        description: "Says when `stop_generation` last ended a call, whether generation has begun again since, and how many calls run.",
        scope: "read",
        response: "halt_status_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = HaltStatusResponse;
    type Item = NoItem;
}

/// Whether generation was stopped, by whomever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HaltStatusResponse {
    /// A call was ended by `stop_generation`, and none that generates has begun since.
    pub is_halted: bool,
    /// Calls that are running, of everybody, but for this one.
    pub active_requests: u64,
    /// When a call was last ended by `stop_generation`, RFC 3339; absent if none ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_halt_time: Option<String>,
}

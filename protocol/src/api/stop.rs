//! stop_generation: a call ends early because somebody named it.

use serde::{Deserialize, Serialize};

use super::{
    check,
    info::{Action, ActionInfo, NoItem},
};
use crate::error::Fault;

/// Ends calls by name: those of this session, or else those of the same caller in other sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StopGeneration {
    /// What the call to be ended was named.
    pub request_id: String,
}

impl Action for StopGeneration {
    const NAME: &'static str = "stop_generation";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/generation/stop",
        tags: &["generation"],
        description: "Ends running calls by their request_id; what they had produced is their answer.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = StopGenerationResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        check::not_empty("request_id", &self.request_id)
    }
}

/// How many calls were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "stop_generation_response")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StopGenerationResponse {
    /// 0 when no running call has that name.
    pub stopped_count: u32,
}

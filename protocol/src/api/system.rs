//! health, system_info, get_stats: what the server is, runs on, and has done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};

/// Asks whether the server is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {}

impl Action for Health {
    const NAME: &'static str = "health";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/health",
        tags: &["system"],
        description: "Says whether the server is well, which version it is and how long it has been running.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = HealthResponse;
    type Item = NoItem;
}

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthResponse {
    /// In one word.
    pub status: HealthStatus,
    /// Version of the server.
    pub version: String,
    /// The server's time of day, RFC 3339.
    pub timestamp: String,
    /// Seconds since the server started.
    pub uptime_seconds: u64,
}

/// How the server is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It serves everything.
    Healthy,
    /// It serves some requests and refuses others; while shutting down, for example.
    Degraded,
    /// It serves nothing but this answer.
    Unhealthy,
}

/// Asks what machine the server runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemInfo {}

impl Action for SystemInfo {
    const NAME: &'static str = "system_info";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/system/info",
        tags: &["system"],
        description: "Describes the machine: operating system, processor, memory, graphics.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = SystemInfoResponse;
    type Item = NoItem;
}

/// What machine the server runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemInfoResponse {
    /// The machine.
    pub system: System,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// Operating system with its version.
    pub os: String,
    /// Processor architecture: `x86_64`, `aarch64`, …
    pub arch: String,
    /// Processor.
    pub cpu: Cpu,
    /// Main memory.
    pub memory: Memory,
    /// Graphics processors; empty when none is known.
    pub gpus: Vec<Gpu>,
}

/// A processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// What its maker calls it.
    pub model: String,
    /// Physical cores.
    pub cores: u32,
    /// Hardware threads.
    pub threads: u32,
}

/// Main memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Bytes in the machine.
    pub total_bytes: u64,
    /// Bytes that a new program could have.
    pub available_bytes: u64,
}

/// A graphics processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    /// What its maker calls it.
    pub name: String,
    /// Bytes of its own memory.
    pub memory_bytes: u64,
    /// Its maker.
    pub vendor: String,
}

/// Asks what the server has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetStats {}

impl Action for GetStats {
    const NAME: &'static str = "get_stats";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/stats",
        tags: &["system"],
        description: "Counts requests, connections, bytes and tokens since the server started.",
        scope: "read",
        response: "stats_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = StatsResponse;
    type Item = NoItem;
}

/// What the server has done since it started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsResponse {
    /// Seconds since the server started.
    pub uptime_seconds: u64,
    /// Requests that arrived.
    pub total_requests: u64,
    /// Requests answered.
    pub successful_requests: u64,
    /// Requests refused, failed or cancelled.
    pub failed_requests: u64,
    /// Mean time from a request's arrival to the end of its answer.
    pub average_response_time_ms: f64,
    /// Models ready to answer.
    pub models_loaded: u64,
    /// Memory of the server process.
    pub memory_used_mb: u64,
    /// Connections, whatever their transport.
    pub sessions: SessionCounts,
    /// Messages sent over sessions and plain channels.
    pub messages_sent: u64,
    /// Messages received over sessions and plain channels.
    pub messages_received: u64,
    /// Bytes of these.
    pub bytes_sent: u64,
    /// Bytes of these.
    pub bytes_received: u64,
    /// Tokens that models have produced. It stands still when nothing is being generated.
    pub tokens_generated: u64,
    /// The most recent generation; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_generation: Option<LastGeneration>,
}

/// Connections by state: those of the signaling API, and WebSockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionCounts {
    /// Connections made since the server started.
    pub total: u64,
    /// Alive now, in any of the next three states.
    pub active: u64,
    /// Waiting for an answer or for ICE.
    pub waiting: u64,
    /// With an open data channel, or a WebSocket.
    pub connected: u64,
    /// Sessions whose connection is gone, and that wait for the next one.
    pub disconnected: u64,
    /// Ended by the server's cleaning.
    pub cleaned_up: u64,
}

/// How one generation went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LastGeneration {
    /// From the request to the first token.
    pub time_to_first_token_ms: f64,
    /// Mean rate from the request to the last token.
    pub tokens_per_second: f64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens produced.
    pub output_tokens: u64,
    /// From the request to the last token.
    pub total_time_ms: f64,
}

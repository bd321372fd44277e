//! get_resources, estimate_memory, compatibility: what is in use here, and what a model would take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};

/// Asks what is in use of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetResources {}

impl Action for GetResources {
    const NAME: &'static str = "get_resources";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/resources",
        tags: &["resources"],
        description: "Measures what is in use of the machine's processor, memory, disk and graphics processors.",
        scope: "read",
        response: "resources_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ResourcesResponse;
    type Item = NoItem;
}

/// What is in use of this machine, by whomever. What the system does not say is 0, or absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourcesResponse {
    /// Percent of all processors together, 0 to 100, over the last fifth of a second or more.
    pub cpu_usage: f32,
    /// Bytes of memory in use.
    pub memory_usage: u64,
    /// Bytes of memory in the machine.
    pub memory_total: u64,
    /// Bytes that are not free on the disk of the data folder; without one, of the working folder.
    pub disk_usage: u64,
    /// Bytes of that disk.
    pub disk_total: u64,
    /// Percent of the busiest graphics processor that says so, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_usage: Option<f32>,
    /// Bytes in use of the graphics processors' own memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_memory_usage: Option<u64>,
    /// Bytes of that memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_memory_total: Option<u64>,
    /// Ids of the models in memory.
    pub loaded_models: Vec<String>,
}

/// Asks how much memory a model would take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateMemory {
    /// Id of a model known here, or any name that says the number of its parameters: `…-7B-…`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// How its numbers are kept: `f16`, `q8_0`, `q4_k_m`, … Default: what the name says, or else `f16`.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Tokens of prompt and answer together. Default: 4096.
    #[schemars(range(min = 1, max = 100_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u32>,
}

impl Action for EstimateMemory {
    const NAME: &'static str = "estimate_memory";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/resources/estimate",
        accepted: r#"{"model":"Qwen2.5-1.5B-Instruct","quantization":"q4_k_m","context_length":4096}"#,
        refused: (r#"{"model":""}"#, "model"),
        tags: &["resources"],
        description: "Estimates the memory that a model would take, and whether this machine has it.",
        scope: "read",
        response: "memory_estimate_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = MemoryEstimateResponse;
    type Item = NoItem;
}

/// How much memory a model would take. One MB is 1024 × 1024 bytes.
///
/// A model known here takes what it takes. Of any other, the parameters that its name says, P, are multiplied with the bits of
/// its quantisation; its context takes 2 bytes × 2 × layers × width for each token, where layers = ∛(P / 196608) and
/// width = 128 × layers, as in models whose attention heads share nothing. Newer ones take less for their context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryEstimateResponse {
    /// The model as it was named.
    pub model: String,
    /// What it would take of the main memory, or of a graphics processor's if it ran there.
    pub estimated_memory_mb: u64,
    /// The same, where a graphics processor says how much memory it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_vram_mb: Option<u64>,
    /// Whether 70 % of what is free now are enough.
    pub can_load: bool,
    /// If not: what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Asks whether a model could run here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compatibility {
    /// As in `estimate_memory`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// As in `estimate_memory`.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// As in `estimate_memory`.
    #[schemars(range(min = 1, max = 100_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u32>,
}

impl Action for Compatibility {
    const NAME: &'static str = "compatibility";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/resources/compatibility",
        accepted: r#"{"model":"tabagent/reference-guide"}"#,
        refused: (r#"{"model":"tabagent/reference-guide","context_length":0}"#, "context_length"),
        tags: &["resources"],
        description: "Says what a model needs, what of it this machine lacks, and what to do about it.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = CompatibilityResponse;
    type Item = NoItem;
}

/// Whether a model could run here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompatibilityResponse {
    /// Whether nothing is missing.
    pub compatible: bool,
    /// What it needs, one sentence each.
    pub requirements: Vec<String>,
    /// What of it is not here.
    pub missing_requirements: Vec<String>,
    /// What to do.
    pub recommendations: Vec<String>,
}

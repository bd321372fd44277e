//! get_hardware_info, check_model_feasibility, get_recommended_models: what this machine is good for.
//!
//! One MB is 1024 × 1024 bytes here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    info::{Action, ActionInfo, NoItem},
    system::Gpu,
};

/// Asks what the machine has for running models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetHardwareInfo {}

impl Action for GetHardwareInfo {
    const NAME: &'static str = "get_hardware_info";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/hardware/info",
        tags: &["hardware"],
        description: "Describes what the machine has for running models.",
        scope: "read",
        response: "hardware_info_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = HardwareInfoResponse;
    type Item = NoItem;
}

/// What the machine has for running models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HardwareInfoResponse {
    /// Processor.
    pub cpu: HardwareCpu,
    /// Main memory.
    pub memory: HardwareMemory,
    /// Graphics processors; empty when none is known.
    pub gpus: Vec<Gpu>,
    /// What the models here run on: `cpu`.
    pub execution_provider: String,
}

/// A processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HardwareCpu {
    /// Its maker, in its maker's spelling: `GenuineIntel`.
    pub vendor: String,
    /// What its maker calls it.
    pub model_name: String,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
    /// Physical cores.
    pub cores: u32,
    /// Hardware threads.
    pub threads: u32,
}

/// Main memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HardwareMemory {
    /// In the machine.
    pub total_ram_mb: u64,
    /// What a new program could have.
    pub available_ram_mb: u64,
    /// The rest.
    pub used_ram_mb: u64,
    /// The total in one word.
    pub ram_tier: RamTier,
}

/// How much memory a machine has, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RamTier {
    /// Less than 8 GB.
    Low,
    /// Less than 16 GB.
    Medium,
    /// Less than 32 GB.
    High,
    /// 32 GB and more.
    VeryHigh,
}

/// Asks whether a model of this size could be loaded now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckModelFeasibility {
    /// What it takes of the memory, above 0.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    pub model_size_mb: u64,
}

impl Action for CheckModelFeasibility {
    const NAME: &'static str = "check_model_feasibility";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/hardware/feasibility",
        accepted: r#"{"model_size_mb":100}"#,
        refused: (r#"{"model_size_mb":0}"#, "model_size_mb"),
        tags: &["hardware"],
        description: "Says whether a model of a size could be loaded now.",
        scope: "read",
        response: "feasibility_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = FeasibilityResponse;
    type Item = NoItem;
}

/// Whether a model of a size could be loaded now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeasibilityResponse {
    /// Whether 70 % of the free memory, the machine's or a graphics processor's, are enough.
    pub can_load: bool,
    /// The size that was asked about.
    pub model_size_mb: u64,
    /// What a new program could have of the main memory.
    pub available_ram_mb: u64,
    /// What is free of the memory of the graphics processor with the most; 0 when none says.
    pub available_vram_mb: u64,
    /// What to do, in one sentence.
    pub recommendation: String,
}

/// Asks which sizes of models this machine is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetRecommendedModels {}

impl Action for GetRecommendedModels {
    const NAME: &'static str = "get_recommended_models";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/hardware/recommendations",
        tags: &["hardware"],
        description: "Says which sizes of models the machine's free memory is good for.",
        scope: "read",
        response: "recommended_models_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = RecommendedModelsResponse;
    type Item = NoItem;
}

/// Which sizes of models this machine is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendedModelsResponse {
    /// What a new program could have of the main memory.
    pub available_ram_mb: u64,
    /// What is free of the memory of the graphics processor with the most; 0 when none says.
    pub available_vram_mb: u64,
    /// 70 % of the main memory that is available: what a model may take without others having to give way.
    pub safe_ram_mb: u64,
    /// 70 % of the graphics processor's.
    pub safe_vram_mb: u64,
    /// Parameters of models that fit: `1.5B`, `7B`, …; kept as `q4_k_m`, with a context of 4096 tokens. Smallest first.
    pub recommended_sizes: Vec<String>,
    /// What to do, in one sentence.
    pub recommendation: String,
}

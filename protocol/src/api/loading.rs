//! load_model, unload_model, pull_model, delete_model: a model comes, works and goes; and the events on its way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    info::{Action, ActionInfo, Event, NoItem},
    success::Success,
};

/// Brings a model into memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadModel {
    /// Id of the model.
    #[schemars(length(min = 1))]
    pub model_id: String,
    /// Which of its variants, one of `get_model_quants`. Default: the one that is loaded, or else the first.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Loads it anew though it is loaded. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_reload: Option<bool>,
}

impl Action for LoadModel {
    const NAME: &'static str = "load_model";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/models/load",
        also: &[("POST", "/v1/load")],
        accepted: r#"{"model_id":"tabagent/reference-guide"}"#,
        refused: (r#"{"model_id":""}"#, "model_id"),
        tags: &["models"],
        description: "Brings a model into memory, pulling it first if it is not present; its caller is told the progress.",
        scope: "models",
        response: "model_loaded_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ModelLoadedResponse;
    type Item = NoItem;
}

/// A model in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelLoadedResponse {
    /// Which.
    pub model_id: String,
    /// Whether this call brought it there.
    pub status: LoadStatus,
    /// What that took; 0 when it was there.
    pub load_time_ms: u64,
}

/// Whether a call loaded its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadStatus {
    /// This call did.
    Loaded,
    /// It was loaded, or another call was loading it.
    AlreadyLoaded,
}

/// Takes a model out of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnloadModel {
    /// Id of the model.
    #[schemars(length(min = 1))]
    pub model_id: String,
}

impl Action for UnloadModel {
    const NAME: &'static str = "unload_model";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/models/unload",
        also: &[("POST", "/v1/unload")],
        accepted: r#"{"model_id":"tabagent/reference-guide"}"#,
        refused: (r#"{"model_id":""}"#, "model_id"),
        tags: &["models"],
        description: "Takes a model out of memory; calls that use it end first.",
        scope: "models",
        response: "success",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = Success;
    type Item = NoItem;
}

/// Fetches a model, so that it can be loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullModel {
    /// Id of the model, one of `get_recipes`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// Which of its quantisations. The reference models' one file serves for all of theirs.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
}

impl Action for PullModel {
    const NAME: &'static str = "pull_model";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/pull",
        accepted: r#"{"model":"tabagent/reference-guide"}"#,
        refused: (r#"{"model":""}"#, "model"),
        tags: &["models"],
        description: "Fetches a model and checks that it arrived whole; its caller is told the progress.",
        scope: "models",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = PullModelResponse;
    type Item = NoItem;
}

/// A model that is present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullModelResponse {
    /// Which.
    pub model: String,
    /// True: a failure is answered as an error.
    pub success: bool,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Removes a model that was pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteModel {
    /// Id of the model.
    #[schemars(length(min = 1))]
    pub model_id: String,
}

impl Action for DeleteModel {
    const NAME: &'static str = "delete_model";
    const INFO: ActionInfo = ActionInfo {
        method: "DELETE",
        path: "/v1/models/{model_id}",
        also: &[("DELETE", "/v1/delete")],
        accepted: r#"{"model_id":"tabagent/reference-guide"}"#,
        refused: (r#"{"model_id":""}"#, "model_id"),
        tags: &["models"],
        description: "Removes the files of a model, unloading it first; a model that is built in stays.",
        scope: "models",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = DeleteModelResponse;
    type Item = NoItem;
}

/// A model that is present no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteModelResponse {
    /// Which.
    pub model_id: String,
    /// True: a failure is answered as an error.
    pub success: bool,
}

/// A model is on its way into memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelLoadingProgress {
    /// Which.
    pub model_id: String,
    /// How far it is.
    pub status: LoadingStatus,
    /// The file that is being read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// 0 to 100.
    pub progress: u32,
    /// Bytes of the file worked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<u64>,
    /// Bytes of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// With `error`: what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Event for ModelLoadingProgress {
    const NAME: &'static str = "model_loading_progress";
}

/// How far a model is on its way into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadingStatus {
    /// It begins.
    Initiate,
    /// Under way.
    Progress,
    /// It is ready.
    Done,
    /// It failed, or nobody waits for it any more.
    Error,
    /// It was in memory.
    Cached,
}

/// A model is being fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DownloadProgress {
    /// Which.
    pub model: String,
    /// How far it is.
    pub status: DownloadStatus,
    /// 0 to 100.
    pub progress: u32,
    /// Bytes that are here.
    pub loaded: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Event for DownloadProgress {
    const NAME: &'static str = "download_progress";
}

/// How far a model is on its way to this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DownloadStatus {
    /// Under way.
    Downloading,
    /// It is here, and whole.
    Completed,
    /// It failed; nothing is left of it.
    Failed,
    /// Nobody waits for it any more; nothing is left of it.
    Cancelled,
}

/// A model is in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelLoaded {
    /// Which.
    pub model_id: String,
    /// What runs it.
    pub backend: String,
}

impl Event for ModelLoaded {
    const NAME: &'static str = "model_loaded";
}

/// A model is in memory no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelUnloaded {
    /// Which.
    pub model_id: String,
}

impl Event for ModelUnloaded {
    const NAME: &'static str = "model_unloaded";
}

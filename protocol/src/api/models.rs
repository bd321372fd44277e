//! list_models: what can be named as `model`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};

/// Asks which models there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListModels {
    /// Only models whose id, name or one of whose capabilities contains this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl Action for ListModels {
    const NAME: &'static str = "list_models";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/models",
        tags: &["models"],
        description: "Lists the models that can be asked.",
        scope: "read",
        response: "model_list_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ModelListResponse;
    type Item = NoItem;
}

/// The models there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelListResponse {
    /// The first that can chat is what `default` means until another is selected.
    pub models: Vec<ModelInfo>,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelInfo {
    /// What requests name it by.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What runs it.
    pub backend: String,
    /// Whether it can answer at once.
    pub loaded: bool,
    /// Bytes on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Parameters as its maker counts them: `8B`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<String>,
    /// The actions it can serve: `chat`, `generate`, `embeddings`, `rerank`.
    pub capabilities: Vec<String>,
}

//! list_models, model_info, get_loaded_models, select_model, get_embedding_models, get_recipes, get_model_quants: which models
//! there are.

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
        description: "Lists the models that are present, loaded or not.",
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
    /// Those present on this server. The first loaded one that can do something is its `default` until another is selected.
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

/// Asks about one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetModelInfo {
    /// Id of the model, as `list_models` says it.
    #[schemars(length(min = 1))]
    pub model_id: String,
}

impl Action for GetModelInfo {
    const NAME: &'static str = "model_info";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/models/{model_id}",
        accepted: r#"{"model_id":"tabagent/reference-guide"}"#,
        refused: (r#"{"model_id":""}"#, "model_id"),
        tags: &["models"],
        description: "Describes one model.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ModelInfoResponse;
    type Item = NoItem;
}

/// One model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelInfoResponse {
    /// The model, as in `list_models`.
    pub info: ModelInfo,
}

/// Asks which models are in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetLoadedModels {}

impl Action for GetLoadedModels {
    const NAME: &'static str = "get_loaded_models";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/models/loaded",
        also: &[("GET", "/v1/resources/loaded-models")],
        tags: &["models"],
        description: "Lists the models in memory, what they take of it and since when.",
        scope: "read",
        response: "loaded_models_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = LoadedModelsResponse;
    type Item = NoItem;
}

/// The models in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadedModelsResponse {
    /// In the order of `list_models`.
    pub models: Vec<LoadedModel>,
}

/// A model in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadedModel {
    /// What requests name it by.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The variant that is loaded, one of `get_model_quants`.
    pub variant: String,
    /// Bytes of memory that its tables take.
    pub memory_usage: u64,
    /// When it was loaded, RFC 3339.
    pub loaded_at: String,
}

/// Chooses what `default` means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelectModel {
    /// Id of a loaded model.
    #[schemars(length(min = 1))]
    pub model_id: String,
}

impl Action for SelectModel {
    const NAME: &'static str = "select_model";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/models/select",
        accepted: r#"{"model_id":"tabagent/reference-chat"}"#,
        refused: (r#"{"model_id":""}"#, "model_id"),
        tags: &["models"],
        description: "Makes a loaded model the one that `default` means, for everything it can do and for every caller, until it is unloaded.",
        scope: "models",
        response: "model_selected_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ModelSelectedResponse;
    type Item = NoItem;
}

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelSelectedResponse {
    /// The model that `default` means from now on.
    pub model_id: String,
}

/// Asks which models make vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetEmbeddingModels {}

impl Action for GetEmbeddingModels {
    const NAME: &'static str = "get_embedding_models";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/embedding-models",
        tags: &["models", "embeddings"],
        description: "Lists the models that make vectors, and how long their vectors are.",
        scope: "read",
        response: "embedding_models_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = EmbeddingModelsResponse;
    type Item = NoItem;
}

/// The models that make vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingModelsResponse {
    /// In the order of `list_models`.
    pub models: Vec<EmbeddingModel>,
}

/// A model that makes vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingModel {
    /// Its id: what requests write into `model`.
    pub name: String,
    /// Numbers in each vector.
    pub dimensions: u32,
    /// What runs it.
    pub backend: String,
}

/// Asks in which ways models could be run here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetRecipes {}

impl Action for GetRecipes {
    const NAME: &'static str = "get_recipes";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/recipes",
        tags: &["models", "hardware"],
        description: "Lists every model that can be had here, present or not, with what it needs and whether this machine has it.",
        scope: "read",
        response: "recipes_response",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = RecipesResponse;
    type Item = NoItem;
}

/// The models that can be had here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecipesResponse {
    /// Each can be given to `pull_model` and `load_model` by its id.
    pub recipes: Vec<Recipe>,
}

/// A model, and what it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recipe {
    /// Id of the model.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What runs it.
    pub engine: String,
    /// What it runs on: `cpu`, `gpu`, …
    pub hardware: Vec<String>,
    /// Memory that it takes when loaded, in units of 1024³ bytes.
    pub ram_gb: f64,
    /// Whether that much is free and safe to use now.
    pub suitable: bool,
}

/// Asks in which variants there is a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetModelQuants {
    /// Id of the model.
    #[schemars(length(min = 1))]
    pub repo_id: String,
}

impl Action for GetModelQuants {
    const NAME: &'static str = "get_model_quants";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/models/{repo_id}/quants",
        accepted: r#"{"repo_id":"tabagent/reference-guide"}"#,
        refused: (r#"{"repo_id":""}"#, "repo_id"),
        tags: &["models"],
        description: "Lists the variants of a model, such as its quantisations; `load_model` takes one as `variant`.",
        scope: "read",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ModelQuantsResponse;
    type Item = NoItem;
}

/// The variants of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelQuantsResponse {
    /// The first is what is loaded unless another is asked for.
    pub quants: Vec<String>,
}

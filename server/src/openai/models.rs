//! Models, alone and in lists.

use schemars::JsonSchema;
use serde::Serialize;
use tabagent_protocol::api::{ModelInfo, ModelListResponse};

use super::embeddings::ListObject;

/// The models there are.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiModelList")]
pub(crate) struct ModelList {
    object: ListObject,
    data: Vec<Model>,
}

/// A model, with what we know of it beside what this format asks for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiModel")]
pub(crate) struct Model {
    object: ModelObject,
    /// 0: nobody here knows when it was made.
    created: i64,
    /// What runs it.
    owned_by: String,
    #[serde(flatten)]
    ours: ModelInfo,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ModelObject {
    #[serde(rename = "model")]
    It,
}

pub(super) fn list(ours: ModelListResponse) -> ModelList {
    ModelList { object: ListObject::It, data: ours.models.into_iter().map(model).collect() }
}

pub(super) fn model(ours: ModelInfo) -> Model {
    Model { object: ModelObject::It, created: 0, owned_by: ours.backend.clone(), ours }
}

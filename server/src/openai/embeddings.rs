//! Lists of embeddings.

use schemars::JsonSchema;
use serde::Serialize;
use tabagent_protocol::api::{EmbeddingsResponse, Usage};

/// The vectors, in the order of the texts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiEmbeddingList")]
pub(crate) struct EmbeddingList {
    object: ListObject,
    data: Vec<Embedding>,
    /// The model that made them.
    model: String,
    usage: Usage,
}

/// One vector.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiEmbedding")]
pub(crate) struct Embedding {
    object: EmbeddingObject,
    /// Which text it is of.
    index: u32,
    embedding: Vector,
}

/// A vector as numbers, or with `encoding_format: "base64"` as base64 of little-endian 32-bit floats.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OpenAiVector")]
pub(crate) enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ListObject {
    #[serde(rename = "list")]
    It,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum EmbeddingObject {
    #[serde(rename = "embedding")]
    It,
}

pub(super) fn list(ours: EmbeddingsResponse) -> EmbeddingList {
    let numbers = ours.embeddings.into_iter().flatten().map(Vector::Numbers);
    let vectors = numbers.chain(ours.embeddings_base64.into_iter().flatten().map(Vector::Base64));
    let data = (0..).zip(vectors).map(|(index, embedding)| Embedding { object: EmbeddingObject::It, index, embedding });
    EmbeddingList { object: ListObject::It, data: data.collect(), model: ours.model, usage: ours.usage }
}

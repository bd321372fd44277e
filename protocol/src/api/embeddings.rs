//! embeddings: vectors that stand for texts, as numbers, as base64 or as raw bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    chat::Usage,
    info::{Action, ActionInfo, NoItem},
};
use crate::lane::Lane;

/// Turns texts into vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Embeddings {
    /// Id of the model, or `default`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// One text or several, none of them empty.
    pub input: TextInput,
    /// How the vectors travel. Default: `json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<EmbeddingEncoding>,
    /// How vectors look in JSON. Default: `float`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding_format: Option<EmbeddingFormat>,
}

impl Action for Embeddings {
    const NAME: &'static str = "embeddings";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/embeddings",
        accepted: r#"{"model":"default","input":["a cat","a dog"]}"#,
        refused: (r#"{"model":"default","input":["a cat",""]}"#, "input[1]"),
        tags: &["embeddings"],
        description: "Turns texts into vectors that are close where the texts are alike.",
        gives: &["application/octet-stream"],
        lane: Lane::Bulk,
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = EmbeddingsResponse;
    type Item = NoItem;
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TextInput {
    /// One.
    One(#[schemars(length(min = 1))] String),
    /// Several.
    Many(#[schemars(length(min = 1), inner(length(min = 1)))] Vec<String>),
}

impl TextInput {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// How vectors travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingEncoding {
    /// Inside the JSON object.
    #[default]
    Json,
    /// As raw little-endian 32-bit floats beside it, vector after vector.
    Binary,
}

/// How vectors look in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingFormat {
    /// Lists of numbers.
    #[default]
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// The vectors, in the order of the texts: in `embeddings`, in `embeddings_base64`, or in the payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingsResponse {
    /// The model that made them.
    pub model: String,
    /// The vectors as numbers (the default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<Vec<Vec<f32>>>,
    /// The vectors as text, with `encoding_format: "base64"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embeddings_base64: Option<Vec<String>>,
    /// How many vectors the payload has, with `encoding: "binary"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Numbers in each vector.
    pub dimensions: u32,
    /// Tokens read.
    pub usage: Usage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_that_travel_as_bytes_leave_no_trace_in_json() {
        let response = EmbeddingsResponse { model: "m".into(), count: Some(2), dimensions: 3, ..Default::default() };
        let value = serde_json::to_value(response).expect("json");
        assert_eq!(value["count"], 2);
        assert!(value.get("embeddings").is_none());
    }
}

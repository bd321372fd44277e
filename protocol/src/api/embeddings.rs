//! embeddings: vectors that stand for texts, as numbers, as base64 or as raw bytes.

use serde::{Deserialize, Serialize};

use super::{
    chat::Usage,
    check,
    info::{Action, ActionInfo, NoItem},
};
use crate::{error::Fault, lane::Lane};

/// Turns texts into vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Embeddings {
    /// Id of the model, or `default`.
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
        tags: &["embeddings"],
        description: "Turns texts into vectors that are close where the texts are alike.",
        lane: Lane::Bulk,
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = EmbeddingsResponse;
    type Item = NoItem;

    fn validate(&self) -> Result<(), Fault> {
        check::not_empty("model", &self.model)?;
        match &self.input {
            TextInput::One(text) => check::not_empty("input", text),
            TextInput::Many(texts) => {
                check::at_least_one("input", texts)?;
                texts.iter().enumerate().try_for_each(|(i, text)| check::not_empty(&format!("input[{i}]"), text))
            }
        }
    }
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum TextInput {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum EmbeddingEncoding {
    /// Inside the JSON object.
    #[default]
    Json,
    /// As raw little-endian 32-bit floats beside it, vector after vector.
    Binary,
}

/// How vectors look in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum EmbeddingFormat {
    /// Lists of numbers.
    #[default]
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// The vectors, in the order of the texts: in `embeddings`, in `embeddings_base64`, or in the payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "embeddings_response")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
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
    use serde_json::json;

    fn refused(input: &serde_json::Value) -> Vec<u8> {
        let request: Embeddings = serde_json::from_value(json!({"model": "default", "input": input})).expect("well-typed");
        request.validate().expect_err("refused").details
    }

    #[test]
    fn an_empty_text_is_named_with_its_place() {
        assert_eq!(refused(&json!("")), br#"{"field":"input"}"#);
        assert_eq!(refused(&json!([])), br#"{"field":"input"}"#);
        assert_eq!(refused(&json!(["a", ""])), br#"{"field":"input[1]"}"#);
    }

    #[test]
    fn vectors_that_travel_as_bytes_leave_no_trace_in_json() {
        let response = EmbeddingsResponse { model: "m".into(), count: Some(2), dimensions: 3, ..Default::default() };
        let value = serde_json::to_value(response).expect("json");
        assert_eq!(value["count"], 2);
        assert!(value.get("embeddings").is_none());
    }
}

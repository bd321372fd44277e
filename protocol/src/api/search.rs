//! rerank, rag_query, semantic_search_query: texts found among documents or stored messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::info::{Action, ActionInfo, NoItem};

/// Orders documents by how well they answer a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rerank {
    /// Id of the model, or `default`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// What is asked.
    #[schemars(length(min = 1))]
    pub query: String,
    /// The texts to order; at least one, none of them empty.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub documents: Vec<String>,
    /// How many results at most. Default: all.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_n: Option<u32>,
}

impl Action for Rerank {
    const NAME: &'static str = "rerank";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/rerank",
        accepted: r#"{"model":"default","query":"baking bread","documents":["a garden hose","how bread is baked"],"top_n":1}"#,
        refused: (r#"{"model":"default","query":"baking bread","documents":["a garden hose",""]}"#, "documents[1]"),
        tags: &["search"],
        description: "Orders documents by how well they answer a query.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = RerankResponse;
    type Item = NoItem;
}

/// The documents that answer best.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RerankResponse {
    /// The model that ordered them.
    pub model: String,
    /// Best first.
    pub results: Vec<RerankResult>,
}

/// A document in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RerankResult {
    /// Its place in the request.
    pub index: u32,
    /// How well it answers; more is better, and only scores of one answer can be compared.
    pub score: f32,
    /// The text.
    pub document: String,
}

/// Finds what helps to answer a question: by the words and the meaning of documents, or of stored messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RagQuery {
    /// What is asked.
    #[schemars(length(min = 1))]
    pub query: String,
    /// How many results at most, 1 to 1000. Default: 10.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Only what has these values in its metadata; of stored messages `session_id` and `role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Map<String, Value>>,
    /// What to search. Default: the caller's stored messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Vec<SearchDocument>>,
}

impl Action for RagQuery {
    const NAME: &'static str = "rag_query";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/rag/query",
        response: "rag_response",
        accepted: r#"{"query":"baking bread","top_k":1,"documents":["a garden hose",{"id":"b","content":"how bread is baked"}]}"#,
        refused: (r#"{"query":"baking bread","top_k":1001}"#, "top_k"),
        tags: &["search"],
        description: "Finds the documents or stored messages that help to answer a question, by words and meaning.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = RagResponse;
    type Item = NoItem;
}

/// What helps to answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RagResponse {
    /// Best first.
    pub results: Vec<SearchResult>,
    /// Milliseconds that the search took.
    pub query_time_ms: f64,
}

/// Finds what means something alike, whatever words it uses: among documents, or stored messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SemanticSearchQuery {
    /// What is looked for.
    #[schemars(length(min = 1))]
    pub query: String,
    /// How many results at most, 1 to 1000. Default: 10.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    /// Only what has these values in its metadata; of stored messages `session_id` and `role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Map<String, Value>>,
    /// What to search. Default: the caller's stored messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Vec<SearchDocument>>,
}

impl Action for SemanticSearchQuery {
    const NAME: &'static str = "semantic_search_query";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/semantic-search",
        response: "semantic_search_response",
        accepted: r#"{"query":"baking","k":1,"documents":[{"content":"baked","metadata":{"lang":"en"}}],"filters":{"lang":"en"}}"#,
        refused: (r#"{"query":"","documents":["a garden hose"]}"#, "query"),
        tags: &["search"],
        description: "Finds the documents or stored messages whose meaning is nearest to a text.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = SemanticSearchResponse;
    type Item = NoItem;
}

/// What is nearest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SemanticSearchResponse {
    /// Nearest first.
    pub results: Vec<SearchResult>,
    /// Milliseconds that the search took.
    pub query_time_ms: f64,
}

/// Something to search: a text, or a text with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SearchDocument {
    /// The text alone.
    Text(String),
    /// More than the text.
    Described(DescribedDocument),
}

/// A text with what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DescribedDocument {
    /// What results call it. Default: its place in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The text.
    pub content: String,
    /// What filters look at; comes back with the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// Something found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResult {
    /// Of a message its id; of a document its own, or else its place in the list.
    pub id: String,
    /// How well it answers; more is better, and only scores of one answer can be compared.
    pub score: f32,
    /// The text.
    pub content: String,
    /// What is known of it; of a message `session_id`, `role`, `created_at` and, where it has one, `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

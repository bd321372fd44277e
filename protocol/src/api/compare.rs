//! calculate_similarity, evaluate_embeddings, cluster_documents, recommend_content: texts compared with one another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::{Action, ActionInfo, NoItem};
use crate::lane::Lane;

/// Says how alike two texts are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalculateSimilarity {
    /// The one text.
    #[schemars(length(min = 1))]
    pub text1: String,
    /// The other.
    #[schemars(length(min = 1))]
    pub text2: String,
    /// Id of the model. Default: the default model for embeddings.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Action for CalculateSimilarity {
    const NAME: &'static str = "calculate_similarity";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/similarity",
        response: "similarity_response",
        accepted: r#"{"text1":"how bread is baked","text2":"baking bread"}"#,
        refused: (r#"{"text1":"how bread is baked","text2":""}"#, "text2"),
        tags: &["embeddings"],
        description: "Says how alike two texts are.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = SimilarityResponse;
    type Item = NoItem;
}

/// How alike two texts are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimilarityResponse {
    /// The cosine of their vectors: 1 for the same, about 0 for nothing in common.
    pub similarity: f32,
    /// The model that compared them.
    pub model: String,
}

/// Compares every query with every document: whether a model's embeddings find what they should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluateEmbeddings {
    /// Id of the model, or `default`.
    #[schemars(length(min = 1))]
    pub model: String,
    /// What is asked; at least one.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub queries: Vec<String>,
    /// What may answer; at least one.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub documents: Vec<String>,
}

impl Action for EvaluateEmbeddings {
    const NAME: &'static str = "evaluate_embeddings";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/evaluate-embeddings",
        response: "evaluation_response",
        accepted: r#"{"model":"default","queries":["baking bread"],"documents":["a garden hose","how bread is baked"]}"#,
        refused: (r#"{"model":"default","queries":[],"documents":["a garden hose"]}"#, "queries"),
        tags: &["embeddings"],
        description: "Compares every query with every document by the vectors of a model.",
        lane: Lane::Bulk,
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = EvaluationResponse;
    type Item = NoItem;
}

/// How alike queries and documents are to a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluationResponse {
    /// The model.
    pub model: String,
    /// A row for each query, in it the cosine with each document.
    pub scores: Vec<Vec<f32>>,
    /// The mean of all scores: where the best are not well above it, the model tells nothing apart.
    pub mean: f32,
    /// For each query the place of the document that is most like it.
    pub best: Vec<u32>,
}

/// Groups texts by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterDocuments {
    /// The texts; at least one.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub documents: Vec<String>,
    /// How many groups, at most one for each text. Default: 5.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_clusters: Option<u32>,
    /// Id of the model. Default: the default model for embeddings.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Action for ClusterDocuments {
    const NAME: &'static str = "cluster_documents";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/cluster",
        response: "cluster_response",
        accepted: r#"{"documents":["baking bread","a garden hose","how bread is baked"],"n_clusters":2}"#,
        refused: (r#"{"documents":["baking bread"],"n_clusters":0}"#, "n_clusters"),
        tags: &["embeddings"],
        description: "Groups texts by what they are about.",
        lane: Lane::Bulk,
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ClusterResponse;
    type Item = NoItem;
}

/// The groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterResponse {
    /// The group of each text, in the order of the texts; they are numbered as they first appear.
    pub clusters: Vec<u32>,
    /// How many texts each group has.
    pub sizes: Vec<u32>,
    /// The vector in the middle of each group.
    pub centers: Vec<Vec<f32>>,
}

/// Chooses what somebody may like who likes the query, without repeating itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendContent {
    /// What is liked: a text, a title, an interest.
    #[schemars(length(min = 1))]
    pub query: String,
    /// What may be recommended; at least one.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub candidates: Vec<String>,
    /// How many at most. Default: 10.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_n: Option<u32>,
    /// Id of the model. Default: the default model for embeddings.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Action for RecommendContent {
    const NAME: &'static str = "recommend_content";
    const INFO: ActionInfo = ActionInfo {
        path: "/v1/recommend",
        response: "recommend_response",
        accepted: r#"{"query":"baking bread","candidates":["a garden hose","how bread is baked"],"top_n":1}"#,
        refused: (r#"{"query":"baking bread","candidates":[]}"#, "candidates"),
        tags: &["search"],
        description: "Chooses what is like a query, without repeating itself.",
        scope: "infer",
        ..ActionInfo::own(Self::NAME)
    };
    type Response = RecommendResponse;
    type Item = NoItem;
}

/// What is recommended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendResponse {
    /// In the order to show them.
    pub recommendations: Vec<Recommendation>,
}

/// Something to recommend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// Its place among the candidates.
    pub index: u32,
    /// How like the query it is, less what it repeats of earlier ones; only scores of one answer can be compared.
    pub score: f32,
    /// The text.
    pub content: String,
}

//! Finding, ordering, comparing, grouping and recommending texts, by what they say.
//!
//! What takes long is done on the [`work::Workbench`] and given up as soon as nobody waits for it. Every list is bounded.

/// By shared letter groups, rare ones more.
mod bm25;
/// Texts into groups.
mod cluster;
/// calculate_similarity, evaluate_embeddings, cluster_documents.
mod compare;
/// Queries against documents.
mod evaluate;
/// Which documents a search looks at.
mod filter;
/// rerank, rag_query, semantic_search_query, recommend_content.
mod find;
/// Vectors into groups.
mod kmeans;
/// Ordering.
mod rank;
/// Choosing without repetition.
mod recommend;
/// Stored messages.
mod stored;
/// Cosines and means.
mod vector;
/// Long computations.
mod work;

#[cfg(test)]
mod labelled;
#[cfg(test)]
mod measures;
#[cfg(test)]
mod quality;

use std::sync::Arc;

use tabagent_protocol::{Fault, api::Action};

use super::models::{DEFAULT, Models};
use crate::{service::Service, store::Store};
use stored::Stored;
use work::Workbench;

impl Service {
    /// Adds `rerank`, `rag_query`, `semantic_search_query`, `calculate_similarity`, `evaluate_embeddings`, `cluster_documents`
    /// and `recommend_content`.
    #[must_use]
    pub(super) fn with_search(self, store: &Store, models: &Arc<Models>) -> Self {
        let tools = Tools { models: Arc::clone(models), bench: Workbench::new() };
        let (for_rag, for_search) = (Stored::new(store, &tools), Stored::new(store, &tools));
        self.on_bench(&tools, find::rerank)
            .on(move |call, request| find::rag_query(for_rag.clone(), call, request))
            .on(move |call, request| find::semantic_search_query(for_search.clone(), call, request))
            .on_bench(&tools, find::recommend_content)
            .on_bench(&tools, compare::calculate_similarity)
            .on_bench(&tools, compare::evaluate_embeddings)
            .on_bench(&tools, compare::cluster_documents)
    }

    fn on_bench<A, Fut>(self, tools: &Tools, handler: fn(Tools, A) -> Fut) -> Self
    where
        A: Action,
        Fut: Future<Output = Result<A::Response, Fault>> + Send + 'static,
    {
        let tools = tools.clone();
        self.on(move |_, request: A| handler(tools.clone(), request))
    }
}

/// What the handlers work with.
#[derive(Clone)]
struct Tools {
    models: Arc<Models>,
    bench: Workbench,
}

impl Tools {
    /// The id of the model that a request names, or of the default one.
    fn model(&self, name: Option<&str>, capability: &str) -> Result<String, Fault> {
        Ok(self.models.find(name.unwrap_or(DEFAULT), capability)?.id.to_owned())
    }
}

fn as_strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

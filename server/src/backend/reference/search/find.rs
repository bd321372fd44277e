//! rerank, rag_query, semantic_search_query, recommend_content: the texts that answer best.

use std::time::Instant;

use serde_json::{Map, Value};
use tabagent_protocol::{
    Fault,
    api::{
        RagQuery, RagResponse, RecommendContent, RecommendResponse, Recommendation, Rerank, RerankResponse, RerankResult,
        SearchDocument, SearchResult, SemanticSearchQuery, SemanticSearchResponse,
    },
};

use super::{
    super::embed::bounded,
    Tools, as_strs, filter,
    rank::{Ranked, hybrid, semantic},
    recommend::recommend,
    stored::Stored,
    work::Wanted,
};
use crate::service::{Call, Principal};

/// Results of a search, and recommendations, whose request does not say how many.
const RESULTS: u32 = 10;

pub(super) async fn rerank(tools: Tools, request: Rerank) -> Result<RerankResponse, Fault> {
    let model = tools.model(Some(&request.model), "rerank")?;
    let Rerank { query, documents, top_n, .. } = request;
    bounded("documents", documents.len())?;
    let work = move |wanted: &Wanted| {
        let ranked = hybrid(&query, &as_strs(&documents), wanted)?;
        let count = top_n.map_or(documents.len(), |count| count as usize);
        let result = |Ranked { index, score }| RerankResult { index: index as u32, score, document: documents[index].clone() };
        Ok(ranked.into_iter().take(count).map(result).collect())
    };
    Ok(RerankResponse { model, results: tools.bench.run(work).await? })
}

pub(super) async fn recommend_content(tools: Tools, request: RecommendContent) -> Result<RecommendResponse, Fault> {
    tools.model(request.model.as_deref(), "embeddings")?;
    let RecommendContent { query, candidates, top_n, .. } = request;
    bounded("candidates", candidates.len())?;
    let work = move |wanted: &Wanted| {
        let count = top_n.unwrap_or(RESULTS) as usize;
        let chosen = recommend(&query, &as_strs(&candidates), count, wanted)?;
        let result = |Ranked { index, score }| Recommendation { index: index as u32, score, content: candidates[index].clone() };
        Ok(chosen.into_iter().map(result).collect())
    };
    Ok(RecommendResponse { recommendations: tools.bench.run(work).await? })
}

pub(super) async fn rag_query(stored: Stored, call: Call, request: RagQuery) -> Result<RagResponse, Fault> {
    let RagQuery { query, top_k, filters, documents } = request;
    let search = Search { query, filters, count: top_k.unwrap_or(RESULTS), by_words: true };
    let (results, query_time_ms) = search.run(&stored, call.principal(), documents).await?;
    Ok(RagResponse { results, query_time_ms })
}

pub(super) async fn semantic_search_query(
    stored: Stored,
    call: Call,
    request: SemanticSearchQuery,
) -> Result<SemanticSearchResponse, Fault> {
    let SemanticSearchQuery { query, k, filters, documents } = request;
    let search = Search { query, filters, count: k.unwrap_or(RESULTS), by_words: false };
    let (results, query_time_ms) = search.run(&stored, call.principal(), documents).await?;
    Ok(SemanticSearchResponse { results, query_time_ms })
}

/// What `rag_query` and `semantic_search_query` are made of.
pub(super) struct Search {
    pub(super) query: String,
    pub(super) filters: Option<Map<String, Value>>,
    pub(super) count: u32,
    /// By words and meaning; by meaning alone otherwise.
    pub(super) by_words: bool,
}

impl Search {
    /// What was found, and how long that took in milliseconds.
    async fn run(
        self,
        stored: &Stored,
        principal: &Principal,
        documents: Option<Vec<SearchDocument>>,
    ) -> Result<(Vec<SearchResult>, f64), Fault> {
        let began = Instant::now();
        stored.tools().model(None, "embeddings")?;
        let results = match documents {
            Some(documents) => {
                bounded("documents", documents.len())?;
                stored.tools().bench.run(move |wanted| self.among(documents, wanted)).await?
            }
            None => stored.search(principal, self).await?,
        };
        Ok((results, began.elapsed().as_secs_f64() * 1000.0))
    }

    fn among(self, documents: Vec<SearchDocument>, wanted: &Wanted) -> Result<Vec<SearchResult>, Fault> {
        let mut left: Vec<_> = filter::candidates(documents, self.filters.as_ref()).into_iter().map(Some).collect();
        let texts: Vec<_> = left.iter().flatten().map(|one| one.content.as_str()).collect();
        let rank = if self.by_words { hybrid } else { semantic };
        let ranked = rank(&self.query, &texts, wanted)?;
        // Each place is ranked once, so each document is there to be taken.
        let take = |Ranked { index, score }| left[index].take().map(|one| SearchResult { score, ..one });
        Ok(ranked.into_iter().take(self.count as usize).filter_map(take).collect())
    }
}

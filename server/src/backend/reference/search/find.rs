//! rerank, rag_query, semantic_search_query, recommend_content: the texts that answer best.

use std::time::Instant;

use serde_json::{Map, Value};
use tabagent_protocol::{
    Code, Fault,
    api::{
        RagQuery, RagResponse, RecommendContent, RecommendResponse, Recommendation, Rerank, RerankResponse, RerankResult,
        SearchDocument, SearchResult, SemanticSearchQuery, SemanticSearchResponse,
    },
};

use super::{
    super::embed::bounded,
    as_strs, filter, model,
    rank::{Ranked, hybrid, semantic},
    recommend::recommend,
    work::{Wanted, Workbench},
};

/// Results of a search, and recommendations, whose request does not say how many.
const RESULTS: usize = 10;

/// A way to order documents.
type Rank = fn(&str, &[&str], &Wanted) -> Result<Vec<Ranked>, Fault>;

pub(super) async fn rerank(bench: Workbench, request: Rerank) -> Result<RerankResponse, Fault> {
    let model = model(Some(&request.model), "rerank")?;
    let Rerank { query, documents, top_n, .. } = request;
    bounded("documents", documents.len())?;
    let work = move |wanted: &Wanted| {
        let ranked = hybrid(&query, &as_strs(&documents), wanted)?;
        let count = top_n.map_or(documents.len(), |count| count as usize);
        let result = |Ranked { index, score }| RerankResult { index: index as u32, score, document: documents[index].clone() };
        Ok(ranked.into_iter().take(count).map(result).collect())
    };
    Ok(RerankResponse { model, results: bench.run(work).await? })
}

pub(super) async fn recommend_content(bench: Workbench, request: RecommendContent) -> Result<RecommendResponse, Fault> {
    model(request.model.as_deref(), "embeddings")?;
    let RecommendContent { query, candidates, top_n, .. } = request;
    bounded("candidates", candidates.len())?;
    let work = move |wanted: &Wanted| {
        let count = top_n.map_or(RESULTS, |count| count as usize);
        let chosen = recommend(&query, &as_strs(&candidates), count, wanted)?;
        let result = |Ranked { index, score }| Recommendation { index: index as u32, score, content: candidates[index].clone() };
        Ok(chosen.into_iter().map(result).collect())
    };
    Ok(RecommendResponse { recommendations: bench.run(work).await? })
}

pub(super) async fn rag_query(bench: Workbench, request: RagQuery) -> Result<RagResponse, Fault> {
    let RagQuery { query, top_k, filters, documents } = request;
    let search = Search { query, filters, count: top_k.map_or(RESULTS, |count| count as usize), rank: hybrid };
    let (results, query_time_ms) = search.run(&bench, documents).await?;
    Ok(RagResponse { results, query_time_ms })
}

pub(super) async fn semantic_search_query(
    bench: Workbench,
    request: SemanticSearchQuery,
) -> Result<SemanticSearchResponse, Fault> {
    let SemanticSearchQuery { query, k, filters, documents } = request;
    let search = Search { query, filters, count: k.map_or(RESULTS, |count| count as usize), rank: semantic };
    let (results, query_time_ms) = search.run(&bench, documents).await?;
    Ok(SemanticSearchResponse { results, query_time_ms })
}

/// What `rag_query` and `semantic_search_query` are made of.
struct Search {
    query: String,
    filters: Option<Map<String, Value>>,
    count: usize,
    rank: Rank,
}

impl Search {
    /// What was found, and how long that took in milliseconds.
    async fn run(self, bench: &Workbench, documents: Option<Vec<SearchDocument>>) -> Result<(Vec<SearchResult>, f64), Fault> {
        let began = Instant::now();
        model(None, "embeddings")?;
        let results = match documents {
            Some(documents) => {
                bounded("documents", documents.len())?;
                bench.run(move |wanted| self.among(documents, wanted)).await?
            }
            None => return Err(Fault::new(Code::NOT_SUPPORTED, "this server keeps no messages; send `documents` to search")),
        };
        Ok((results, began.elapsed().as_secs_f64() * 1000.0))
    }

    fn among(self, documents: Vec<SearchDocument>, wanted: &Wanted) -> Result<Vec<SearchResult>, Fault> {
        let mut left: Vec<_> = filter::candidates(documents, self.filters.as_ref()).into_iter().map(Some).collect();
        let texts: Vec<_> = left.iter().flatten().map(|one| one.content.as_str()).collect();
        let ranked = (self.rank)(&self.query, &texts, wanted)?;
        // Each place is ranked once, so each document is there to be taken.
        let take = |Ranked { index, score }| left[index].take().map(|one| SearchResult { score, ..one });
        Ok(ranked.into_iter().take(self.count).filter_map(take).collect())
    }
}

//! calculate_similarity, evaluate_embeddings, cluster_documents: what the vectors of texts have to do with each other.

use tabagent_protocol::{
    Fault,
    api::{
        CalculateSimilarity, ClusterDocuments, ClusterResponse, EvaluateEmbeddings, EvaluationResponse, SimilarityResponse,
        refused,
    },
};

use super::{
    super::embed::{bounded, embed},
    Tools, as_strs,
    cluster::cluster,
    evaluate::evaluate,
    rank::embed_all,
    vector,
};

/// Scores in one answer. Each takes some 12 bytes of JSON, and a message holds 1 MiB.
const SCORES: usize = 65_536;
/// Clusters of a request that does not say how many.
const CLUSTERS: usize = 5;
/// The most clusters. The center of each takes some 4.5 kB of JSON, and a message holds 1 MiB.
const MOST_CLUSTERS: usize = 128;

pub(super) async fn calculate_similarity(tools: Tools, request: CalculateSimilarity) -> Result<SimilarityResponse, Fault> {
    let model = tools.model(request.model.as_deref(), "embeddings")?;
    let CalculateSimilarity { text1, text2, .. } = request;
    let similarity = tools.bench.run(move |_| Ok(vector::cosine(&embed(&text1), &embed(&text2)))).await?;
    Ok(SimilarityResponse { similarity, model })
}

pub(super) async fn evaluate_embeddings(tools: Tools, request: EvaluateEmbeddings) -> Result<EvaluationResponse, Fault> {
    let model = tools.model(Some(&request.model), "embeddings")?;
    let EvaluateEmbeddings { queries, documents, .. } = request;
    bounded("queries", queries.len())?;
    bounded("documents", documents.len())?;
    let scores = queries.len() * documents.len();
    if scores > SCORES {
        let text = format_args!("times queries makes {scores} scores; ask for at most {SCORES} at a time");
        return Err(refused("documents", text));
    }
    let done = tools.bench.run(move |wanted| evaluate(&as_strs(&queries), &as_strs(&documents), wanted)).await?;
    Ok(EvaluationResponse { model, scores: done.scores, mean: done.mean, best: done.best })
}

pub(super) async fn cluster_documents(tools: Tools, request: ClusterDocuments) -> Result<ClusterResponse, Fault> {
    tools.model(request.model.as_deref(), "embeddings")?;
    let ClusterDocuments { documents, n_clusters, .. } = request;
    bounded("documents", documents.len())?;
    let count = n_clusters.map_or(CLUSTERS, |count| count as usize).min(MOST_CLUSTERS);
    let done = tools.bench.run(move |wanted| cluster(&embed_all(&as_strs(&documents), wanted)?, count, wanted)).await?;
    Ok(ClusterResponse { clusters: done.of, sizes: done.sizes, centers: done.centers })
}

//! How well embeddings tell which document answers which query.

use tabagent_protocol::Fault;

use super::{rank::embed_all, vector, work::Wanted};

/// How alike queries and documents are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Evaluation {
    /// A row for each query, in it the cosine with each document.
    pub(super) scores: Vec<Vec<f32>>,
    /// The mean of all of them: where it is near the best ones, the embeddings tell nothing apart.
    pub(super) mean: f32,
    /// For each query the document that is most like it, the first among equals.
    pub(super) best: Vec<u32>,
}

/// Compares every query with every document; there is at least one of each.
pub(super) fn evaluate(queries: &[&str], documents: &[&str], wanted: &Wanted) -> Result<Evaluation, Fault> {
    let documents = embed_all(documents, wanted)?;
    let row = |query: Vec<f32>| -> Vec<f32> { documents.iter().map(|document| vector::cosine(&query, document)).collect() };
    let scores: Vec<_> = embed_all(queries, wanted)?.into_iter().map(row).collect();
    let all = scores.iter().flatten();
    let mean = all.clone().map(|score| f64::from(*score)).sum::<f64>() / all.count().max(1) as f64;
    let best = scores.iter().map(|row| first_of_the_best(row)).collect();
    Ok(Evaluation { scores, mean: mean as f32, best })
}

fn first_of_the_best(scores: &[f32]) -> u32 {
    let best = scores.iter().enumerate().rev().max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.map_or(0, |(i, _)| i as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_meets_every_document() {
        let evaluation = evaluate(&["lamp", "tree"], &["a tree", "the lamps", "lamp"], &Wanted::always()).expect("wanted");
        assert_eq!(evaluation.best, [2, 0]);
        let all: Vec<f32> = evaluation.scores.concat();
        assert_eq!((evaluation.scores.len(), all.len()), (2, 6));
        assert!((evaluation.mean - all.iter().sum::<f32>() / 6.0).abs() < 1e-6);
        assert!(evaluation.scores[0][1] > evaluation.scores[0][0] && evaluation.scores[0][2] > 0.99);
    }

    #[test]
    fn the_first_among_equals_is_the_best() {
        assert_eq!(evaluate(&["x"], &["y", "x", "x"], &Wanted::always()).expect("wanted").best, [1]);
    }
}

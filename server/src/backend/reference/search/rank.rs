//! Orders documents by how well they answer a query: by meaning, or by meaning and words together.

use tabagent_protocol::Fault;

use super::{super::embed::embed, bm25, vector, work::Wanted};

/// What the letter groups that a document shares with the query count for, rare ones more (BM25); the rest is the angle
/// between their vectors, which does not know what is rare but compares the texts as wholes. Both lie in 0..1, so they need
/// no scaling to each other. On the labelled texts 0.7 to 0.9 differ by 0.02, and less is worse.
const WORDS_WEIGHT: f32 = 0.8;

/// A document and what it scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranked {
    /// Its place in the list it came in.
    pub(super) index: usize,
    /// More is better.
    pub(super) score: f32,
}

/// By meaning and words, best first.
pub(super) fn hybrid(query: &str, documents: &[&str], wanted: &Wanted) -> Result<Vec<Ranked>, Fault> {
    Ok(ordered(blend(query, documents, &embed_all(documents, wanted)?, wanted)?))
}

/// By meaning alone, best first.
pub(super) fn semantic(query: &str, documents: &[&str], wanted: &Wanted) -> Result<Vec<Ranked>, Fault> {
    let query = embed(query);
    Ok(ordered(embed_all(documents, wanted)?.iter().map(|document| vector::cosine(&query, document))))
}

/// How well each document answers, by meaning and words; given the documents' vectors too.
pub(super) fn blend(query: &str, documents: &[&str], vectors: &[Vec<f32>], wanted: &Wanted) -> Result<Vec<f32>, Fault> {
    let of_words = bm25::scores(query, documents, wanted)?;
    let query = embed(query);
    let of_both =
        |(words, vector): (f32, &Vec<f32>)| WORDS_WEIGHT * words + (1.0 - WORDS_WEIGHT) * vector::cosine(&query, vector);
    Ok(of_words.into_iter().zip(vectors).map(of_both).collect())
}

/// The vectors of texts.
pub(super) fn embed_all(texts: &[&str], wanted: &Wanted) -> Result<Vec<Vec<f32>>, Fault> {
    texts.iter().map(|text| wanted.check().map(|()| embed(text))).collect()
}

/// Scores with their places, best first; equal ones stay in their order.
fn ordered(scores: impl IntoIterator<Item = f32>) -> Vec<Ranked> {
    let mut ranked: Vec<_> = scores.into_iter().enumerate().map(|(index, score)| Ranked { index, score }).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first_and_equals_stay_in_their_order() {
        let documents = ["a bicycle", "baking bread", "a bicycle", "!", "baked"];
        for rank in [hybrid, semantic] {
            let ranked = rank("baking", &documents, &Wanted::always()).expect("wanted");
            assert_eq!(ranked.len(), 5);
            assert!(ranked.is_sorted_by(|one, next| one.score >= next.score), "{ranked:?}");
            assert_eq!((ranked[0].index, ranked[1].index), (1, 4));
            let place = |index| ranked.iter().position(|one| one.index == index);
            assert!(place(0) < place(2));
        }
    }
}

//! BM25: how well documents answer a query by what they share with it, the rare counting for more.
//!
//! What is counted are letter groups of words, not words: a query for `baking` finds `baked`, in any language.
//!
//! Written out because requests may be hostile: the `bm25` crate walks a whole document for each term of the query. For two
//! texts that fit into one request that is half a minute which nothing can stop; here it is one look-up per group.

use std::collections::HashMap;

use tabagent_protocol::Fault;

use super::{
    super::words::{self, Groups},
    work::Wanted,
};

/// How soon more of the same stops to count. The field's usual value; 1.2 to 2 differ little.
const SATURATION: f32 = 1.2;
/// How far a document's length is held against it, 0 to 1. The field's usual value.
const LENGTH_PENALTY: f32 = 0.75;

/// Scores every document. 1 is what no document reaches: all of the query, endlessly repeated; 0 has nothing of it.
///
/// How rare something is, is counted among these documents.
pub(super) fn scores(query: &str, documents: &[&str], wanted: &Wanted) -> Result<Vec<f32>, Fault> {
    let terms = terms(query);
    let mut counted = Vec::with_capacity(documents.len());
    let mut spread = vec![0_u32; terms.len()];
    for document in documents {
        wanted.check()?;
        let one = Counted::new(document, &terms);
        one.uses.iter().for_each(|(term, _)| spread[*term] += 1);
        counted.push(one);
    }
    let all = documents.len() as f32;
    let rarity: Vec<f32> = spread.iter().map(|&with| (1.0 + (all - with as f32 + 0.5) / (with as f32 + 0.5)).ln()).collect();
    let most = rarity.iter().sum::<f32>() * (SATURATION + 1.0);
    let mean_length = counted.iter().map(|one| one.length as f32).sum::<f32>() / all.max(1.0);
    let score = |one: &Counted| if most > 0.0 { one.score(&rarity, mean_length) / most } else { 0.0 };
    Ok(counted.iter().map(score).collect())
}

/// The words of a text that say something; all of its words if none does.
fn telling_words(text: &str) -> impl Iterator<Item = &str> {
    let any = words::words(text).any(|word| !words::is_common(word));
    words::words(text).filter(move |word| !any || !words::is_common(word))
}

/// The letter groups of a query, numbered.
fn terms(query: &str) -> HashMap<String, usize> {
    let mut terms = HashMap::new();
    for word in telling_words(&query.to_lowercase()) {
        for group in Groups::of(word).iter() {
            if !terms.contains_key(group) {
                terms.insert(group.to_owned(), terms.len());
            }
        }
    }
    terms
}

/// What a document's score is made of.
struct Counted {
    /// Groups in all.
    length: usize,
    /// How often it has each of the query's, by their numbers, in their order: a sum of floats depends on it.
    uses: Vec<(usize, u32)>,
}

impl Counted {
    fn new(document: &str, terms: &HashMap<String, usize>) -> Self {
        let mut length = 0;
        let mut uses: HashMap<usize, u32> = HashMap::new();
        for word in telling_words(&document.to_lowercase()) {
            for group in Groups::of(word).iter() {
                length += 1;
                if let Some(term) = terms.get(group) {
                    *uses.entry(*term).or_default() += 1;
                }
            }
        }
        let mut uses: Vec<_> = uses.into_iter().collect();
        uses.sort_unstable();
        Self { length, uses }
    }

    fn score(&self, rarity: &[f32], mean_length: f32) -> f32 {
        let length = 1.0 - LENGTH_PENALTY + LENGTH_PENALTY * self.length as f32 / mean_length.max(1.0);
        let worth = |&(term, uses): &(usize, u32)| {
            let uses = uses as f32;
            rarity[term] * uses * (SATURATION + 1.0) / (uses + SATURATION * length)
        };
        self.uses.iter().map(worth).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(query: &str, documents: &[&str]) -> Vec<f32> {
        scores(query, documents, &Wanted::always()).expect("wanted")
    }

    #[test]
    fn rare_words_count_for_more_and_more_of_them_for_less_and_less() {
        let documents = ["apple tree", "apple pie", "apple tart", "quince tart", "tart tart tart tart tart tart tart tart"];
        let of = scored("apple quince", &documents);
        assert!(of[3] > of[0] && of[4] == 0.0, "{of:?}");
        let of = scored("tart", &documents);
        assert!(of[4] > of[2] && of[4] < 4.0 * of[2], "{of:?}");
    }

    #[test]
    fn a_short_document_says_it_more_clearly_than_a_long_one() {
        let of = scored("lamp", &["the lamp is on", "the lamp is on and so are the radio, the oven, the heating and the fan"]);
        assert!(of[0] > of[1] && of[1] > 0.0, "{of:?}");
    }

    #[test]
    fn other_forms_of_a_word_count_too_but_less() {
        let of = scored("baking", &["baking", "baked", "painted"]);
        assert!(of[0] > of[1] && of[1] > of[2], "{of:?}");
    }

    #[test]
    fn scores_lie_between_nothing_and_all_for_any_query() {
        for query in ["lamp", "the", "of the and", "?!", " ", "lamp lamp lamp the", &"x ".repeat(10_000)] {
            for score in scored(query, &["The lamp", "lamp lamp lamp lamp of the", "?!", ""]) {
                assert!((0.0..1.0).contains(&score), "{query:.9}: {score}");
            }
        }
        assert!(scored("lamp", &[]).is_empty());
        assert!(scored("of the", &["of the", "a lamp"])[0] > 0.0, "a query of common words is still answered");
    }
}

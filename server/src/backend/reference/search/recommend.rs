//! Chooses what is like a query, and not the same thing twice: maximal marginal relevance.

use tabagent_protocol::Fault;

use super::{
    rank::{self, Ranked},
    vector,
    work::Wanted,
};

/// The cosine above which a text says again what another says. Texts of one topic stay below, sentences in other words above.
const REPETITION: f32 = 0.5;
/// What a whole repetition takes off, beside what likeness to the query brings: more than that is, for most.
const REPETITION_WEIGHT: f32 = 0.5;

/// The `count` candidates to recommend, in their order. A score is the likeness to the query, less what repeating an
/// earlier recommendation takes off; so scores only fall.
pub(super) fn recommend(query: &str, candidates: &[&str], count: usize, wanted: &Wanted) -> Result<Vec<Ranked>, Fault> {
    let vectors = rank::embed_all(candidates, wanted)?;
    let mut left: Vec<_> =
        rank::blend(query, candidates, &vectors, wanted)?.into_iter().enumerate().map(Candidate::new).collect();
    let mut chosen = Vec::with_capacity(count.min(left.len()));
    while chosen.len() < count
        && let Some(best) = first_of_the_best(&left)
    {
        wanted.check()?;
        // Not swapped with the last: among equals the earlier one comes first.
        let best = left.remove(best);
        chosen.push(Ranked { index: best.index, score: best.score() });
        for candidate in &mut left {
            let alike = vector::cosine(&vectors[best.index], &vectors[candidate.index]);
            candidate.repeats = candidate.repeats.max((alike - REPETITION) / (1.0 - REPETITION));
        }
    }
    Ok(chosen)
}

/// Something not chosen yet.
struct Candidate {
    index: usize,
    /// How like the query it is.
    likeness: f32,
    /// How far it repeats one of the chosen: 0 not at all, 1 word for word.
    repeats: f32,
}

impl Candidate {
    fn new((index, likeness): (usize, f32)) -> Self {
        Self { index, likeness, repeats: 0.0 }
    }

    fn score(&self) -> f32 {
        self.likeness - REPETITION_WEIGHT * self.repeats
    }
}

fn first_of_the_best(candidates: &[Candidate]) -> Option<usize> {
    let from_the_last = candidates.iter().map(Candidate::score).enumerate().rev();
    from_the_last.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recommended(query: &str, candidates: &[&str], count: usize) -> Vec<Ranked> {
        recommend(query, candidates, count, &Wanted::always()).expect("wanted")
    }

    #[test]
    fn what_repeats_an_earlier_one_comes_later() {
        let candidates = ["bread and butter", "bread and butter", "fresh bread", "a bicycle"];
        let places: Vec<_> = recommended("bread and butter", &candidates, 4).iter().map(|one| one.index).collect();
        assert_eq!(places, [0, 2, 1, 3]);
        let candidates = ["bread rolls for breakfast", "breakfast with bread rolls", "warm bread", "a bicycle"];
        let places: Vec<_> = recommended("bread", &candidates, 4).iter().map(|one| one.index).collect();
        assert_eq!(places[3], 3);
        assert!(places[..2].contains(&2), "{places:?}");
    }

    #[test]
    fn scores_only_fall_and_no_more_is_given_than_there_is() {
        let candidates = ["salt and pepper", "salt", "pepper", "salt", "sugar", "!?"];
        let all = recommended("salt, pepper", &candidates, 100);
        assert!(all.len() == 6 && all.is_sorted_by(|one, next| one.score >= next.score), "{all:?}");
        assert_eq!(recommended("salt, pepper", &candidates, 2), all[..2]);
        assert!(recommended("salt", &[], 3).is_empty());
    }
}

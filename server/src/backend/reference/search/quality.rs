//! Each algorithm beside what would be simpler, on the labelled texts: it must be better by a margin. The figures of both
//! are printed (`cargo test -p tabagent-server quality -- --nocapture`).

use std::collections::HashSet;

use super::{
    super::{
        embed::{embed, hash},
        words,
    },
    cluster::cluster,
    evaluate::evaluate,
    labelled::{DOCUMENTS, INTERESTS, PAIRS, PER_TOPIC, QUERIES, REPEATED, TOPICS},
    measures::{mean, ndcg, purity, recall, reciprocal_rank, spearman},
    rank::{Ranked, embed_all, hybrid, semantic},
    recommend::recommend,
    vector,
    work::Wanted,
};

/// Draws of whatever is compared with chance.
const DRAWS: u64 = 200;

/// Prints both figures and fails where the better one is not better by the margin.
fn beats(what: &str, ours: f32, baseline: &str, theirs: f32, margin: f32) {
    println!("{what}: {ours:.3}; {baseline}: {theirs:.3}");
    assert!(ours >= theirs + margin, "{what} {ours:.3} is not {margin} above {baseline} {theirs:.3}");
}

fn places(ranked: &[Ranked]) -> Vec<usize> {
    ranked.iter().map(|one| one.index).collect()
}

/// The words of a text that say something.
fn telling(text: &str) -> HashSet<String> {
    words::words(&text.to_lowercase()).filter(|word| !words::is_common(word)).map(str::to_owned).collect()
}

/// The documents by how many words they share with the query; equal ones stay in their order.
fn by_shared_words(query: &str) -> Vec<usize> {
    let query = telling(query);
    let mut order: Vec<_> = (0..DOCUMENTS.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(query.intersection(&telling(DOCUMENTS[index])).count()));
    order
}

fn as_they_come(_query: &str) -> Vec<usize> {
    (0..DOCUMENTS.len()).collect()
}

fn reranked(query: &str) -> Vec<usize> {
    places(&hybrid(query, &DOCUMENTS, &Wanted::always()).expect("wanted"))
}

fn searched(query: &str) -> Vec<usize> {
    places(&semantic(query, &DOCUMENTS, &Wanted::always()).expect("wanted"))
}

/// A measure's mean over all queries.
fn over_queries(order: impl Fn(&str) -> Vec<usize>, measure: impl Fn(&[usize], &[(usize, f32)]) -> f32) -> f32 {
    mean(QUERIES.iter().map(|(query, gains)| measure(&order(query), gains)))
}

/// The same numbers in every order, the same on every run.
fn shuffled<T: Clone>(things: &[T], draw: u64) -> Vec<T> {
    let mut order: Vec<_> = (0..things.len()).collect();
    order.sort_by_key(|&index| hash(&[draw.to_le_bytes(), (index as u64).to_le_bytes()].concat()));
    order.into_iter().map(|index| things[index].clone()).collect()
}

#[test]
fn quality_of_reranking() {
    let ndcg = |order: &dyn Fn(&str) -> Vec<usize>| over_queries(order, |order, gains| ndcg(order, gains, 10));
    beats("rerank nDCG@10", ndcg(&reranked), "shared words", ndcg(&by_shared_words), 0.4);
    beats("rerank nDCG@10", ndcg(&reranked), "plain order", ndcg(&as_they_come), 0.7);
    beats("rerank nDCG@10", ndcg(&reranked), "vectors alone", ndcg(&searched), 0.01);
    let mrr = |order: &dyn Fn(&str) -> Vec<usize>| over_queries(order, reciprocal_rank);
    beats("rerank MRR", mrr(&reranked), "shared words", mrr(&by_shared_words), 0.4);
    beats("rerank MRR", mrr(&reranked), "plain order", mrr(&as_they_come), 0.7);
}

#[test]
fn quality_of_semantic_search() {
    for (k, margin) in [(1, 0.4), (3, 0.4), (5, 0.4)] {
        let recall = |order: &dyn Fn(&str) -> Vec<usize>| over_queries(order, |order, gains| recall(order, gains, k));
        let what = format!("semantic search recall@{k}");
        beats(&what, recall(&searched), "exact words", recall(&by_shared_words), margin);
    }
}

#[test]
fn quality_of_clusters() {
    let kinds: Vec<_> = (0..DOCUMENTS.len()).map(|index| index / PER_TOPIC).collect();
    let vectors = embed_all(&DOCUMENTS, &Wanted::always()).expect("wanted");
    for (count, margin) in [(TOPICS, 0.15), (2 * TOPICS, 0.15)] {
        let clusters = cluster(&vectors, count, &Wanted::always()).expect("wanted");
        let by_chance = mean((0..DRAWS).map(|draw| purity(&shuffled(&clusters.of, draw), &kinds)));
        let what = format!("purity of {count} clusters");
        beats(&what, purity(&clusters.of, &kinds), "the same sizes by chance", by_chance, margin);
        let in_one = purity(&vec![0; kinds.len()], &kinds);
        beats(&what, purity(&clusters.of, &kinds), "the largest topic", in_one, 0.3);
    }
}

#[test]
fn quality_of_similarity() {
    let truth: Vec<f32> = PAIRS.iter().map(|pair| pair.2).collect();
    let agreement = |alike: &dyn Fn(&str, &str) -> f32| {
        let said: Vec<f32> = PAIRS.iter().map(|(one, other, _)| alike(one, other)).collect();
        spearman(&said, &truth)
    };
    let ours = agreement(&|one, other| vector::cosine(&embed(one), &embed(other)));
    let shared = |one: &str, other: &str| {
        let (one, other) = (telling(one), telling(other));
        one.intersection(&other).count() as f32 / one.union(&other).count() as f32
    };
    beats("similarity Spearman", ours, "shared words (Jaccard)", agreement(&shared), 0.1);
    let length = |one: &str, other: &str| -(one.chars().count().abs_diff(other.chars().count()) as f32);
    beats("similarity Spearman", ours, "alike lengths", agreement(&length), 0.3);
}

#[test]
fn quality_of_evaluation() {
    let queries: Vec<_> = QUERIES.iter().map(|(query, _)| *query).collect();
    let evaluation = evaluate(&queries, &DOCUMENTS, &Wanted::always()).expect("wanted");
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for ((_, gains), row) in QUERIES.iter().zip(&evaluation.scores) {
        for (index, score) in row.iter().enumerate() {
            let is_right = gains.iter().any(|(answer, _)| *answer == index);
            if is_right { right.push(*score) } else { wrong.push(*score) }
        }
    }
    beats("evaluation: mean cosine of right pairs", mean(right), "of wrong pairs", mean(wrong), 0.2);
    let hits = QUERIES.iter().zip(&evaluation.best).filter(|((_, gains), best)| gains[0].0 == **best as usize);
    beats("evaluation: best is the answer", hits.count() as f32 / QUERIES.len() as f32, "by chance", 1.0 / 40.0, 0.8);
}

#[test]
fn quality_of_recommendations() {
    // What repeats a document counts as that document.
    let repeats = REPEATED.iter().copied();
    let candidates: Vec<_> = DOCUMENTS.into_iter().enumerate().chain(repeats).collect();
    let texts: Vec<_> = candidates.iter().map(|(_, text)| *text).collect();
    let meaning: Vec<_> = candidates.iter().map(|(document, _)| *document).collect();
    let count = 5;
    let share = |places: &[usize], topic: usize| {
        let right: HashSet<_> = places.iter().map(|&place| meaning[place]).filter(|one| one / PER_TOPIC == topic).collect();
        right.len() as f32 / count as f32
    };
    let over_topics = |choose: &dyn Fn(&str) -> Vec<usize>| {
        mean(INTERESTS.iter().enumerate().map(|(topic, interest)| share(&choose(interest)[..count], topic)))
    };
    let ours = over_topics(&|interest| places(&recommend(interest, &texts, count, &Wanted::always()).expect("wanted")));
    let by_chance = mean((0..DRAWS).map(|draw| {
        let drawn = shuffled(&(0..texts.len()).collect::<Vec<_>>(), draw);
        over_topics(&|_| drawn.clone())
    }));
    let what = "recommendations, different right ones among 5";
    beats(what, ours, "the first 5", over_topics(&as_they_come), 0.5);
    beats(what, ours, "by chance", by_chance, 0.5);
    let only_alike = |interest: &str| places(&hybrid(interest, &texts, &Wanted::always()).expect("wanted"));
    beats(what, ours, "likeness alone, repetitions and all", over_topics(&only_alike), 0.1);
}

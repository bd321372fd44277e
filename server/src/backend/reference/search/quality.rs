//! Each algorithm beside what would be simpler, on the labelled texts: it must be better by a margin. The figures of both
//! are printed (`cargo test -p tabagent-server quality -- --nocapture`).

use std::{cmp::Reverse, collections::HashSet};

use super::{
    super::{
        embed::{embed, hash},
        words,
    },
    cluster::cluster,
    evaluate::evaluate,
    labelled::{KNOWN, Labelled, PARAGRAPHS, PARAGRAPHS_PER_TOPIC, UNSEEN},
    measures::{mean, ndcg, purity, recall, reciprocal_rank, spearman},
    rank::{Ranked, embed_all, hybrid, semantic},
    recommend::recommend,
    vector,
    work::Wanted,
};

/// Draws of whatever is compared with chance.
const DRAWS: u64 = 200;

/// Prints both figures and fails where ours is not better by the margin.
fn beats(texts: &str, what: &str, ours: f32, baseline: &str, theirs: f32, margin: f32) {
    println!("{texts}: {what} {ours:.3}; {baseline} {theirs:.3}");
    assert!(ours >= theirs + margin, "{texts}: {what} {ours:.3} is not {margin} above {baseline} {theirs:.3}");
}

/// A way to order the documents for a query.
type Order = fn(&Labelled, &str) -> Vec<usize>;
/// How good an order is, given what the right documents are worth.
type Measure<'m> = &'m dyn Fn(&[usize], &[(usize, f32)]) -> f32;

fn places(ranked: &[Ranked]) -> Vec<usize> {
    ranked.iter().map(|one| one.index).collect()
}

fn reranked(texts: &Labelled, query: &str) -> Vec<usize> {
    places(&hybrid(query, texts.documents, &Wanted::always()).expect("wanted"))
}

fn searched(texts: &Labelled, query: &str) -> Vec<usize> {
    places(&semantic(query, texts.documents, &Wanted::always()).expect("wanted"))
}

fn as_they_come(texts: &Labelled, _query: &str) -> Vec<usize> {
    (0..texts.documents.len()).collect()
}

/// By how many words they share with the query; equal ones stay in their order.
fn by_shared_words(texts: &Labelled, query: &str) -> Vec<usize> {
    let query = telling(query);
    let mut order = as_they_come(texts, "");
    order.sort_by_key(|&index| Reverse(query.intersection(&telling(texts.documents[index])).count()));
    order
}

/// The words of a text that say something.
fn telling(text: &str) -> HashSet<String> {
    words::words(&text.to_lowercase()).filter(|word| !words::is_common(word)).map(str::to_owned).collect()
}

/// The same things in another order, which is the same on every run.
fn shuffled<T: Clone>(things: &[T], draw: u64) -> Vec<T> {
    let mut order: Vec<_> = (0..things.len()).collect();
    order.sort_by_key(|&index| hash(&[draw.to_le_bytes(), (index as u64).to_le_bytes()].concat()));
    order.into_iter().map(|index| things[index].clone()).collect()
}

#[test]
fn quality_of_reranking() {
    for texts in [KNOWN, UNSEEN] {
        let over_queries = |order: Order, measure: Measure<'_>| {
            mean(texts.queries.iter().map(|(query, gains)| measure(&order(&texts, query), gains)))
        };
        let ndcg = |order| over_queries(order, &|order, gains| ndcg(order, gains, 10));
        beats(texts.name, "rerank nDCG@10", ndcg(reranked), "shared words", ndcg(by_shared_words), 0.2);
        beats(texts.name, "rerank nDCG@10", ndcg(reranked), "plain order", ndcg(as_they_come), 0.5);
        beats(texts.name, "rerank nDCG@10", ndcg(reranked), "vectors alone", ndcg(searched), 0.0);
        let mrr = |order| over_queries(order, &reciprocal_rank);
        beats(texts.name, "rerank MRR", mrr(reranked), "shared words", mrr(by_shared_words), 0.2);
        beats(texts.name, "rerank MRR", mrr(reranked), "plain order", mrr(as_they_come), 0.5);
    }
}

#[test]
fn quality_of_semantic_search() {
    for texts in [KNOWN, UNSEEN] {
        for k in [1, 3, 5] {
            let recall = |order: Order| mean(texts.queries.iter().map(|(query, gains)| recall(&order(&texts, query), gains, k)));
            let what = format!("semantic search recall@{k}");
            beats(texts.name, &what, recall(searched), "exact words", recall(by_shared_words), 0.2);
        }
    }
}

#[test]
fn quality_of_clusters() {
    // Sentences share few words with others of their topic; paragraphs are what is clustered in earnest.
    let sets = [
        (KNOWN.name, KNOWN.documents, KNOWN.per_topic, 0.15),
        (UNSEEN.name, UNSEEN.documents, UNSEEN.per_topic, 0.05),
        ("unseen paragraphs", PARAGRAPHS.as_slice(), PARAGRAPHS_PER_TOPIC, 0.2),
    ];
    for (name, documents, per_topic, margin) in sets {
        let kinds: Vec<_> = (0..documents.len()).map(|index| index / per_topic).collect();
        let vectors = embed_all(documents, &Wanted::always()).expect("wanted");
        let clusters = cluster(&vectors, documents.len() / per_topic, &Wanted::always()).expect("wanted");
        let ours = purity(&clusters.of, &kinds);
        let by_chance = mean((0..DRAWS).map(|draw| purity(&shuffled(&clusters.of, draw), &kinds)));
        beats(name, "purity of clusters", ours, "the same sizes by chance", by_chance, margin);
        beats(name, "purity of clusters", ours, "all in one", purity(&vec![0; kinds.len()], &kinds), 0.2);
    }
}

#[test]
fn quality_of_similarity() {
    for texts in [KNOWN, UNSEEN] {
        let truth: Vec<f32> = texts.pairs.iter().map(|pair| pair.2).collect();
        let agreement = |alike: &dyn Fn(&str, &str) -> f32| {
            let said: Vec<f32> = texts.pairs.iter().map(|(one, other, _)| alike(one, other)).collect();
            spearman(&said, &truth)
        };
        let ours = agreement(&|one, other| vector::cosine(&embed(one), &embed(other)));
        let shared = |one: &str, other: &str| {
            let (one, other) = (telling(one), telling(other));
            one.intersection(&other).count() as f32 / one.union(&other).count() as f32
        };
        beats(texts.name, "similarity Spearman", ours, "shared words (Jaccard)", agreement(&shared), 0.1);
        let length = |one: &str, other: &str| -(one.chars().count().abs_diff(other.chars().count()) as f32);
        beats(texts.name, "similarity Spearman", ours, "alike lengths", agreement(&length), 0.1);
    }
}

#[test]
fn quality_of_evaluation() {
    for texts in [KNOWN, UNSEEN] {
        let queries: Vec<_> = texts.queries.iter().map(|(query, _)| *query).collect();
        let evaluation = evaluate(&queries, texts.documents, &Wanted::always()).expect("wanted");
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for ((_, gains), row) in texts.queries.iter().zip(&evaluation.scores) {
            for (index, score) in row.iter().enumerate() {
                let is_right = gains.iter().any(|(answer, _)| *answer == index);
                if is_right { right.push(*score) } else { wrong.push(*score) }
            }
        }
        beats(texts.name, "evaluation, mean cosine of right pairs", mean(right), "of wrong pairs", mean(wrong), 0.15);
        let hits = texts.queries.iter().zip(&evaluation.best).filter(|((_, gains), best)| gains[0].0 == **best as usize);
        let (hits, by_chance) = (hits.count() as f32 / queries.len() as f32, 1.0 / texts.documents.len() as f32);
        beats(texts.name, "evaluation, best is the answer", hits, "by chance", by_chance, 0.6);
    }
}

#[test]
fn quality_of_recommendations() {
    for texts in [KNOWN, UNSEEN] {
        // What repeats a document counts as that document.
        let candidates: Vec<_> = texts.documents.iter().copied().enumerate().chain(texts.repeated.iter().copied()).collect();
        let (meaning, candidates): (Vec<usize>, Vec<&str>) = candidates.into_iter().unzip();
        let count = 5;
        let different_right_ones = |places: &[usize], topic: usize| {
            let documents = places[..count].iter().map(|&place| meaning[place]);
            let right: HashSet<_> = documents.filter(|document| document / texts.per_topic == topic).collect();
            right.len() as f32 / count as f32
        };
        let over_topics = |choose: &dyn Fn(&str) -> Vec<usize>| {
            mean(texts.interests.iter().enumerate().map(|(topic, like)| different_right_ones(&choose(like), topic)))
        };
        let ours = over_topics(&|like| places(&recommend(like, &candidates, count, &Wanted::always()).expect("wanted")));
        let in_order: Vec<_> = (0..candidates.len()).collect();
        let by_chance = mean((0..DRAWS).map(|draw| over_topics(&|_| shuffled(&in_order, draw))));
        let what = "different right ones among 5 recommendations";
        beats(texts.name, what, ours, "by chance", by_chance, 0.3);
        beats(texts.name, what, ours, "the first 5", over_topics(&|_| in_order.clone()), 0.3);
        let only_alike = |like: &str| places(&hybrid(like, &candidates, &Wanted::always()).expect("wanted"));
        beats(texts.name, what, ours, "likeness alone", over_topics(&only_alike), 0.0);
    }
}

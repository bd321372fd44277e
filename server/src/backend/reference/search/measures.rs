//! Figures for how good an order, a choice or a grouping is, as the field defines them.

use std::collections::HashMap;

/// Discounted gain of the first `k` places over that of the best order there is: 1 when the best come first.
pub(super) fn ndcg(order: &[usize], gains: &[(usize, f32)], k: usize) -> f32 {
    let gain = |index: &usize| gains.iter().find(|(right, _)| right == index).map_or(0.0, |(_, gain)| *gain);
    let discounted = |gains: Vec<f32>| -> f32 {
        gains.iter().take(k).enumerate().map(|(place, gain)| (gain.exp2() - 1.0) / (place as f32 + 2.0).log2()).sum()
    };
    let mut best: Vec<f32> = gains.iter().map(|(_, gain)| *gain).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    discounted(order.iter().map(gain).collect()) / discounted(best)
}

/// One over the place of the first right one.
pub(super) fn reciprocal_rank(order: &[usize], gains: &[(usize, f32)]) -> f32 {
    let place = order.iter().position(|index| gains.iter().any(|(right, _)| right == index));
    place.map_or(0.0, |place| 1.0 / (place + 1) as f32)
}

/// The share of the right ones that are among the first `k`.
pub(super) fn recall(order: &[usize], gains: &[(usize, f32)], k: usize) -> f32 {
    let found = gains.iter().filter(|(right, _)| order.iter().take(k).any(|index| index == right));
    found.count() as f32 / gains.len() as f32
}

/// The share of things that are in a group where their own kind is the largest.
pub(super) fn purity(groups: &[u32], kinds: &[usize]) -> f32 {
    let mut counts: HashMap<u32, HashMap<usize, usize>> = HashMap::new();
    for (group, kind) in groups.iter().zip(kinds) {
        *counts.entry(*group).or_default().entry(*kind).or_default() += 1;
    }
    let largest: usize = counts.values().filter_map(|kinds| kinds.values().max()).sum();
    largest as f32 / kinds.len() as f32
}

/// How well two rankings agree: 1 for the same order, 0 for no relation, −1 for the reverse.
pub(super) fn spearman(ones: &[f32], others: &[f32]) -> f32 {
    let (ones, others) = (ranks(ones), ranks(others));
    let mean = |numbers: &[f32]| numbers.iter().sum::<f32>() / numbers.len() as f32;
    let (one_mean, other_mean) = (mean(&ones), mean(&others));
    let product = |a: &[f32], a_mean: f32, b: &[f32], b_mean: f32| -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - a_mean) * (b - b_mean)).sum()
    };
    let spread = product(&ones, one_mean, &ones, one_mean) * product(&others, other_mean, &others, other_mean);
    product(&ones, one_mean, &others, other_mean) / spread.sqrt()
}

/// The place of each number among all; equal ones share the mean of their places.
fn ranks(numbers: &[f32]) -> Vec<f32> {
    let below = |number: &f32| numbers.iter().filter(|other| *other < number).count() as f32;
    let equal = |number: &f32| numbers.iter().filter(|other| *other == number).count() as f32;
    numbers.iter().map(|number| below(number) + (equal(number) - 1.0) / 2.0).collect()
}

/// The mean.
pub(super) fn mean(numbers: impl IntoIterator<Item = f32>) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for number in numbers {
        sum += number;
        count += 1.0;
    }
    sum / count
}

#[test]
fn the_measures_are_right_where_the_answer_is_known() {
    let gains = [(7, 2.0), (3, 1.0)];
    assert_eq!(ndcg(&[7, 3, 1], &gains, 10), 1.0);
    assert!((ndcg(&[3, 7], &gains, 10) - 0.7967).abs() < 1e-4);
    assert_eq!(ndcg(&[1, 2, 7], &gains, 2), 0.0);
    assert_eq!(reciprocal_rank(&[1, 3, 7], &gains), 0.5);
    assert_eq!((recall(&[1, 3, 7], &gains, 2), recall(&[1, 3, 7], &gains, 3)), (0.5, 1.0));
    assert_eq!(purity(&[0, 0, 0, 1], &[5, 5, 6, 6]), 0.75);
    assert!((spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 90.0]) - 1.0).abs() < 1e-6);
    assert!((spearman(&[1.0, 2.0, 2.0, 3.0], &[4.0, 3.0, 2.0, 1.0]) + 0.9487).abs() < 1e-4);
}

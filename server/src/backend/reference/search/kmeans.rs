//! Spherical k-means: groups of vectors that point the same way, the same groups on every run.
//!
//! Written out because `linfa-clustering` brings some sixty crates, measures straight distances only, and cannot be stopped
//! half way.

use std::collections::HashMap;

use tabagent_protocol::Fault;

use super::{super::embed::hash, vector, work::Wanted};

/// Rounds of one attempt; most settle in fewer than ten.
const ROUNDS: usize = 32;
/// Attempts from other beginnings, of which the tightest counts: one alone is at the mercy of its beginning.
const ATTEMPTS: usize = 8;
/// Comparisons of a vector with a center that all attempts together may take: a second or two of one processor.
const COMPARISONS: usize = 20_000_000;

/// Puts vectors of length 1 into `count` groups, none of them empty; into one each if there are fewer vectors. Answers the
/// group of each vector; they are numbered as they first appear.
pub(super) fn groups(vectors: &[Vec<f32>], count: usize, wanted: &Wanted) -> Result<Vec<usize>, Fault> {
    let count = count.min(vectors.len());
    let attempts = (COMPARISONS / (vectors.len() * count * (ROUNDS + 1)).max(1)).clamp(1, ATTEMPTS);
    let mut best: Option<Attempt> = None;
    for number in 0..attempts {
        let attempt = Attempt::run(vectors, count, number, wanted)?;
        if best.as_ref().is_none_or(|best| attempt.tightness > best.tightness) {
            best = Some(attempt);
        }
    }
    Ok(best.map(|best| numbered(&best.of)).unwrap_or_default())
}

/// The same groups, numbered as they first appear.
fn numbered(of: &[usize]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    let mut number = |group: &usize| {
        let next = numbers.len();
        *numbers.entry(*group).or_insert(next)
    };
    of.iter().map(&mut number).collect()
}

/// One way to group them.
struct Attempt {
    centers: Vec<Vec<f32>>,
    of: Vec<usize>,
    /// How alike each vector is to its center.
    fit: Vec<f32>,
    /// The sum of that.
    tightness: f64,
}

impl Attempt {
    fn run(vectors: &[Vec<f32>], count: usize, number: usize, wanted: &Wanted) -> Result<Self, Fault> {
        let centers = seeds(vectors, count, number, wanted)?;
        let (of, fit) = (vec![usize::MAX; vectors.len()], vec![0.0; vectors.len()]);
        let mut attempt = Self { centers, of, fit, tightness: 0.0 };
        for _ in 0..ROUNDS {
            let moved = attempt.assign(vectors, wanted)?;
            attempt.fill_empty(vectors);
            attempt.center(vectors);
            if !moved {
                break;
            }
        }
        attempt.tightness = attempt.fit.iter().map(|&fit| f64::from(fit)).sum();
        Ok(attempt)
    }

    /// Gives each vector to the nearest center; whether any went to another than before.
    fn assign(&mut self, vectors: &[Vec<f32>], wanted: &Wanted) -> Result<bool, Fault> {
        let mut moved = false;
        for (i, vector) in vectors.iter().enumerate() {
            wanted.check()?;
            let (mut nearest, mut fit) = (0, f32::MIN);
            for (number, center) in self.centers.iter().enumerate() {
                let cosine = vector::cosine(vector, center);
                if cosine > fit {
                    (nearest, fit) = (number, cosine);
                }
            }
            moved |= self.of[i] != nearest;
            (self.of[i], self.fit[i]) = (nearest, fit);
        }
        Ok(moved)
    }

    /// Gives each center that nobody is nearest to the vector that fits worst where it is.
    fn fill_empty(&mut self, vectors: &[Vec<f32>]) {
        let mut sizes = self.sizes();
        while let Some(empty) = sizes.iter().position(|&size| size == 0) {
            let movable = (0..vectors.len()).filter(|&i| sizes[self.of[i]] > 1);
            let Some(worst) = movable.min_by(|&a, &b| self.fit[a].total_cmp(&self.fit[b])) else { return };
            sizes[self.of[worst]] -= 1;
            sizes[empty] = 1;
            (self.of[worst], self.fit[worst]) = (empty, 1.0);
        }
    }

    /// Moves each center into the middle of its vectors.
    fn center(&mut self, vectors: &[Vec<f32>]) {
        let mut members = vec![Vec::new(); self.centers.len()];
        for (vector, &cluster) in vectors.iter().zip(&self.of) {
            members[cluster].push(vector.as_slice());
        }
        for (center, members) in self.centers.iter_mut().zip(members) {
            // Vectors that cancel out have no middle; their center stays where it was.
            if let Some(middle) = vector::direction(members) {
                *center = middle;
            }
        }
    }

    fn sizes(&self) -> Vec<u32> {
        let mut sizes = vec![0; self.centers.len()];
        self.of.iter().for_each(|&cluster| sizes[cluster] += 1);
        sizes
    }
}

/// k-means++: vectors to begin with, each the likelier the farther it is from those before.
fn seeds(vectors: &[Vec<f32>], count: usize, attempt: usize, wanted: &Wanted) -> Result<Vec<Vec<f32>>, Fault> {
    let mut seeds = Vec::with_capacity(count);
    let mut distances = vec![1.0_f32; vectors.len()];
    for number in 0..count {
        let place = chance(attempt, number) * distances.iter().map(|&distance| f64::from(distance)).sum::<f64>();
        let chosen = reach(&distances, place);
        seeds.push(vectors[chosen].clone());
        for (distance, vector) in distances.iter_mut().zip(vectors) {
            wanted.check()?;
            *distance = distance.min(1.0 - vector::cosine(vector, &vectors[chosen]));
        }
        distances[chosen] = 0.0;
    }
    Ok(seeds)
}

/// Where the sum of the numbers reaches this, or the last that is not 0.
fn reach(numbers: &[f32], sum: f64) -> usize {
    let mut rest = sum;
    let mut last = 0;
    for (i, &number) in numbers.iter().enumerate().filter(|(_, number)| **number > 0.0) {
        last = i;
        rest -= f64::from(number);
        if rest < 0.0 {
            break;
        }
    }
    last
}

/// A number from 0 to below 1, scattered, but the same on every run.
fn chance(attempt: usize, number: usize) -> f64 {
    let name = [(attempt as u64).to_le_bytes(), (number as u64).to_le_bytes()].concat();
    // As many bits as the number can hold.
    (hash(&name) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(vectors: &[Vec<f32>], count: usize) -> Vec<usize> {
        groups(vectors, count, &Wanted::always()).expect("wanted")
    }

    fn at(degrees: &[f32]) -> Vec<Vec<f32>> {
        degrees.iter().map(|degrees| vec![degrees.to_radians().cos(), degrees.to_radians().sin()]).collect()
    }

    #[test]
    fn what_points_the_same_way_is_together_and_the_first_is_in_the_first() {
        assert_eq!(grouped(&at(&[90.0, 0.0, 91.0, 180.0, 3.0, 89.0, 182.0]), 3), [0, 1, 0, 2, 1, 0, 2]);
    }

    #[test]
    fn no_group_is_empty_even_of_equal_vectors() {
        for (vectors, count, given) in [(vec![5.0; 6], 4, 4), (vec![5.0; 2], 9, 2), (vec![5.0, 185.0], 1, 1), (vec![], 3, 0)] {
            let of = grouped(&at(&vectors), count);
            assert!(of.len() == vectors.len() && (0..given).all(|group| of.contains(&group)), "{of:?}");
            assert!(of.iter().all(|&group| group < given), "{of:?}");
        }
    }

    #[test]
    fn the_same_vectors_always_make_the_same_groups() {
        let vectors = at(&[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
        assert_eq!(grouped(&vectors, 4), grouped(&vectors, 4));
    }

    #[test]
    fn chances_are_spread_evenly() {
        let chances: Vec<_> = (0..1000).map(|number| chance(number / 100, number % 100)).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        for tenth in 0..10 {
            let count = chances.iter().filter(|chance| (**chance * 10.0) as usize == tenth).count();
            assert!((60..=140).contains(&count), "{tenth}: {count}");
        }
    }
}

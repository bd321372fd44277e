//! Arithmetic of vectors of length 1, as the embeddings are: their product is the cosine of the angle between them.

/// The cosine of the angle between two vectors of length 1: 1 for the same direction, 0 for nothing in common.
pub(super) fn cosine(one: &[f32], other: &[f32]) -> f32 {
    // Rounding may carry the product of a vector with itself past 1.
    dot(one, other).clamp(-1.0, 1.0)
}

/// The direction that vectors have in common: their sum, brought to length 1. `None` where they cancel out.
pub(super) fn direction<'v>(vectors: impl IntoIterator<Item = &'v [f32]>) -> Option<Vec<f32>> {
    let mut vectors = vectors.into_iter();
    let mut sum = vectors.next()?.to_vec();
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(total, number)| *total += number);
    }
    let length = dot(&sum, &sum).sqrt();
    if length <= f32::EPSILON {
        return None;
    }
    sum.iter_mut().for_each(|number| *number /= length);
    Some(sum)
}

/// Numbers that are added up side by side, so that the compiler can use wide registers: it may not reorder a sum itself.
const LANES: usize = 8;

fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; LANES];
    for (a, b) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_is_of_every_number_and_stays_in_bounds() {
        for length in [1, 7, 8, 9, 384] {
            let number = (1.0 / length as f32).sqrt();
            let (same, opposite) = (vec![number; length], vec![-number; length]);
            assert!((cosine(&same, &same) - 1.0).abs() < 1e-5 && cosine(&same, &same) <= 1.0);
            assert!((cosine(&same, &opposite) + 1.0).abs() < 1e-5 && cosine(&same, &opposite) >= -1.0);
        }
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 1.0]), 0.0);
    }

    #[test]
    fn the_common_direction_has_length_one_unless_there_is_none() {
        let (east, north): (&[f32], &[f32]) = (&[1.0, 0.0], &[0.0, 1.0]);
        let between = direction([east, north]).expect("a direction");
        assert!((dot(&between, &between) - 1.0).abs() < 1e-6 && between[0] == between[1]);
        assert_eq!(direction([east, &[-1.0, 0.0]]), None);
        assert_eq!(direction([]), None);
    }
}

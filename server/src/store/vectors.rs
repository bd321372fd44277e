//! Vectors as they are stored, and how much alike two of them are.

/// Bytes of one number.
const NUMBER: usize = size_of::<f32>();

/// As it is stored: 32-bit floats, little-endian.
pub(super) fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What other vectors are compared with.
pub(super) struct Direction {
    vector: Vec<f32>,
    length: f32,
}

impl Direction {
    pub(super) fn new(vector: Vec<f32>) -> Self {
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        Self { vector, length }
    }

    /// The cosine of the angle to a stored vector; 0 where there is none: a vector of length 0, or of other dimensions.
    pub(super) fn cosine(&self, stored: &[u8]) -> f32 {
        if stored.len() != self.vector.len() * NUMBER {
            return 0.0;
        }
        let (mut product, mut square) = (0.0, 0.0);
        for (number, bytes) in self.vector.iter().zip(stored.chunks_exact(NUMBER)) {
            let other = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            product += number * other;
            square += other * other;
        }
        let cosine = product / (self.length * square.sqrt());
        if cosine.is_finite() { cosine } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_is_that_of_the_angle_whatever_the_lengths() {
        let cosine = |one: &[f32], other: &[f32]| Direction::new(one.to_vec()).cosine(&bytes(other));
        assert_eq!(cosine(&[1.0, 0.0], &[5.0, 0.0]), 1.0);
        assert_eq!(cosine(&[2.0, 0.0], &[0.0, 3.0]), 0.0);
        assert_eq!(cosine(&[1.0, 0.0], &[-1.0, 0.0]), -1.0);
        assert!((cosine(&[1.0, 1.0], &[1.0, 0.0]) - 0.5_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn what_cannot_be_compared_is_not_alike() {
        let direction = Direction::new(vec![1.0, 0.0]);
        assert_eq!(direction.cosine(&bytes(&[0.0, 0.0])), 0.0);
        assert_eq!(direction.cosine(&bytes(&[1.0])), 0.0);
        assert_eq!(direction.cosine(&[1, 2, 3]), 0.0);
        assert_eq!(direction.cosine(&bytes(&[f32::NAN, 1.0])), 0.0);
        assert_eq!(Direction::new(vec![0.0]).cosine(&bytes(&[1.0])), 0.0);
    }
}

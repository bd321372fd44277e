//! The hash of what moves, made while it moves.

use sha2::{Digest, Sha256};
use tabagent_protocol::api::HASHED_PIECE;

/// SHA-256 of the SHA-256s of all pieces of 256 KiB. A browser can make it too: it hashes pieces natively, but not streams.
#[derive(Clone, Default)]
pub struct TreeHash {
    pieces: Sha256,
    piece: Sha256,
    /// Bytes in the piece.
    filled: usize,
}

impl TreeHash {
    /// More bytes, in whatever portions they come.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(HASHED_PIECE - self.filled));
            self.piece.update(now);
            self.filled += now.len();
            if self.filled == HASHED_PIECE {
                self.close_piece();
            }
            bytes = rest;
        }
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.filled > 0 {
            self.close_piece();
        }
        self.pieces.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn close_piece(&mut self) {
        self.pieces.update(self.piece.finalize_reset());
        self.filled = 0;
    }
}

impl std::fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeHash").field("filled", &self.filled).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> String {
        let mut hash = TreeHash::default();
        hash.update(bytes);
        hash.finish()
    }

    #[test]
    fn portions_do_not_matter() {
        let bytes: Vec<u8> = (0..HASHED_PIECE * 2 + 77).map(|n| (n % 251) as u8).collect();
        let mut portions = TreeHash::default();
        bytes.chunks(10_007).for_each(|chunk| portions.update(chunk));
        assert_eq!(portions.finish(), of(&bytes));
    }

    #[test]
    fn it_is_the_hash_of_the_hashes() {
        let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(of(b""), hex(b""));
        assert_eq!(of(b"abc"), hex(&Sha256::digest(b"abc")));
        assert_ne!(of(&[0; HASHED_PIECE]), of(&[0; HASHED_PIECE + 1]));
    }
}

//! Big messages in small pieces: the first frame says how long the whole is, chunks bring the rest.

use crate::{
    error::Violation,
    frame::{FrameType, RawFrame},
    wire::Reader,
};

/// A message of which pieces are still to come.
pub(crate) struct Partial {
    pub(crate) kind: FrameType,
    pub(crate) flags: u8,
    /// Bytes of the whole, as its first frame announced.
    pub(crate) total: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Partial {
    /// Reads the first frame of a split message. Memory is taken as bytes arrive, not as they are promised.
    pub(crate) fn begin(frame: &RawFrame<'_>) -> Result<Self, Violation> {
        let mut reader = Reader::new(frame.body);
        let total = reader.u32()? as usize;
        let out = Self { kind: frame.kind, flags: frame.flags, total, bytes: reader.rest().to_vec() };
        if out.bytes.len() < total { Ok(out) } else { Err(Violation::WrongLength) }
    }

    /// Adds a piece; true when it was the last.
    pub(crate) fn push(&mut self, piece: &[u8], more: bool) -> Result<bool, Violation> {
        self.bytes.extend_from_slice(piece);
        let complete = self.bytes.len() == self.total;
        if complete == more || self.bytes.len() > self.total {
            return Err(Violation::WrongLength);
        }
        Ok(complete)
    }
}

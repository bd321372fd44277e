//! JSON and bytes, as requests, responses, items and events carry them.
//!
//! ```text
//! 0  u16  head length (a multiple of 4)
//! 2  u16  zero
//! 4  u32  value length
//! 8       head: fields, each u8 tag, u8 zero, u16 length, bytes, padding; unknown tags are skipped
//!         value: JSON text in UTF-8, padded
//!         payload: raw bytes, present when the frame has the RAW flag
//! ```

use crate::{
    error::Violation,
    wire::{self, Reader},
};

/// Head field: media type of the payload, text.
const CONTENT_TYPE: u8 = 5;
/// Bytes before the head.
pub(crate) const PREFIX: usize = 8;

/// What is said: a JSON value, and perhaps bytes beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// JSON text in UTF-8. Not parsed here: the browser's own parser is cheaper than any of ours.
    pub value: Vec<u8>,
    /// Bytes that would be waste as JSON: floats, files.
    pub payload: Option<Payload>,
}

/// Raw bytes beside a JSON value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Media type; absent means `application/octet-stream`.
    pub content_type: Option<String>,
    /// The bytes; they start 4-byte aligned in their message.
    pub bytes: Vec<u8>,
}

impl Body {
    /// A JSON value alone.
    pub fn json(value: impl Into<Vec<u8>>) -> Self {
        Self { value: value.into(), payload: None }
    }

    /// The message's bytes, without extra head fields.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(&[])
    }

    /// The message's bytes behind the given head fields.
    pub(crate) fn encode_with(&self, head: &[u8]) -> Vec<u8> {
        let payload = self.payload.as_ref();
        let mut out = Vec::with_capacity(PREFIX + head.len() + self.value.len() + 8 + payload.map_or(0, |p| p.bytes.len() + 40));
        out.resize(PREFIX, 0);
        out.extend_from_slice(head);
        if let Some(kind) = payload.and_then(|p| p.content_type.as_deref()) {
            wire::put_field(&mut out, CONTENT_TYPE, kind.as_bytes());
        }
        let head_length = (out.len() - PREFIX) as u16;
        out[0..2].copy_from_slice(&head_length.to_le_bytes());
        out[4..8].copy_from_slice(&(self.value.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.value);
        if let Some(payload) = payload {
            wire::pad(&mut out);
            out.extend_from_slice(&payload.bytes);
        }
        out
    }

    /// Reads a message whose head fields matter to nobody but the body.
    ///
    /// # Errors
    /// When lengths and bytes do not agree.
    pub fn decode(bytes: &[u8], raw: bool) -> Result<Self, Violation> {
        Ok(split(bytes, raw)?.1)
    }
}

/// Reads a message into its head (for the frame that has fields of its own) and its body.
pub(crate) fn split(bytes: &[u8], raw: bool) -> Result<(&[u8], Body), Violation> {
    let mut reader = Reader::new(bytes);
    let head_length = reader.u16()?;
    let _zero = reader.u16()?;
    let value_length = reader.u32()?;
    let head = reader.padded(head_length as usize)?;
    let value = reader.padded(value_length as usize)?.to_vec();
    let payload = if raw { Some(payload(head, reader.rest())?) } else { None };
    Ok((head, Body { value, payload }))
}

fn payload(head: &[u8], bytes: &[u8]) -> Result<Payload, Violation> {
    let mut out = Payload { content_type: None, bytes: bytes.to_vec() };
    for field in wire::fields(head) {
        if let (CONTENT_TYPE, kind) = field? {
            out.content_type = Some(wire::text(kind)?);
        }
    }
    Ok(out)
}

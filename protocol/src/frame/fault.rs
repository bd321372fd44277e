//! A failure that settles a call: a body whose head has the code, its value the particulars.

use super::body::{self, Body};
use crate::{
    error::{Code, Fault, Violation},
    wire,
};

/// Head field: the stable code, text.
const CODE: u8 = 8;
/// Head field: one sentence for people, text.
const MESSAGE: u8 = 9;
/// Head field: milliseconds after which a repeat makes sense, u32.
const RETRY_AFTER: u8 = 11;
/// Bytes of a message that travel: fields have 16-bit lengths, and nobody reads more.
const MESSAGE_BYTES: usize = 2048;

impl Fault {
    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(64);
        self.put(&mut head);
        Body::json(self.details.as_slice()).encode_with(&head)
    }

    /// Appends code, message and wait as head fields.
    pub(crate) fn put(&self, head: &mut Vec<u8>) {
        wire::put_field(head, CODE, self.code.as_str().as_bytes());
        let mut end = self.message.len().min(MESSAGE_BYTES);
        while !self.message.is_char_boundary(end) {
            end -= 1;
        }
        wire::put_field(head, MESSAGE, &self.message.as_bytes()[..end]);
        if let Some(ms) = self.retry_after_ms {
            wire::put_field(head, RETRY_AFTER, &ms.to_le_bytes());
        }
    }

    /// Reads code, message and wait from head fields.
    pub(crate) fn take(head: &[u8]) -> Result<Self, Violation> {
        let mut out = Fault::new(Code::INTERNAL, "");
        for field in wire::fields(head) {
            let (tag, value) = field?;
            match tag {
                CODE => out.code = Code::custom(wire::text(value)?),
                MESSAGE => out.message = wire::text(value)?.into(),
                RETRY_AFTER => out.retry_after_ms = Some(wire::number(value)?),
                _ => {}
            }
        }
        Ok(out)
    }

    /// Reads a fault's message.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, Violation> {
        let (head, body) = body::split(bytes, false)?;
        Ok(Fault { details: body.value, ..Self::take(head)? })
    }
}

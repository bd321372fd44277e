//! The beginning of a call: a body whose head says what is asked, and how.

use super::body::{self, Body};
use crate::{
    error::Violation,
    lane::Lane,
    wire::{self, Reader},
};

/// Head field: name of the action, text. The only field a request must have.
const ACTION: u8 = 1;
/// Head field: the application's name of the call, text.
const REQUEST_ID: u8 = 2;
/// Head field: milliseconds the callee may take, u32.
const DEADLINE: u8 = 3;
/// Head field: bytes of items the caller can take, u64 offset from the call's beginning.
const CREDIT: u8 = 4;
/// Head field: the call may be repeated under this name and is carried out once, text.
const IDEMPOTENCY_KEY: u8 = 6;
/// Head field: server process that first got the keyed call, 16 bytes.
const BOOT: u8 = 7;
/// Head field: W3C trace context of the caller, text.
const TRACE_PARENT: u8 = 12;

/// The beginning of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Name of the action.
    pub action: String,
    /// The lane that all frames of the call travel in; fixed for its life.
    pub lane: Lane,
    /// The application's name of the call, unique in its session; `stop_generation` takes it.
    pub request_id: Option<String>,
    /// Milliseconds from the arrival at the callee after which it answers `deadline_exceeded`. None: no deadline.
    pub deadline_ms: Option<u32>,
    /// Bytes of items that the caller can take before it has read any.
    pub credit: u64,
    /// A repeat under the same key returns the first result.
    pub idempotency_key: Option<String>,
    /// The server process that the key was first used with.
    pub boot: Option<[u8; 16]>,
    /// W3C `traceparent`, so that a trace goes on at the callee.
    pub trace_parent: Option<String>,
    /// The caller sends items of its own after the request.
    pub streams: bool,
    /// The action's fields.
    pub body: Body,
}

impl Request {
    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(64);
        wire::put_field(&mut head, ACTION, self.action.as_bytes());
        let mut text = |tag, value: &Option<String>| {
            if let Some(value) = value {
                wire::put_field(&mut head, tag, value.as_bytes());
            }
        };
        text(REQUEST_ID, &self.request_id);
        text(IDEMPOTENCY_KEY, &self.idempotency_key);
        text(TRACE_PARENT, &self.trace_parent);
        if let Some(ms) = self.deadline_ms {
            wire::put_field(&mut head, DEADLINE, &ms.to_le_bytes());
        }
        if let Some(boot) = &self.boot {
            wire::put_field(&mut head, BOOT, boot);
        }
        wire::put_field(&mut head, CREDIT, &self.credit.to_le_bytes());
        self.body.encode_with(&head)
    }

    /// Reads a request's message.
    ///
    /// # Errors
    /// When it is malformed or names no action.
    pub fn decode(bytes: &[u8], lane: Lane, raw: bool, streams: bool) -> Result<Self, Violation> {
        let (head, body) = body::split(bytes, raw)?;
        let mut out = Self { lane, streams, body, ..Self::default() };
        for field in wire::fields(head) {
            let (tag, value) = field?;
            out.take(tag, value)?;
        }
        if out.action.is_empty() {
            return Err(Violation::NoAction);
        }
        Ok(out)
    }

    /// Reads a head field. Apart from the loop: what a broken one leaves is dropped in one place.
    fn take(&mut self, tag: u8, value: &[u8]) -> Result<(), Violation> {
        match tag {
            ACTION => self.action = wire::text(value)?,
            REQUEST_ID => self.request_id = Some(wire::text(value)?),
            DEADLINE => self.deadline_ms = Some(wire::number(value)?),
            CREDIT => self.credit = Reader::new(value).u64()?,
            IDEMPOTENCY_KEY => self.idempotency_key = Some(wire::text(value)?),
            BOOT => self.boot = Some(Reader::new(value).array()?),
            TRACE_PARENT => self.trace_parent = Some(wire::text(value)?),
            _ => {}
        }
        Ok(())
    }
}

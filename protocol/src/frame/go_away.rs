//! Come over, or leave: `u8` final, three zeros, `u32` milliseconds left, then the fields of a fault.

use crate::{
    error::{Fault, Violation},
    frame::FrameType,
    packet,
    wire::Reader,
};

/// The end of a connection or of a session, announced by either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoAway {
    /// True: later requests are refused and the session ends. False: calls go on, on another connection.
    pub last: bool,
    /// Milliseconds until the end of what is announced: of the session, or of this connection. 0 is now.
    pub deadline_ms: u32,
    /// Why.
    pub reason: Fault,
}

impl GoAway {
    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let mut body = vec![u8::from(self.last), 0, 0, 0];
        body.extend_from_slice(&self.deadline_ms.to_le_bytes());
        self.reason.put(&mut body);
        packet::control(FrameType::GoAway, &body)
    }

    /// Reads a go-away's body.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn decode(body: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(body);
        let [last, ..] = reader.array::<4>()?;
        let deadline_ms = reader.u32()?;
        Ok(Self { last: last != 0, deadline_ms, reason: Fault::take(reader.rest())? })
    }
}

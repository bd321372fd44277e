//! The server's answer to a hello: version, limits, what it has received.
//!
//! ```text
//! 0   u16  version spoken from now on  2   u16  flags: 1 the session was known (a resume)
//! 4   u32  epoch of the hello answered
//! 8   [16] boot: this server process
//! 24  u64  packets received in lane 0  32  u64  packets received in lane 1
//! 40  u32  message bytes   44 u32 calls in flight a side   48 u32 call window bytes   52 u32 keepalive milliseconds
//! ```

use crate::{error::Violation, frame::FrameType, limits::Limits, packet, wire::Reader};

/// The server accepts a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The version both speak from now on.
    pub version: u16,
    /// The session was known: this is a resume.
    pub resumed: bool,
    /// Epoch of the hello this answers.
    pub epoch: u32,
    /// The server process; another one never saw this session's calls.
    pub boot: [u8; 16],
    /// Packets received per lane.
    pub received: [u64; 2],
    /// Largest message either side may send, bytes.
    pub message_bytes: u32,
    /// Calls in flight that each side may have made.
    pub calls: u32,
    /// Bytes of a call's items that may travel unread.
    pub call_window: u32,
    /// Milliseconds of silence after which the server pings.
    pub keepalive_ms: u32,
}

impl Welcome {
    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(56);
        body.extend_from_slice(&self.version.to_le_bytes());
        body.extend_from_slice(&u16::from(self.resumed).to_le_bytes());
        body.extend_from_slice(&self.epoch.to_le_bytes());
        body.extend_from_slice(&self.boot);
        for count in self.received {
            body.extend_from_slice(&count.to_le_bytes());
        }
        for number in [self.message_bytes, self.calls, self.call_window, self.keepalive_ms] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        packet::control(FrameType::Welcome, &body)
    }

    /// Reads a welcome's body.
    ///
    /// # Errors
    /// When it is too short.
    pub fn decode(body: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(body);
        let (version, flags, [epoch]) = (reader.u16()?, reader.u16()?, reader.u32s()?);
        let (boot, received) = (reader.array()?, reader.u64s()?);
        let [message_bytes, calls, call_window, keepalive_ms] = reader.u32s()?;
        Ok(Self { version, resumed: flags & 1 != 0, epoch, boot, received, message_bytes, calls, call_window, keepalive_ms })
    }

    /// The client's limits become the session's.
    pub(crate) fn apply(&self, limits: &mut Limits) {
        limits.message_bytes = self.message_bytes;
        limits.calls = self.calls;
        limits.call_window = self.call_window;
        limits.keepalive = self.keepalive_ms.into();
    }
}

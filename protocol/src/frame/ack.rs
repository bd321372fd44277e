//! Cumulative acknowledgement of both lanes: `u32` epoch, `u32` zero, `u64` per lane.

use crate::{error::Violation, frame::FrameType, packet, wire::Reader};

/// Packets up to these have arrived and were accepted in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Epoch of the connection it speaks for: the first one of an epoch proves that the welcome arrived.
    pub epoch: u32,
    /// Highest packet accepted per lane.
    pub received: [u64; 2],
}

impl Ack {
    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(24);
        body.extend_from_slice(&self.epoch.to_le_bytes());
        body.extend_from_slice(&[0; 4]);
        for count in self.received {
            body.extend_from_slice(&count.to_le_bytes());
        }
        packet::control(FrameType::Ack, &body)
    }

    /// Reads an acknowledgement's body.
    ///
    /// # Errors
    /// When it is too short.
    pub fn decode(body: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(body);
        let [epoch, _zero] = reader.u32s()?;
        Ok(Self { epoch, received: reader.u64s()? })
    }
}

//! The first packet of a client on any transport.
//!
//! ```text
//! 0   u16  lowest version spoken       2   u16  highest version spoken
//! 4   u32  epoch: grows with every hello of the session
//! 8   [32] secret: names the session; made by the client, kept in memory only
//! 40  u8   welcomed: 1 when this session has ever been welcomed, then three zeros
//! 44  u64  packets sent in lane 0      52  u64  packets sent in lane 1
//! 60  u64  packets received in lane 0  68  u64  packets received in lane 1
//! 76       fields: bearer, replaces
//! ```

use crate::{
    error::Violation,
    frame::FrameType,
    limits::HELLO_BYTES,
    packet::{self, Header},
    wire::{self, Reader},
};

/// Field: the key, where the transport carried none, text.
const BEARER: u8 = 1;
/// Field: the secret of a session that this one takes the place of, 32 bytes; may be there more than once.
const REPLACES: u8 = 2;

/// A client introduces its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Lowest and highest protocol version the client speaks.
    pub versions: (u16, u16),
    /// Grows with every hello of the session; a lower or equal one is refused.
    pub epoch: u32,
    /// Names the session: whoever knows it owns it. The server keeps only its hash.
    pub secret: [u8; 32],
    /// Whether this session has ever been welcomed: a server that does not know it then says `session_expired`.
    pub welcomed: bool,
    /// Packets sent per lane.
    pub sent: [u64; 2],
    /// Packets received per lane.
    pub received: [u64; 2],
    /// The key, on a transport that carried none.
    pub bearer: Option<String>,
    /// Secrets of sessions that this one takes the place of: their client lost what it knew of them.
    pub replaces: Vec<[u8; 32]>,
}

impl Hello {
    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(80);
        body.extend_from_slice(&self.versions.0.to_le_bytes());
        body.extend_from_slice(&self.versions.1.to_le_bytes());
        body.extend_from_slice(&self.epoch.to_le_bytes());
        body.extend_from_slice(&self.secret);
        body.extend_from_slice(&[self.welcomed as u8, 0, 0, 0]);
        for count in self.sent.iter().chain(&self.received) {
            body.extend_from_slice(&count.to_le_bytes());
        }
        if let Some(bearer) = &self.bearer {
            wire::put_field(&mut body, BEARER, bearer.as_bytes());
        }
        for secret in &self.replaces {
            wire::put_field(&mut body, REPLACES, secret);
        }
        packet::control(FrameType::Hello, &body)
    }

    /// Reads a first packet, which must be a hello and nothing else.
    ///
    /// # Errors
    /// Above 4 KiB, or anything that is no hello.
    pub fn read(bytes: &[u8]) -> Result<Self, Violation> {
        if bytes.len() > HELLO_BYTES {
            return Err(Violation::PacketTooLarge);
        }
        let (header, mut frames) = packet::read(bytes)?;
        match (header, frames.next().transpose()?, frames.next()) {
            (Header::Control, Some(frame), None) if frame.kind == FrameType::Hello => Self::decode(frame.body),
            _ => Err(Violation::NotAHello),
        }
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(body);
        let mut out = Self {
            versions: (reader.u16()?, reader.u16()?),
            epoch: reader.u32()?,
            secret: reader.array()?,
            welcomed: reader.array::<4>()?[0] != 0,
            sent: reader.u64s()?,
            received: reader.u64s()?,
            bearer: None,
            replaces: Vec::new(),
        };
        for field in wire::fields(reader.rest()) {
            match field? {
                (BEARER, value) => out.bearer = Some(wire::text(value)?),
                (REPLACES, value) => out.replaces.push(Reader::new(value).array()?),
                _ => {}
            }
        }
        Ok(out)
    }
}

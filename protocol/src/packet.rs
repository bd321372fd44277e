//! The unit a transport carries: a header and one or more frames.
//!
//! ```text
//! 0  u8   kind      1 control (unnumbered), 2 data (numbered)
//! 1  u8   lane      0 interactive, 1 bulk; 0 in control packets
//! 2  u16  zero
//! 4  u64  sequence  data only: 1, 2, 3 … per lane and direction
//!    …    frames, each starting at a multiple of 4
//! ```

use crate::{
    error::Violation,
    frame::{FrameType, RawFrame},
    lane::Lane,
    limits::PACKET_BYTES,
    wire::{self, Reader},
};

const CONTROL: u8 = 1;
const DATA: u8 = 2;
/// Bytes before the first frame of a data packet.
pub(crate) const DATA_HEADER: usize = 12;

/// What a packet is, before its frames are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// hello, welcome, ack, ping, pong, go-away: about the connection, never replayed.
    Control,
    /// Frames of calls and events: numbered, acknowledged, replayed byte for byte.
    Data {
        /// The ordered stream it belongs to.
        lane: Lane,
        /// Its place in that stream, from 1.
        sequence: u64,
    },
}

/// Starts a packet; frames are appended to what it returns.
#[must_use]
pub fn begin(header: Header) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    match header {
        Header::Control => out.extend_from_slice(&[CONTROL, 0, 0, 0]),
        Header::Data { lane, sequence } => {
            out.extend_from_slice(&[DATA, lane as u8, 0, 0]);
            out.extend_from_slice(&sequence.to_le_bytes());
        }
    }
    out
}

/// Reads a header; what remains are frames.
///
/// # Errors
/// For bytes that are no packet, or above 16 KiB.
pub fn read(bytes: &[u8]) -> Result<(Header, Frames<'_>), Violation> {
    if bytes.len() > PACKET_BYTES {
        return Err(Violation::PacketTooLarge);
    }
    let mut reader = Reader::new(bytes);
    let [kind, lane, zero, zero2] = reader.array()?;
    let header = match (kind, lane, zero, zero2) {
        (CONTROL, 0, 0, 0) => Header::Control,
        (DATA, lane, 0, 0) => Header::Data { lane: Lane::from_byte(lane)?, sequence: reader.u64()? },
        _ => return Err(Violation::NotAPacket),
    };
    Ok((header, Frames { reader, control: header == Header::Control }))
}

/// The frames of one packet, in order. After an error there is no next.
pub struct Frames<'a> {
    reader: Reader<'a>,
    control: bool,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<RawFrame<'a>, Violation>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let frame = self.frame();
        if frame.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(frame)
    }
}

impl<'a> Frames<'a> {
    fn frame(&mut self) -> Result<RawFrame<'a>, Violation> {
        let [kind, flags] = self.reader.array()?;
        let length = self.reader.u16()?;
        let call = self.reader.u32()?;
        let kind = FrameType::from_byte(kind)?;
        if kind.is_control() != self.control {
            return Err(Violation::Misplaced);
        }
        Ok(RawFrame { kind, flags, call, body: self.reader.padded(length as usize)? })
    }
}

/// Appends a frame: `u8` type, `u8` flags, `u16` body length, `u32` call id, the body, padding.
pub fn put_frame(out: &mut Vec<u8>, frame: RawFrame<'_>) {
    out.push(frame.kind as u8);
    out.push(frame.flags);
    out.extend_from_slice(&(frame.body.len() as u16).to_le_bytes());
    out.extend_from_slice(&frame.call.to_le_bytes());
    out.extend_from_slice(frame.body);
    wire::pad(out);
}

/// A control packet with one frame.
#[must_use]
pub fn control(kind: FrameType, body: &[u8]) -> Vec<u8> {
    let mut out = begin(Header::Control);
    put_frame(&mut out, RawFrame { kind, flags: 0, call: 0, body });
    out
}

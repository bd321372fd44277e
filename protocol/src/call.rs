//! One call's state: who asked, what waits to be sent, how much may still travel in each direction.

use std::collections::VecDeque;

use crate::{
    Millis,
    assembler::Partial,
    endpoint::ConnectionId,
    frame::{FRAME_HEADER, FrameType, MORE, RawFrame, body::Body},
    lane::Lane,
    limits::PACKET_BYTES,
    packet,
};

/// Names a call in its session: odd ids are the client's calls, even ones the server's. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

impl core::fmt::Display for CallId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A call in flight, on either side of it.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) lane: Lane,
    /// Messages that have not left yet, in order.
    pub(crate) queue: VecDeque<Box<Outgoing>>,
    /// The call's id stands in its lane's turns.
    pub(crate) scheduled: bool,
    /// The peer's message under reassembly.
    pub(crate) partial: Option<Partial>,
    /// What the peer can take of our items.
    pub(crate) sending: Sending,
    /// What we can take of the peer's items.
    pub(crate) reading: Reading,
    /// When the call fails with `deadline_exceeded`.
    pub(crate) deadline: Option<Millis>,
    /// The application knows of it: the request is complete (ours always is).
    pub(crate) announced: bool,
    /// Our call: its request has begun to travel, so the peer may carry it out.
    pub(crate) sent: bool,
    /// Our call: it left behind the hello of this transport, which is not answered yet, and on no other. If that hello is
    /// refused, nobody has read the request.
    pub(crate) behind: Option<ConnectionId>,
    /// The request, while that is so.
    pub(crate) request: Option<Outgoing>,
    /// The peer's call: answered; it goes when its queue is empty.
    pub(crate) settled: bool,
}

impl Call {
    /// A message of ours has left whole.
    pub(crate) fn left(&mut self, mut message: Outgoing) {
        if self.behind.is_some() && message.kind == FrameType::Request {
            message.offset = 0;
            self.request = Some(message);
        } else {
            self.settle_behind();
        }
    }

    /// Whatever becomes of the transport: it cannot be taken back any more.
    pub(crate) fn settle_behind(&mut self) {
        self.behind = None;
        self.request = None;
    }

    /// The hello that it left behind was refused: it has never left.
    pub(crate) fn take_back(&mut self) {
        self.behind = None;
        self.sent = false;
        self.scheduled = true;
        if let Some(request) = self.request.take() {
            self.queue.push_front(Box::new(request));
        } else if let Some(begun) = self.queue.front_mut() {
            begun.offset = 0;
        }
    }
}

/// Credit for what we send, as offsets from the call's beginning.
#[derive(Default)]
pub(crate) struct Sending {
    /// Bytes of items the peer can take.
    pub(crate) credit: u64,
    /// Bytes of items given so far.
    pub(crate) offset: u64,
    /// The application was told to wait and will be told when to go on.
    pub(crate) blocked: bool,
}

impl Sending {
    /// An item may begin while credit is left, and overdraw it.
    pub(crate) fn open(&self) -> bool {
        self.offset < self.credit
    }
}

/// Credit for what we read, as offsets from the call's beginning.
#[derive(Default)]
pub(crate) struct Reading {
    /// Bytes of items the peer may have begun to send.
    pub(crate) granted: u64,
    /// Bytes of items that arrived.
    pub(crate) received: u64,
    /// Bytes of items the application has taken.
    pub(crate) consumed: u64,
}

impl Reading {
    /// Notes that the application took `bytes`; true when half a window is free and the peer should hear of it.
    pub(crate) fn take(&mut self, bytes: u64, window: u64) -> bool {
        self.consumed += bytes;
        let next = self.consumed + window;
        let due = next >= self.granted + window / 2;
        if due {
            self.granted = next;
        }
        due
    }
}

/// A message on its way out, perhaps in pieces.
pub(crate) struct Outgoing {
    pub(crate) kind: FrameType,
    pub(crate) flags: u8,
    pub(crate) bytes: Vec<u8>,
    /// How much of it has left.
    pub(crate) offset: usize,
}

/// What became of a message that was offered room.
#[derive(PartialEq, Eq)]
pub(crate) enum Piece {
    /// All of it has left.
    Last,
    /// There is more.
    More,
    /// Nothing left: the room is too small to be worth it.
    None,
}

/// Room below which a large message rather waits for the next packet.
const MIN_PIECE: usize = 1024;

impl Outgoing {
    pub(crate) fn new(kind: FrameType, flags: u8, bytes: Vec<u8>) -> Self {
        Self { kind, flags, bytes, offset: 0 }
    }

    pub(crate) fn body(kind: FrameType, body: &Body) -> Self {
        Self::new(kind, body_flags(body), body.encode())
    }

    /// Appends as much of the message as the packet has room for.
    pub(crate) fn put(&mut self, packet: &mut Vec<u8>, call: u32) -> Piece {
        let room = PACKET_BYTES - packet.len();
        let rest = &self.bytes[self.offset..];
        let first = self.offset == 0;
        let kind = if first { self.kind } else { FrameType::Chunk };
        let flags = if first { self.flags } else { 0 };
        if FRAME_HEADER + rest.len() <= room {
            packet::put_frame(packet, RawFrame { kind, flags, call, body: rest });
            return Piece::Last;
        }
        let fresh = packet.len() <= packet::DATA_HEADER;
        let fits_alone = packet::DATA_HEADER + FRAME_HEADER + rest.len() <= PACKET_BYTES;
        if !fresh && (fits_alone || room < MIN_PIECE) {
            return Piece::None;
        }
        self.split(packet, RawFrame { kind, flags: flags | MORE, call, body: &[] });
        Piece::More
    }

    /// Fills the packet with a piece; the first piece begins with the length of the whole.
    fn split(&mut self, packet: &mut Vec<u8>, frame: RawFrame<'_>) {
        let mut body = Vec::with_capacity(PACKET_BYTES);
        if self.offset == 0 {
            body.extend_from_slice(&(self.bytes.len() as u32).to_le_bytes());
        }
        let end = self.offset + PACKET_BYTES - packet.len() - FRAME_HEADER - body.len();
        body.extend_from_slice(&self.bytes[self.offset..end]);
        self.offset = end;
        packet::put_frame(packet, RawFrame { body: &body, ..frame });
    }
}

pub(crate) fn body_flags(body: &Body) -> u8 {
    if body.payload.is_some() { crate::frame::RAW } else { 0 }
}

/// Calls by id. Ids grow, so a sorted `Vec` is a map that inserts at the end; a tree or a hash map would cost the
/// browser several kilobytes of code for the few hundred calls that are ever in flight.
#[derive(Default)]
pub(crate) struct Calls {
    rows: Vec<(u32, Call)>,
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&mut self, id: u32) -> Option<&mut Call> {
        let at = self.rows.binary_search_by_key(&id, |row| row.0).ok()?;
        Some(&mut self.rows[at].1)
    }

    pub(crate) fn insert(&mut self, id: u32, call: Call) -> &mut Call {
        let at = self.rows.partition_point(|row| row.0 < id);
        self.rows.insert(at, (id, call));
        &mut self.rows[at].1
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Call> {
        let at = self.rows.binary_search_by_key(&id, |row| row.0).ok()?;
        Some(self.rows.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u32, Call)> {
        self.rows.iter()
    }

    /// The ids of some of them.
    pub(crate) fn ids(&self, of: &dyn Fn(&Call) -> bool) -> Vec<u32> {
        self.rows.iter().filter(|row| of(&row.1)).map(|row| row.0).collect()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.rows.iter_mut().map(|row| &mut row.1)
    }

    pub(crate) fn take(&mut self) -> Vec<(u32, Call)> {
        core::mem::take(&mut self.rows)
    }
}

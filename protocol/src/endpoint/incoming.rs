//! Packets that arrive: accepted in order, acknowledged, taken apart.

use super::{ConnectionId, Endpoint, Event, NOW, Role, handshake::KEEPALIVE, outgoing::NO_CALL, wishes::above};
use crate::{
    CallId, Millis,
    assembler::Partial,
    call::{Call, Reading, Sending},
    error::{Code, Fault, Violation},
    frame::{FrameType, MORE, RAW, RawFrame, STREAM, ack::Ack, body::Body, go_away::GoAway, request::Request, welcome::Welcome},
    lane::Lane,
    packet::{self, Header},
    text::{decimal, join},
    wire::Reader,
};

impl Endpoint {
    pub(super) fn packet(&mut self, now: Millis, connection: ConnectionId, bytes: &[u8]) {
        if let Some(link) = self.link(connection) {
            link.heard = now;
            link.asked = 0;
        }
        self.at_call = NO_CALL;
        if let Err(violation) = self.read(now, connection, bytes) {
            self.violated(violation);
        }
    }

    fn read(&mut self, now: Millis, connection: ConnectionId, bytes: &[u8]) -> Result<(), Violation> {
        let (header, frames) = packet::read(bytes)?;
        let Header::Data { lane, sequence } = header else {
            return frames.into_iter().try_for_each(|frame| self.control_frame(now, connection, frame?));
        };
        if !self.count_in(now, connection, lane, sequence, bytes.len()) {
            return Ok(());
        }
        for frame in frames {
            self.data_frame(now, lane, frame?)?;
        }
        Ok(())
    }

    /// Counts a packet in. One that was here before is dropped; a gap ends the connection.
    fn count_in(&mut self, now: Millis, connection: ConnectionId, lane: Lane, sequence: u64, size: usize) -> bool {
        let state = &mut self.lanes[lane.index()];
        if sequence > state.received + 1 {
            self.drop_link(now, connection);
            return false;
        }
        state.unacked_bytes += size;
        let due = if state.unacked_bytes >= self.limits.ack_bytes as usize { NOW } else { now + self.limits.ack_delay };
        self.ack_at = Some(self.ack_at.map_or(due, |earlier| earlier.min(due)));
        let fresh = sequence == state.received + 1;
        state.received = state.received.max(sequence);
        fresh
    }

    fn control_frame(&mut self, now: Millis, connection: ConnectionId, frame: RawFrame<'_>) -> Result<(), Violation> {
        match frame.kind {
            FrameType::Welcome => self.welcomed(connection, Welcome::decode(frame.body)?)?,
            FrameType::Ack => self.acknowledged(connection, Ack::decode(frame.body)?)?,
            FrameType::Ping => {
                let token = Reader::new(frame.body).u64()?;
                if let Some(link) = self.link(connection) {
                    link.pong = Some(token);
                }
                // Who asks may have missed what was said last: the acknowledgement of a tail, the proof of a welcome.
                self.ack_at = Some(NOW);
            }
            FrameType::Pong => {
                let token = Reader::new(frame.body).u64()?;
                if token != KEEPALIVE {
                    self.tell(Event::Pong { token });
                }
            }
            FrameType::GoAway => self.peer_goes(now, connection, GoAway::decode(frame.body)?),
            // The same hello once more says nothing new.
            FrameType::Hello if self.is_hello_of(connection, frame.body) => {}
            _ => return Err(Violation::Misplaced),
        }
        Ok(())
    }

    fn is_hello_of(&mut self, connection: ConnectionId, body: &[u8]) -> bool {
        let epoch = body.get(4..8).map(<[u8]>::to_vec);
        self.is_server() && epoch == self.link(connection).map(|link| link.epoch.to_le_bytes().to_vec())
    }

    fn acknowledged(&mut self, connection: ConnectionId, ack: Ack) -> Result<(), Violation> {
        let (server, epoch) = (self.is_server(), self.epoch);
        let Some(link) = self.link(connection) else { return Ok(()) };
        if ack.epoch != link.epoch {
            return Err(Violation::WrongEpoch);
        }
        let newest = ack.epoch == epoch;
        let proof = server && !core::mem::replace(&mut link.proven, true);
        for (lane, received) in self.lanes.iter_mut().zip(ack.received) {
            // An older transport may bring an older number late; the proof of the newest hello was written after all of them.
            if received > lane.sent || (proof && newest && received < lane.acked) {
                return Err(Violation::WrongAck);
            }
            lane.acknowledge(self.now, received, &self.limits);
        }
        if proof {
            self.close_older(ack.epoch);
            self.move_to(connection);
        }
        Ok(())
    }

    /// Ends the session of a peer that does not keep to the protocol.
    fn violated(&mut self, violation: Violation) {
        let mut fault = Fault::from(violation);
        if self.at_call != NO_CALL {
            fault.message = join(&["call ", &decimal(self.at_call.into()), ": ", violation.message()]).into();
        }
        self.fail(fault);
    }

    fn data_frame(&mut self, now: Millis, lane: Lane, frame: RawFrame<'_>) -> Result<(), Violation> {
        self.at_call = frame.call;
        let known = self.call_mut(frame.call).map(|call| call.lane);
        if known.is_some_and(|theirs| theirs != lane) {
            return Err(Violation::WrongLane);
        }
        match frame.kind {
            FrameType::Request => self.request(now, lane, frame),
            _ if known.is_none() && frame.call != NO_CALL => self.stray(&frame),
            FrameType::Cancel => self.cancelled(frame.call),
            FrameType::Credit => self.credited(frame.call, Reader::new(frame.body).u64()?),
            FrameType::Chunk => self.chunk(now, frame),
            _ => self.begin(now, frame),
        }
    }

    /// Frames of settled calls are late, not wrong; frames of calls that never were are wrong.
    fn stray(&self, frame: &RawFrame<'_>) -> Result<(), Violation> {
        if self.is_ours(frame.call) && frame.call >= self.next_call {
            return Err(Violation::NoSuchCall);
        }
        Ok(())
    }

    fn request(&mut self, now: Millis, lane: Lane, frame: RawFrame<'_>) -> Result<(), Violation> {
        let limit = self.limits.calls as usize;
        if self.is_ours(frame.call) || frame.call == NO_CALL || self.theirs.get(frame.call).is_some() {
            return Err(Violation::NotANewCall);
        }
        if self.theirs.len() >= 2 * limit {
            // The peer neither heeds refusals nor reads them: stop keeping them for it.
            return Err(Violation::Flood);
        }
        let full = self.theirs.len() >= limit;
        self.theirs.insert(frame.call, Call { lane, ..Call::default() });
        if full {
            self.refuse(frame.call, above(Code::LIMIT_REACHED, limit + 1, "calls", self.limits.calls));
            return Ok(());
        }
        self.begin(now, frame)
    }

    /// The first frame of a message: the whole, or the start of a partial.
    fn begin(&mut self, now: Millis, frame: RawFrame<'_>) -> Result<(), Violation> {
        if self.partial_of(frame.call).is_some_and(|partial| partial.is_some()) {
            return Err(Violation::Nested);
        }
        if frame.flags & MORE == 0 {
            self.charge(&frame, frame.body.len())?;
            return self.complete(now, frame);
        }
        let partial = Partial::begin(&frame)?;
        self.charge(&frame, partial.total)?;
        if partial.total > self.limits.message_bytes as usize {
            return self.too_large(&frame, partial.total, "message_bytes", self.limits.message_bytes);
        }
        let held = self.assembling + partial.bytes.len();
        if held > self.limits.reassembly_bytes as usize {
            return self.too_large(&frame, held, "reassembly_bytes", self.limits.reassembly_bytes);
        }
        self.assembling = held;
        *self.partial_of(frame.call).ok_or(Violation::NoMessage)? = Some(partial);
        Ok(())
    }

    fn chunk(&mut self, now: Millis, frame: RawFrame<'_>) -> Result<(), Violation> {
        let held = self.assembling + frame.body.len();
        let Some(slot) = self.partial_of(frame.call) else { return Ok(()) };
        let Some(mut partial) = slot.take() else {
            return if self.settled(frame.call) { Ok(()) } else { Err(Violation::NoMessage) };
        };
        self.assembling -= partial.bytes.len();
        if held > self.limits.reassembly_bytes as usize {
            return self.too_large(&frame, held, "reassembly_bytes", self.limits.reassembly_bytes);
        }
        if partial.push(frame.body, frame.flags & MORE != 0)? {
            let Partial { kind, flags, bytes, .. } = partial;
            return self.complete(now, RawFrame { kind, flags, call: frame.call, body: &bytes });
        }
        self.assembling += partial.bytes.len();
        if let Some(slot) = self.partial_of(frame.call) {
            *slot = Some(partial);
        }
        Ok(())
    }

    /// Items and news cost credit: one may begin while some is left, and overdraw it.
    fn charge(&mut self, frame: &RawFrame<'_>, bytes: usize) -> Result<(), Violation> {
        if !matches!(frame.kind, FrameType::Item | FrameType::Event) || frame.call == NO_CALL {
            return Ok(());
        }
        let Some(call) = self.call_mut(frame.call) else { return Ok(()) };
        if call.reading.received >= call.reading.granted {
            return Err(Violation::NoCredit);
        }
        call.reading.received += bytes as u64;
        Ok(())
    }

    /// Settles the call of a message that cannot be held; the rest of it is discarded as it comes.
    fn too_large(&mut self, frame: &RawFrame<'_>, size: usize, name: &str, limit: u32) -> Result<(), Violation> {
        if frame.call == NO_CALL {
            return Err(Violation::PacketTooLarge);
        }
        if self.is_ours(frame.call) {
            self.cancel(CallId(frame.call));
            let fault = above(Code::RESPONSE_TOO_LARGE, size, name, limit);
            self.tell(Event::Failed { call: CallId(frame.call), fault });
        } else {
            self.refuse(frame.call, above(Code::PAYLOAD_TOO_LARGE, size, name, limit));
        }
        Ok(())
    }

    /// A message all of whose bytes are here.
    fn complete(&mut self, now: Millis, message: RawFrame<'_>) -> Result<(), Violation> {
        let RawFrame { kind, flags, call: id, body: bytes } = message;
        let raw = flags & RAW != 0;
        let (call, ours, cost) = (CallId(id), self.is_ours(id), bytes.len() as u32);
        if id == NO_CALL {
            if kind != FrameType::Event {
                return Err(Violation::WrongSide);
            }
            self.tell(Event::Published(Body::decode(bytes, raw)?));
            return Ok(());
        }
        if self.settled(id) {
            return Ok(());
        }
        match kind {
            FrameType::Request if !ours => return self.announce(now, call, flags, bytes),
            FrameType::Item => self.tell(Event::Item { call, body: Body::decode(bytes, raw)?, cost }),
            FrameType::Event if ours => self.tell(Event::News { call, body: Body::decode(bytes, raw)?, cost }),
            FrameType::End if !ours => self.tell(Event::Ended { call }),
            FrameType::Response if ours => {
                let body = Body::decode(bytes, raw)?;
                self.take_call(id);
                self.tell(Event::Response { call, body });
            }
            FrameType::Fault if ours => {
                let fault = Fault::decode(bytes)?;
                self.take_call(id);
                self.tell(Event::Failed { call, fault });
            }
            _ => return Err(Violation::WrongSide),
        }
        Ok(())
    }

    /// The peer's request is whole: the application hears of it.
    fn announce(&mut self, now: Millis, id: CallId, flags: u8, bytes: &[u8]) -> Result<(), Violation> {
        let window = u64::from(self.limits.call_window);
        let Some(call) = self.theirs.get(id.0) else { return Ok(()) };
        let request = Request::decode(bytes, call.lane, flags & RAW != 0, flags & STREAM != 0)?;
        call.announced = true;
        call.sending = Sending { credit: request.credit, ..Sending::default() };
        call.deadline = request.deadline_ms.map(|ms| now + Millis::from(ms));
        if request.streams {
            call.reading = Reading { granted: window, ..Reading::default() };
            let lane = call.lane;
            self.grant(lane, id.0);
        }
        self.tell(Event::Request { call: id, request });
        Ok(())
    }

    fn cancelled(&mut self, id: u32) -> Result<(), Violation> {
        if self.is_ours(id) {
            return Err(Violation::WrongSide);
        }
        let Some(call) = self.take_call(id) else { return Ok(()) };
        if call.announced && !call.settled {
            self.tell(Event::Cancelled { call: CallId(id) });
        }
        Ok(())
    }

    fn credited(&mut self, id: u32, credit: u64) -> Result<(), Violation> {
        let Some(call) = self.call_mut(id) else { return Ok(()) };
        call.sending.credit = call.sending.credit.max(credit);
        if call.sending.blocked && call.sending.open() {
            call.sending.blocked = false;
            self.tell(Event::Writable { call: CallId(id) });
        }
        Ok(())
    }

    fn partial_of(&mut self, id: u32) -> Option<&mut Option<Partial>> {
        if id == NO_CALL { Some(&mut self.event_partial) } else { self.call_mut(id).map(|call| &mut call.partial) }
    }

    fn settled(&mut self, id: u32) -> bool {
        self.theirs.get(id).is_some_and(|call| call.settled)
    }

    /// Which end this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }
}

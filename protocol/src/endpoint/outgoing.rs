//! Packets that leave: built only when a transport has room, so that what is urgent is never behind what is large.

use super::{ConnectionId, Endpoint, NOW, Output, handshake::KEEPALIVE};
use crate::{
    call::{Outgoing, Piece},
    frame::{FrameType, RawFrame, ack::Ack, body::Body},
    lane::{Class, Lane},
    limits::PACKET_BYTES,
    packet::{self, DATA_HEADER, Header},
    text::{decimal, join},
};

/// Call id of pushed events: none.
pub(super) const NO_CALL: u32 = 0;
/// Bytes of a cancel or credit frame.
const URGENT: usize = 16;

impl Endpoint {
    pub(super) fn transmit(&mut self) -> Option<Output> {
        if let Some((connection, packet)) = (0..self.links.len()).find_map(|at| self.control(at)) {
            return Some(Output::Transmit { connection, lane: Lane::Interactive, packet });
        }
        let connection = self.sending?;
        Lane::ALL.into_iter().find_map(|lane| Some(Output::Transmit { connection, lane, packet: self.data(lane)? }))
    }

    /// Acknowledgement, pong, ping: each the newest only, so none of them can pile up.
    fn control(&mut self, at: usize) -> Option<(ConnectionId, Vec<u8>)> {
        let link = &mut self.links[at];
        if link.full[Lane::Interactive.index()] {
            return None;
        }
        let connection = link.connection;
        let sending = self.sending == Some(connection);
        if sending && link.proven && self.ack_at == Some(NOW) {
            self.ack_at = None;
            for lane in &mut self.lanes {
                lane.unacked_bytes = 0;
            }
            return Some((
                connection,
                Ack { epoch: link.epoch, received: self.lanes.each_ref().map(|lane| lane.received) }.packet(),
            ));
        }
        let token = |kind, token: u64| Some((connection, packet::control(kind, &token.to_le_bytes())));
        if let Some(pong) = link.pong.take() {
            return token(FrameType::Pong, pong);
        }
        if core::mem::take(&mut link.ping) {
            return token(FrameType::Ping, KEEPALIVE);
        }
        if sending { self.ping.take().and_then(|ping| token(FrameType::Ping, ping)) } else { None }
    }

    /// One packet of a lane: what this transport has not had of those built before, or a new one, numbered as it leaves.
    fn data(&mut self, lane: Lane) -> Option<Vec<u8>> {
        if !self.open(lane) {
            return None;
        }
        let state = &mut self.lanes[lane.index()];
        if let Some(packet) = state.replay(self.now) {
            return Some(packet);
        }
        if state.waiting() == 0 || !state.has_room(lane, &self.limits) {
            return None;
        }
        let mut packet = packet::begin(Header::Data { lane, sequence: state.sent + 1 });
        self.fill_urgent(lane, &mut packet);
        while let Some(call) = self.lanes[lane.index()].next() {
            if !self.fill(lane, call, &mut packet) {
                break;
            }
        }
        if packet.len() == DATA_HEADER {
            return None;
        }
        self.lanes[lane.index()].keep(self.now, &packet);
        Some(packet)
    }

    fn fill_urgent(&mut self, lane: Lane, packet: &mut Vec<u8>) {
        while packet.len() + URGENT <= PACKET_BYTES {
            let state = &mut self.lanes[lane.index()];
            if let Some(call) = state.cancels.pop_front() {
                packet::put_frame(packet, RawFrame { kind: FrameType::Cancel, flags: 0, call, body: &[] });
                continue;
            }
            let Some(call) = state.credits.pop_front() else { return };
            // Unless it was settled meanwhile.
            if let Some(state) = self.call_mut(call) {
                let body = &state.reading.granted.to_le_bytes();
                packet::put_frame(packet, RawFrame { kind: FrameType::Credit, flags: 0, call, body });
            }
        }
    }

    /// Gives a call its turn; false when the packet is full.
    fn fill(&mut self, lane: Lane, call: u32, packet: &mut Vec<u8>) -> bool {
        self.count_lost_events(call);
        let Some(message) = self.queue_of(call).and_then(|queue| queue.front_mut()) else { return true };
        let class = Class::of(message);
        let piece = message.put(packet, call);
        if piece == Piece::None {
            self.lanes[lane.index()].unschedule(class, call);
            return false;
        }
        let behind = self.unanswered();
        if let Some(state) = self.call_mut(call).filter(|state| !state.sent) {
            state.sent = true;
            state.behind = behind;
        }
        match piece {
            Piece::Last => self.message_left(lane, call),
            _ => self.lanes[lane.index()].schedule(class, call),
        }
        true
    }

    fn message_left(&mut self, lane: Lane, call: u32) {
        let Some(queue) = self.queue_of(call) else { return };
        let message = queue.pop_front();
        let next = queue.front().map(|message| Class::of(message));
        if let (Some(message), Some(state)) = (message, self.call_mut(call)) {
            state.left(*message);
        }
        if let Some(class) = next {
            return self.lanes[lane.index()].schedule(class, call);
        }
        if call == NO_CALL {
            self.events_scheduled = false;
            return;
        }
        let Some(state) = self.call_mut(call) else { return };
        state.scheduled = false;
        if state.settled {
            self.take_call(call);
        }
    }

    fn queue_of(&mut self, call: u32) -> Option<&mut std::collections::VecDeque<Box<Outgoing>>> {
        if call == NO_CALL { Some(&mut self.events) } else { self.call_mut(call).map(|state| &mut state.queue) }
    }

    /// Puts "you missed N" before the oldest event that is left.
    fn count_lost_events(&mut self, call: u32) {
        let begun = self.events.front().is_some_and(|event| event.offset > 0);
        if call != NO_CALL || self.events_lost == 0 || begun {
            return;
        }
        let note = join(&[r#"{"type":"event","event":"events_lost","count":"#, &decimal(self.events_lost.into()), "}"]);
        self.events_lost = 0;
        self.events.push_front(Box::new(Outgoing::body(FrameType::Event, &Body::json(note))));
    }

    /// Queues a message of a call and gives the call a turn.
    pub(super) fn enqueue(&mut self, id: u32, message: Outgoing) {
        let class = Class::of(&message);
        let Some(call) = self.call_mut(id) else { return };
        call.queue.push_back(Box::new(message));
        let (lane, waiting) = (call.lane, core::mem::replace(&mut call.scheduled, true));
        if !waiting {
            self.lanes[lane.index()].schedule(class, id);
        }
    }
}

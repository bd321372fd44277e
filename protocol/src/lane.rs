//! Numbers of a lane, one set per direction: what was sent, what was acknowledged, what waits.

use std::collections::VecDeque;

use crate::{
    Millis,
    call::Outgoing,
    congestion::CongestionWindow,
    error::Violation,
    frame::FrameType,
    limits::{Limits, PACKET_BYTES},
};

/// An ordered stream of packets. On WebRTC each lane is a data channel, so that loss in bulk never blocks a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Lane {
    /// Calls, tokens, events: whatever somebody waits for.
    #[default]
    Interactive = 0,
    /// Raw bodies and files.
    Bulk = 1,
}

impl Lane {
    /// Both, in the order of their numbers.
    pub const ALL: [Lane; 2] = [Lane::Interactive, Lane::Bulk];

    /// Its number on the wire, and in arrays.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The sub-protocol name of its data channel.
    #[must_use]
    pub fn channel_protocol(self) -> &'static str {
        match self {
            Self::Interactive => crate::CHANNEL_PROTOCOL,
            Self::Bulk => crate::BULK_CHANNEL_PROTOCOL,
        }
    }

    /// Reads its number.
    ///
    /// # Errors
    /// For a lane this version does not have.
    pub fn from_byte(byte: u8) -> Result<Self, Violation> {
        match byte {
            0 => Ok(Self::Interactive),
            1 => Ok(Self::Bulk),
            _ => Err(Violation::UnknownLane),
        }
    }
}

/// What leaves first when a pipe has room. Within one class calls take turns, frame by frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Small requests, answers, failures.
    Call = 0,
    /// Small items and events: somebody reads along.
    Token = 1,
    /// Messages above [`SMALL`]: they take many packets and must not hold the others up.
    Large = 2,
}

/// Bytes up to which a message is small.
const SMALL: usize = 4096;
const CLASSES: usize = 3;

impl Class {
    pub(crate) fn of(message: &Outgoing) -> Self {
        match message.kind {
            _ if message.bytes.len() > SMALL => Self::Large,
            FrameType::Item | FrameType::Event | FrameType::End => Self::Token,
            _ => Self::Call,
        }
    }
}

/// One lane of one session.
#[derive(Default)]
pub(crate) struct LaneState {
    /// Number of the last packet built; a packet is numbered when a transport takes it.
    pub(crate) sent: u64,
    /// Highest of them the peer has accepted.
    pub(crate) acked: u64,
    /// Packets above `acked`, as they left, and when: another transport gets the same bytes.
    kept: VecDeque<Box<(Millis, Vec<u8>)>>,
    kept_bytes: usize,
    /// How many of them the present transport has had.
    had: usize,
    /// Bytes of these.
    had_bytes: usize,
    /// Bytes that may be under way on the present transport, where it cannot say how full it is.
    pub(crate) confined: Option<u32>,
    /// What may be under way on the present transport; of the bulk lane only.
    window: CongestionWindow,
    /// The window was full: what waits to leave waits for it.
    held: bool,
    /// Since when the peer owes an acknowledgement.
    pub(crate) owed_since: Option<Millis>,
    /// Number of the last packet accepted in order.
    pub(crate) received: u64,
    /// Received bytes that no acknowledgement covers yet.
    pub(crate) unacked_bytes: usize,
    /// Calls whose cancel, and whose credit, jumps the queue: frames without a message.
    pub(crate) cancels: VecDeque<u32>,
    pub(crate) credits: VecDeque<u32>,
    /// Calls with something to send, by class; a call is in one class at a time.
    ready: [VecDeque<u32>; CLASSES],
}

impl LaneState {
    /// The next packet that the present transport has not had and may have, of those built before.
    pub(crate) fn replay(&mut self, now: Millis) -> Option<Vec<u8>> {
        if self.confined.is_some_and(|most| self.had_bytes >= most as usize) {
            return None;
        }
        let (left, packet) = &mut **self.kept.get_mut(self.had)?;
        *left = now;
        self.had += 1;
        self.had_bytes += packet.len();
        Some(packet.clone())
    }

    /// Whether a new packet may leave: what is unacknowledged is kept, and has to be kept within bounds.
    pub(crate) fn has_room(&mut self, lane: Lane, limits: &Limits) -> bool {
        let most = match lane {
            Lane::Interactive => self.at_most(limits.interactive_bytes),
            // With no more than it takes, the peer would be waiting for more before it acknowledges.
            Lane::Bulk => self.window.bytes(limits.ack_bytes as usize + PACKET_BYTES / 2, self.at_most(limits.bulk_bytes)),
        };
        self.held = self.kept_bytes >= most;
        !self.held
    }

    /// A bound of the session's, or the present transport's where that is narrower.
    fn at_most(&self, bound: u32) -> usize {
        self.confined.map_or(bound, |most| most.min(bound)) as usize
    }

    /// Counts a new packet out and keeps it until it is acknowledged.
    pub(crate) fn keep(&mut self, now: Millis, packet: &[u8]) {
        self.sent += 1;
        self.owed_since.get_or_insert(now);
        self.kept_bytes += packet.len();
        self.kept.push_back(Box::new((now, packet.to_vec())));
        self.had += 1;
        self.had_bytes += packet.len();
    }

    /// Bytes that are not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.kept_bytes
    }

    /// Another transport has had none of the packets kept.
    pub(crate) fn rewind(&mut self, now: Millis, confined: Option<u32>) {
        self.had = 0;
        self.had_bytes = 0;
        self.confined = confined;
        self.window = CongestionWindow::default();
        self.owed_since = (!self.kept.is_empty()).then_some(now);
    }

    /// The peer has everything up to here. An acknowledgement of at least `ack_bytes` was sent when the last of them arrived; one of
    /// fewer may have waited for more.
    pub(crate) fn acknowledge(&mut self, now: Millis, received: u64, limits: &Limits) {
        if received <= self.acked {
            return;
        }
        let (mut bytes, mut newest, had) = (0, now, self.had);
        while self.acked < received {
            let Some(oldest) = self.kept.pop_front() else { break };
            let (left, packet) = *oldest;
            bytes += packet.len();
            newest = left;
            if let Some(fewer) = self.had.checked_sub(1) {
                self.had = fewer;
                self.had_bytes -= packet.len();
            }
            self.acked += 1;
        }
        self.kept_bytes -= bytes;
        // Of what this transport has not had, another one has told.
        if had > 0 && bytes >= limits.ack_bytes as usize {
            self.window.judge(now, now.saturating_sub(newest), bytes, self.held, self.at_most(limits.bulk_bytes));
        }
        self.owed_since = (!self.kept.is_empty()).then_some(now);
    }

    pub(crate) fn schedule(&mut self, class: Class, call: u32) {
        self.ready[class as usize].push_back(call);
    }

    /// The call whose turn it is, and its class.
    pub(crate) fn next(&mut self) -> Option<u32> {
        self.ready.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Gives a turn back that could not be used: the packet is full.
    pub(crate) fn unschedule(&mut self, class: Class, call: u32) {
        self.ready[class as usize].push_front(call);
    }

    /// A call that has not begun to leave gets no turn.
    pub(crate) fn withdraw(&mut self, call: u32) {
        self.ready.iter_mut().for_each(|calls| calls.retain(|waiting| *waiting != call));
    }

    pub(crate) fn waiting(&self) -> usize {
        self.cancels.len() + self.credits.len() + self.ready.iter().map(VecDeque::len).sum::<usize>()
    }
}

//! A transport: two lanes each way, each in order, with whatever befalls it.

use std::collections::VecDeque;

use fastrand::Rng;
use tabagent_protocol::{ConnectionId, Lane, Millis};

/// Packets that a pipe takes before it says that it is full.
const DEPTH: usize = 12;

/// Which end of the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        if self == Self::Client { Self::Server } else { Self::Client }
    }
}

/// Packets of one lane on their way in one direction.
#[derive(Default)]
struct Pipe {
    packets: VecDeque<(Millis, Vec<u8>)>,
    full: bool,
    last: Millis,
}

pub(crate) struct Wire {
    pub(crate) id: ConnectionId,
    /// By sender and lane.
    pipes: [[Pipe; 2]; 2],
    /// Whether each end still uses it, and has not heard of its end.
    pub(crate) open: [bool; 2],
    /// Nothing arrives any more.
    cut: bool,
    stalled_until: Millis,
    /// When each end hears that it is closed.
    pub(crate) closing: [Option<Millis>; 2],
    delay: Millis,
    /// One packet in so many is lost, doubled or swapped; 0 for none.
    dirt: u32,
}

impl Wire {
    pub(crate) fn new(id: u32, rng: &mut Rng, dirt: bool) -> Self {
        Self {
            id: ConnectionId(id),
            pipes: Default::default(),
            open: [true; 2],
            cut: false,
            stalled_until: 0,
            closing: [None; 2],
            delay: rng.u64(0..60),
            dirt: if dirt { rng.u32(20..200) } else { 0 },
        }
    }

    /// Takes a packet; false when the pipe wants no more.
    pub(crate) fn send(&mut self, now: Millis, from: Side, lane: Lane, packet: Vec<u8>, rng: &mut Rng) -> bool {
        let pipe = &mut self.pipes[from as usize][lane.index()];
        let due = pipe.last.max(now + self.delay + rng.u64(0..10));
        pipe.last = due;
        match if self.dirt > 0 { rng.u32(0..self.dirt * 3) } else { u32::MAX } {
            0 => {}
            1 => pipe.packets.extend([(due, packet.clone()), (due, packet)]),
            2 => {
                let at = pipe.packets.len().saturating_sub(1);
                pipe.packets.insert(at, (due, packet));
            }
            _ => pipe.packets.push_back((due, packet)),
        }
        pipe.full = pipe.packets.len() >= DEPTH;
        !pipe.full
    }

    /// A packet that has arrived, with its lane and whether its pipe has room again.
    pub(crate) fn arrive(&mut self, now: Millis, at: Side) -> Option<(Lane, Vec<u8>, bool)> {
        if self.cut || now < self.stalled_until || !self.open[at as usize] {
            return None;
        }
        for lane in Lane::ALL {
            let pipe = &mut self.pipes[at.other() as usize][lane.index()];
            if pipe.packets.front().is_some_and(|(due, _)| *due <= now) {
                let (_, packet) = pipe.packets.pop_front()?;
                return Some((lane, packet, std::mem::take(&mut pipe.full)));
            }
        }
        None
    }

    /// When something happens here next.
    pub(crate) fn due(&self) -> Option<Millis> {
        let closing = self.closing.iter().flatten().copied();
        let flowing = !self.cut;
        let arrivals = [Side::Client, Side::Server].into_iter().filter(|at| flowing && self.open[*at as usize]);
        let arrivals = arrivals.flat_map(|at| self.pipes[at.other() as usize].iter().filter_map(|pipe| pipe.packets.front()));
        arrivals.map(|(due, _)| (*due).max(self.stalled_until)).chain(closing).min()
    }

    /// One end closes it: what it sent before still arrives, unless the line is cut.
    pub(crate) fn close(&mut self, now: Millis, by: Side) {
        self.open[by as usize] = false;
        self.closing[by as usize] = None;
        let last = self.pipes[by as usize].iter().map(|pipe| pipe.last).max().unwrap_or(now);
        let heard = &mut self.closing[by.other() as usize];
        if self.open[by.other() as usize] && heard.is_none() {
            *heard = Some(last.max(now + self.delay).max(self.stalled_until));
        }
    }

    /// The line breaks; each end hears of it in its own time.
    pub(crate) fn cut(&mut self, now: Millis, rng: &mut Rng) {
        self.cut = true;
        for (open, closing) in self.open.iter().zip(&mut self.closing) {
            if *open {
                *closing = Some(now + rng.u64(0..8_000));
            }
        }
    }

    pub(crate) fn stall(&mut self, until: Millis) {
        self.stalled_until = self.stalled_until.max(until);
    }

    /// Both ends have done with it.
    pub(crate) fn is_over(&self) -> bool {
        self.open == [false, false]
    }
}

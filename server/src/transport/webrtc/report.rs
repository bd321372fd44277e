//! The one way from callbacks to the owner of a peer: a bounded queue into which nobody waits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::super::{Candidate, Channel, PeerEvent, Step};

/// Own candidates reported at most: interfaces times (host + servers) of any sane machine. More are in nobody's interest.
const CANDIDATES: usize = 64;

/// The steps a peer can see, in their order.
const STEPS: [Step; 3] = [Step::Ice, Step::Dtls, Step::Channel];

/// Writes [`PeerEvent`]s. Sized so that what is counted fits: candidates, their end, the steps, all channels, the end.
pub(super) struct Reporter {
    state: Mutex<State>,
}

struct State {
    /// Gone after the last event, so that the reader's queue ends.
    queue: Option<mpsc::Sender<PeerEvent>>,
    /// The place of [`PeerEvent::Closed`], kept from the beginning.
    last: Option<mpsc::OwnedPermit<PeerEvent>>,
    candidates: usize,
    /// How many of [`STEPS`] were reported.
    steps: usize,
}

impl Reporter {
    /// A reporter for a connection of at most this many channels, and its reading end.
    pub(super) fn new(channels: usize) -> (Self, mpsc::Receiver<PeerEvent>) {
        let (queue, events) = mpsc::channel(CANDIDATES + 1 + STEPS.len() + channels + 1);
        let last = queue.clone().try_reserve_owned().ok();
        (Self { state: Mutex::new(State { queue: Some(queue), last, candidates: 0, steps: 0 }) }, events)
    }

    /// One of our candidates, or the end of them.
    pub(super) fn candidate(&self, candidate: Option<Candidate>) {
        let mut state = self.lock();
        if candidate.is_some() && state.candidates == CANDIDATES {
            return tracing::debug!("more than {CANDIDATES} own candidates: not reported");
        }
        state.candidates += usize::from(candidate.is_some());
        state.send(PeerEvent::Candidate(candidate));
    }

    /// A step is done, and with it those before. Each is reported once.
    pub(super) fn step(&self, step: Step) {
        self.lock().step(step);
    }

    /// Whether a channel was ever open.
    pub(super) fn carried(&self) -> bool {
        self.lock().steps == STEPS.len()
    }

    /// A channel is open. False when nobody takes it: the connection is over, or its owner does not read.
    pub(super) fn channel(&self, channel: Channel) -> bool {
        let mut state = self.lock();
        state.step(Step::Channel);
        state.send(PeerEvent::Channel(channel))
    }

    /// The end, once.
    pub(super) fn closed(&self, reason: &'static str) {
        let mut state = self.lock();
        state.queue = None;
        if let Some(last) = state.last.take() {
            drop(last.send(PeerEvent::Closed(reason)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn step(&mut self, step: Step) {
        let reached = STEPS.iter().filter(|known| **known <= step).count();
        while self.steps < reached {
            self.send(PeerEvent::Step(STEPS[self.steps]));
            self.steps += 1;
        }
    }

    fn send(&self, event: PeerEvent) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.try_send(event).is_ok())
    }
}

//! The handshake as the log tells it: one line per step, and one that says what to check when it stops.

use std::time::{Duration, Instant};

use super::ConnectionId;
use crate::transport::Step;

/// Every step in order, and what to check when it does not come.
const STEPS: [(Step, &str); 6] = [
    (Step::Offer, "nothing was offered"),
    (
        Step::Answer,
        "the client never posted its answer: its handlers must stand before it connects, and its request must reach this server",
    ),
    (
        Step::Ice,
        "no pair of addresses worked: is UDP to the addresses of --udp-bind open, and does the browser have a network interface?",
    ),
    (Step::Dtls, "the path works but the two could not agree on keys: is a description older than its connection?"),
    (Step::Channel, "the connection stands but no data channel came: the client must create one before it offers"),
    (Step::Welcome, "the channel is open but nothing that could be answered was said on it"),
];

/// The steps a connection has made.
#[derive(Debug)]
pub(super) struct Handshake {
    begun: Instant,
    made: Vec<(Step, Duration)>,
}

impl Handshake {
    /// Begins now.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), made: Vec::with_capacity(STEPS.len()) }
    }

    /// A step is made; only the first time counts.
    pub(super) fn step(&mut self, id: ConnectionId, step: Step) {
        if self.made.iter().any(|(made, _)| *made == step) {
            return;
        }
        let time = self.begun.elapsed();
        self.made.push((step, time));
        tracing::info!(connection = %id, ms = millis(time), "{}", step.name());
    }

    /// How many candidates the two had when a pair of them worked.
    pub(super) fn candidates(&self, id: ConnectionId, received: usize, sent: usize) {
        tracing::info!(connection = %id, ms = millis(self.begun.elapsed()), received, sent, "candidates");
    }

    /// The connection is over; says so when that is early.
    pub(super) fn ended(&self, id: ConnectionId, reason: &str) {
        let ms = millis(self.begun.elapsed());
        let Some((missing, check)) = self.missing() else {
            tracing::info!(connection = %id, ms, reason, "closed");
            return;
        };
        let after = self.made.last().map_or("nothing", |(step, _)| step.name());
        tracing::warn!(connection = %id, ms, reason, after, waiting_for = missing.name(), check, "handshake stopped");
    }

    /// Steps and when they were made.
    pub(super) fn made(&self) -> impl Iterator<Item = (Step, u64)> + '_ {
        self.made.iter().map(|(step, time)| (*step, millis(*time)))
    }

    fn missing(&self) -> Option<(Step, &'static str)> {
        let last = self.made.iter().map(|(step, _)| *step).max();
        STEPS.into_iter().find(|(step, _)| last.is_none_or(|last| *step > last))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_step_is_the_one_after_the_furthest() {
        let mut handshake = Handshake::new();
        let id = ConnectionId::from(1);
        assert_eq!(handshake.missing().map(|(step, _)| step), Some(Step::Offer));
        for step in [Step::Offer, Step::Answer, Step::Ice, Step::Ice] {
            handshake.step(id, step);
        }
        assert_eq!(handshake.made().count(), 3);
        assert_eq!(handshake.missing().map(|(step, _)| step), Some(Step::Dtls));
        handshake.step(id, Step::Welcome);
        assert_eq!(handshake.missing(), None);
    }
}

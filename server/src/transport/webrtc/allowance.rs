//! How much of a channel of large data may be under way. The stack sends the messages of all channels of a connection in one queue, so what
//! waits there on a slow path is time that a call has to wait.
//!
//! A message takes longer the more is in front of it; how much longer than the quickest of late says how long the queue is. On a long path
//! that is not full, messages take long but no longer than the quickest, and nothing is held back.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Bytes that are always allowed: one packet. Less would leave a path idle while the next one is fetched.
const LEAST: usize = 16 * 1024;
/// A queue of this length or less is worth having: it keeps the path busy.
const SHORT: Duration = Duration::from_millis(10);
/// A queue of this length makes calls wait noticeably.
const LONG: Duration = Duration::from_millis(25);
/// Bytes that are added for a message that met a short queue.
const STEP: usize = 2 * 1024;
/// For how long at least the quickest message counts: paths change.
const MEMORY: Duration = Duration::from_secs(15);

/// What one channel may have sent and not yet seen acknowledged.
#[derive(Debug)]
pub(super) struct Allowance {
    bytes: usize,
    most: usize,
    /// Bytes handed to the stack, ever.
    handed: usize,
    /// When each message that is under way was handed over, and what had been handed over with it. Bounded by the allowance.
    under_way: VecDeque<(Instant, usize)>,
    quickest: Quickest,
}

impl Allowance {
    /// As much as the stack allows, at first.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: most, most, handed: 0, under_way: VecDeque::new(), quickest: Quickest::default() }
    }

    /// Whether another message may be handed over, while so many bytes are not acknowledged.
    pub(super) fn has_room(&self, outstanding: usize) -> bool {
        // The stack's own bound needs no help.
        self.bytes >= self.most || outstanding < self.bytes
    }

    /// A message was handed over.
    pub(super) fn handed(&mut self, now: Instant, bytes: usize) {
        self.handed = self.handed.wrapping_add(bytes);
        self.under_way.push_back((now, self.handed));
    }

    /// So many bytes are not acknowledged now; all messages before them are.
    pub(super) fn acknowledged(&mut self, now: Instant, outstanding: usize) {
        while let Some((since, handed)) = self.under_way.front().copied() {
            if self.handed.wrapping_sub(handed) < outstanding {
                return;
            }
            self.under_way.pop_front();
            self.judge(now, now.saturating_duration_since(since));
        }
    }

    /// Whether something is under way: whoever has nothing to send should look all the same, or it seems to take longer than it does.
    pub(super) fn is_watching(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn judge(&mut self, now: Instant, took: Duration) {
        let queue = took.saturating_sub(self.quickest.of(now, took));
        if queue >= LONG {
            self.bytes = (self.bytes - self.bytes / 8).max(LEAST.min(self.most));
        } else if queue <= SHORT {
            self.bytes = (self.bytes + STEP).min(self.most);
        }
    }
}

/// The least of late: of one stretch of time that is over, and of the one that is not.
#[derive(Debug, Default)]
struct Quickest {
    before: Option<Duration>,
    present: Option<(Instant, Duration)>,
}

impl Quickest {
    /// The least, this one included.
    fn of(&mut self, now: Instant, took: Duration) -> Duration {
        let (since, least) = self.present.unwrap_or((now, took));
        let least = least.min(took);
        self.present = Some((since, least));
        if now.saturating_duration_since(since) >= MEMORY {
            self.before = Some(least);
            self.present = None;
        }
        self.before.map_or(least, |before| before.min(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 * 1024;
    const MESSAGE: usize = 16 * 1024;

    /// Sends over a path of this many bytes a millisecond and this many milliseconds there and back, for ten seconds. Answers the bytes
    /// allowed in the end, and the mean of the bytes delivered in a millisecond.
    fn over_a_path(rate: usize, round_trip: u64) -> (usize, usize) {
        let begin = Instant::now();
        let mut allowance = Allowance::new(MOST);
        // When each byte count is acknowledged.
        let mut acknowledgements: VecDeque<(u64, usize)> = VecDeque::new();
        let (mut free_at, mut outstanding, mut delivered) = (0, 0, 0);
        for ms in 0..10_000_u64 {
            let now = begin + Duration::from_millis(ms);
            while acknowledgements.front().is_some_and(|(at, _)| *at <= ms) {
                let (_, bytes) = acknowledgements.pop_front().expect("just seen");
                outstanding -= bytes;
                delivered += bytes;
            }
            allowance.acknowledged(now, outstanding);
            while allowance.has_room(outstanding) && outstanding < MOST {
                free_at = free_at.max(ms) + (MESSAGE / rate) as u64;
                acknowledgements.push_back((free_at + round_trip, MESSAGE));
                outstanding += MESSAGE;
                allowance.handed(now, MESSAGE);
            }
        }
        (allowance.bytes, delivered / 10_000)
    }

    #[test]
    fn on_a_slow_path_there_is_hardly_a_queue_and_no_gap() {
        let (bytes, delivered) = over_a_path(320, 40);
        assert!((LEAST..=40 * 1024).contains(&bytes), "{bytes} bytes, and 51 ms a message");
        assert!(delivered > 280, "{delivered} of 320 bytes a millisecond");
    }

    #[test]
    fn on_a_long_path_that_is_not_full_nothing_is_held_back() {
        let (bytes, delivered) = over_a_path(100_000, 100);
        assert_eq!(bytes, MOST);
        assert!(delivered > MOST / 110, "{delivered} bytes a millisecond");
    }

    #[test]
    fn what_is_under_way_is_watched_until_it_has_arrived() {
        let now = Instant::now();
        let mut allowance = Allowance::new(MOST);
        assert!(!allowance.is_watching());
        allowance.handed(now, MESSAGE);
        allowance.acknowledged(now, MESSAGE);
        assert!(allowance.is_watching());
        allowance.acknowledged(now, 0);
        assert!(!allowance.is_watching());
    }

    #[test]
    fn a_path_that_has_become_longer_is_believed_in_time() {
        let begin = Instant::now();
        let mut allowance = Allowance::new(MOST);
        let mut took = |at: u64, ms: u64| {
            let now = begin + Duration::from_millis(at);
            allowance.handed(now, MESSAGE);
            allowance.acknowledged(now + Duration::from_millis(ms), 0);
            allowance.bytes
        };
        took(0, 5);
        let mut bytes = 0;
        for n in 1..100 {
            bytes = took(100 * n, 100);
        }
        assert_eq!(bytes, LEAST);
        for n in 100..500 {
            bytes = took(100 * n, 100);
        }
        assert_eq!(bytes, MOST);
    }
}

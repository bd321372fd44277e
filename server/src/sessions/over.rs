//! What is remembered of sessions that are over, for clients that may not know that theirs had ever begun.
//!
//! A first hello is repeated when its welcome does not come. If its session had stood here and is gone, requests sent behind it
//! may have been carried out; to make a new session of it would carry them out twice.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::SessionKey;

/// Ended sessions that are remembered: half a megabyte. Beyond it the oldest are forgotten, and what is forgotten is doubted.
const REMEMBERED: usize = 16_384;
/// How long they are, in windows: a client that is never welcomed gives up long before.
const WINDOWS: u32 = 4;

/// The sessions that are over.
pub(super) struct Over {
    /// Oldest first.
    ended: VecDeque<(Instant, SessionKey)>,
    keep: Duration,
    /// Until then a session may have stood here, or in this server's predecessor, without being remembered.
    unsure_until: Instant,
}

impl Over {
    /// Nothing yet; what the predecessor of this server process did is not known.
    pub(super) fn new(now: Instant, window: Duration) -> Self {
        Self { ended: VecDeque::new(), keep: window.saturating_mul(WINDOWS), unsure_until: now + window }
    }

    /// A session is over.
    pub(super) fn add(&mut self, now: Instant, key: SessionKey) {
        self.sweep(now);
        if self.ended.len() == REMEMBERED
            && let Some((at, _)) = self.ended.pop_front()
        {
            self.unsure_until = self.unsure_until.max(at + self.keep);
        }
        self.ended.push_back((now, key));
    }

    /// Whether this session may have stood here before.
    pub(super) fn may_have_stood(&mut self, now: Instant, key: &SessionKey) -> bool {
        self.sweep(now);
        now < self.unsure_until || self.ended.iter().any(|(_, ended)| ended == key)
    }

    fn sweep(&mut self, now: Instant) {
        while self.ended.front().is_some_and(|(at, _)| now.duration_since(*at) >= self.keep) {
            self.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn key(n: usize) -> SessionKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_le_bytes());
        key
    }

    #[test]
    fn a_young_server_doubts_and_an_old_one_remembers() {
        let start = Instant::now();
        let mut over = Over::new(start, WINDOW);
        assert!(over.may_have_stood(start, &key(1)), "its predecessor may have had it");
        let now = start + WINDOW;
        assert!(!over.may_have_stood(now, &key(1)));
        over.add(now, key(1));
        assert!(over.may_have_stood(now + 3 * WINDOW, &key(1)));
        assert!(!over.may_have_stood(now + 3 * WINDOW, &key(2)));
        assert!(!over.may_have_stood(now + 4 * WINDOW, &key(1)) && over.ended.is_empty());
    }

    #[test]
    fn what_is_forgotten_early_is_doubted() {
        let start = Instant::now();
        let mut over = Over::new(start, WINDOW);
        let now = start + WINDOW;
        (0..REMEMBERED).for_each(|n| over.add(now, key(n)));
        assert!(!over.may_have_stood(now, &key(REMEMBERED)));
        over.add(now, key(REMEMBERED));
        assert_eq!(over.ended.len(), REMEMBERED);
        assert!(over.may_have_stood(now, &key(0)) && !over.may_have_stood(now + 4 * WINDOW, &key(0)));
    }
}

//! How often something has happened within the last minute, against a limit.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The window of all limits per minute.
const MINUTE: Duration = Duration::from_secs(60);

/// When it happened in the last minute, oldest first: as often as the limit allows, no more is remembered.
#[derive(Debug, Default)]
pub(crate) struct LastMinute {
    times: VecDeque<Instant>,
}

impl LastMinute {
    /// Whether it may happen once more.
    ///
    /// # Errors
    /// Not yet: the time after which it may.
    pub(crate) fn check(&mut self, now: Instant, max: usize) -> Result<(), Duration> {
        while self.times.front().is_some_and(|time| now.duration_since(*time) >= MINUTE) {
            self.times.pop_front();
        }
        if self.times.len() < max {
            return Ok(());
        }
        Err(MINUTE - self.times.front().map_or(Duration::ZERO, |oldest| now.duration_since(*oldest)))
    }

    /// It has happened.
    pub(crate) fn note(&mut self, now: Instant) {
        self.times.push_back(now);
    }

    /// The last time it did does not count after all.
    pub(crate) fn forgive(&mut self) {
        self.times.pop_back();
    }

    /// Whether there is nothing left to remember.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.times.back().is_none_or(|last| now.duration_since(*last) >= MINUTE)
    }
}

/// A wait as it is told: at least a millisecond.
pub(crate) fn wait_ms(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_often_as_the_limit_says_and_then_after_exactly_the_wait() {
        let (begin, mut last) = (Instant::now(), LastMinute::default());
        let after = |seconds| begin + Duration::from_secs(seconds);
        for second in [0, 20] {
            assert_eq!(last.check(after(second), 2), Ok(()));
            last.note(after(second));
        }
        assert_eq!(last.check(after(30), 2), Err(Duration::from_secs(30)));
        assert_eq!(last.check(after(60), 2), Ok(()));
        last.note(after(60));
        assert_eq!(last.check(after(61), 2), Err(Duration::from_secs(19)));
        last.forgive();
        assert_eq!(last.check(after(61), 2), Ok(()));
        assert_eq!(LastMinute::default().check(begin, 0), Err(MINUTE));
        assert!(!last.is_over(after(79)) && last.is_over(after(80)));
    }
}

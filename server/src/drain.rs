//! The end of a server, from its announcement on: until when, and what is said to those who come meanwhile.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tabagent_protocol::{Code, Fault};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Waits of less than this are not worth telling: a new process needs longer to be there.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// A limit of more means as good as no end, and must not overflow the clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Whether a server is ending. All its rooms share one; a cheap handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// When the server ends at the latest, once that is announced.
    deadline: OnceLock<Instant>,
    begun: CancellationToken,
    over: CancellationToken,
}

impl Drain {
    /// Nothing new is begun from now on; what is under way has this long. The first time counts.
    pub(crate) fn begin(&self, within: Duration) -> Instant {
        let deadline = *self.inner.deadline.get_or_init(|| Instant::now() + within.min(LONGEST));
        self.inner.begun.cancel();
        deadline
    }

    /// Whether it has.
    pub(crate) fn has_begun(&self) -> bool {
        self.inner.begun.is_cancelled()
    }

    /// Cancelled when it begins.
    pub(crate) fn begun(&self) -> &CancellationToken {
        &self.inner.begun
    }

    /// The time is over, or nothing is under way any more.
    pub(crate) fn end(&self) {
        self.inner.over.cancel();
    }

    /// Cancelled then: what has no end of its own ends.
    pub(crate) fn over(&self) -> &CancellationToken {
        &self.inner.over
    }

    /// How long what is under way still has.
    pub(crate) fn left(&self) -> Duration {
        self.inner.deadline.get().map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// What a newcomer is told; by the time named in it this process is gone, and perhaps its successor there.
    pub(crate) fn refusal(&self) -> Fault {
        let wait = self.left().max(LEAST_WAIT).as_millis();
        Fault::new(Code::DRAINING, "the server is shutting down; the request was not executed")
            .retry_after(u32::try_from(wait).unwrap_or(u32::MAX))
    }

    /// What is said to sessions, at the announcement and at the end.
    pub(crate) fn farewell() -> Fault {
        Fault::new(Code::DRAINING, "the server is shutting down")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_is_told_is_what_is_left() {
        let drain = Drain::default();
        assert!(!drain.has_begun());
        drain.begin(Duration::from_secs(3));
        tokio::time::advance(Duration::from_secs(1)).await;
        drain.begin(Duration::from_secs(60));
        assert!(drain.has_begun() && !drain.over().is_cancelled());
        assert_eq!(drain.refusal().retry_after_ms, Some(2_000), "the first time counts");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!((drain.left(), drain.refusal().retry_after_ms), (Duration::ZERO, Some(100)));
    }
}

//! What the server has done: counters that everybody adds to and `get_stats` reads.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tabagent_protocol::api::{LastGeneration, SessionCounts, StatsResponse};

/// A number that many tasks add to.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Replaces.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Reads.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

type Sessions = Box<dyn Fn() -> SessionCounts + Send + Sync>;

/// The counters of a service since its start.
pub struct Stats {
    started: Instant,
    /// Requests that arrived.
    pub requests: Count,
    /// Requests answered.
    pub succeeded: Count,
    /// Requests refused, failed or cancelled.
    pub failed: Count,
    /// Microseconds that handlers took, summed.
    busy_us: Count,
    /// Calls in that sum.
    timed: Count,
    /// Models ready to answer; the backend keeps it.
    pub models_loaded: Count,
    /// Tokens that models have produced; the backend adds each as it is made.
    pub tokens_generated: Count,
    /// Messages sent over data channels.
    pub messages_sent: Count,
    /// Messages received over data channels.
    pub messages_received: Count,
    /// Bytes sent over data channels.
    pub bytes_sent: Count,
    /// Bytes received over data channels.
    pub bytes_received: Count,
    last_generation: Mutex<Option<LastGeneration>>,
    /// Asked when somebody looks, so that no second bookkeeping can drift from the first.
    sessions: OnceLock<Sessions>,
}

impl Stats {
    /// Time since the service was made.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Says where the counts of connections come from; the first one given stays.
    pub fn count_sessions(&self, counts: impl Fn() -> SessionCounts + Send + Sync + 'static) {
        let _ = self.sessions.set(Box::new(counts));
    }

    /// Remembers how a generation went.
    pub fn generated(&self, generation: LastGeneration) {
        *self.last_generation.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
    }

    /// A message of this size went out over a data channel.
    pub fn sent(&self, bytes: usize) {
        self.messages_sent.add(1);
        self.bytes_sent.add(bytes as u64);
    }

    /// A message of this size came in over a data channel.
    pub fn received(&self, bytes: usize) {
        self.messages_received.add(1);
        self.bytes_received.add(bytes as u64);
    }

    /// Everything as `get_stats` says it, but for the memory of the process.
    #[must_use]
    pub fn snapshot(&self) -> StatsResponse {
        let mean = |sum: u64, count: u64| if count == 0 { 0.0 } else { sum as f64 / count as f64 };
        StatsResponse {
            uptime_seconds: self.uptime().as_secs(),
            total_requests: self.requests.value(),
            successful_requests: self.succeeded.value(),
            failed_requests: self.failed.value(),
            average_response_time_ms: mean(self.busy_us.value(), self.timed.value()) / 1000.0,
            models_loaded: self.models_loaded.value(),
            memory_used_mb: 0,
            sessions: self.sessions.get().map(|counts| counts()).unwrap_or_default(),
            messages_sent: self.messages_sent.value(),
            messages_received: self.messages_received.value(),
            bytes_sent: self.bytes_sent.value(),
            bytes_received: self.bytes_received.value(),
            tokens_generated: self.tokens_generated.value(),
            last_generation: *self.last_generation.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub(super) fn arrived(&self) {
        self.requests.add(1);
    }

    pub(super) fn settled(&self, succeeded: bool, took: Option<Duration>) {
        if succeeded {
            self.succeeded.add(1)
        } else {
            self.failed.add(1)
        }
        if let Some(took) = took {
            self.busy_us.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            self.timed.add(1);
        }
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            requests: Count::default(),
            succeeded: Count::default(),
            failed: Count::default(),
            busy_us: Count::default(),
            timed: Count::default(),
            models_loaded: Count::default(),
            tokens_generated: Count::default(),
            messages_sent: Count::default(),
            messages_received: Count::default(),
            bytes_sent: Count::default(),
            bytes_received: Count::default(),
            last_generation: Mutex::default(),
            sessions: OnceLock::new(),
        }
    }
}

impl std::fmt::Debug for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stats").field(&self.snapshot()).finish()
    }
}

/// One call's entry in the counters; dropped unsettled (a cancelled call), it counts as failed.
pub(super) struct Timing {
    stats: Arc<Stats>,
    started: Instant,
    settled: bool,
}

impl Timing {
    pub(super) fn start(stats: &Arc<Stats>, started: Instant) -> Self {
        Self { stats: Arc::clone(stats), started, settled: false }
    }

    pub(super) fn settle(mut self, succeeded: bool) {
        self.settled = true;
        self.stats.settled(succeeded, Some(self.started.elapsed()));
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        if !self.settled {
            self.stats.settled(false, Some(self.started.elapsed()));
        }
    }
}

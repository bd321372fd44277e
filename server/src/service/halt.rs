//! Whether generation was stopped, for whoever asks afterwards.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tabagent_protocol::api::HaltStatusResponse;

/// The last time that `stop_generation` ended a call, and whether generation has begun since.
#[derive(Debug, Default)]
pub(super) struct Halt(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    halted: bool,
    at: Option<Timestamp>,
}

impl Halt {
    /// Calls were told to stop.
    pub(super) fn stopped(&self) {
        *self.lock() = Last { halted: true, at: Some(Timestamp::now()) };
    }

    /// A call that generates begins.
    pub(super) fn began(&self) {
        self.lock().halted = false;
    }

    /// As `get_halt_status` says it.
    pub(super) fn status(&self, active_requests: usize) -> HaltStatusResponse {
        let last = self.lock();
        HaltStatusResponse {
            is_halted: last.halted,
            active_requests: active_requests as u64,
            last_halt_time: last.at.map(|at| at.to_string()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! How far offer and answer are, and which candidates of the other side wait for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tabagent_protocol::{Code, Fault};

use super::{sdp, settings::PeerOptions};

/// The state of one negotiation.
pub(super) struct Negotiation {
    state: Mutex<State>,
    /// Candidates the other side may name.
    limit: usize,
}

struct State {
    phase: Phase,
    /// Candidates that came before the description they belong to.
    early: Vec<String>,
    /// All that the other side has named.
    candidates: usize,
}

/// Where the two descriptions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Our offer is out, no answer yet.
    Offered,
    /// The answer is being given to the stack.
    Applying,
    /// The stack has both.
    Complete,
}

impl Negotiation {
    /// Begins in a phase, with the candidates of the other side's description.
    pub(super) fn new(phase: Phase, candidates: usize, options: &PeerOptions) -> Self {
        Self { state: Mutex::new(State { phase, early: Vec::new(), candidates }), limit: options.remote_candidates }
    }

    /// Where it is.
    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Moves on from the offer with the candidates of an answer, unless the offer is answered already.
    pub(super) fn begin_answer(&self, candidates: usize) -> Result<(), Fault> {
        let mut state = self.lock();
        if state.phase != Phase::Offered {
            return Err(Fault::new(Code::INVALID_STATE, "There is no offer of this server that waits for an answer."));
        }
        state.count(candidates, self.limit)?;
        state.phase = Phase::Applying;
        Ok(())
    }

    /// Counts a candidate, also one that will be ignored.
    pub(super) fn count_candidate(&self) -> Result<(), Fault> {
        self.lock().count(1, self.limit)
    }

    /// Keeps a candidate that the stack would not take yet; gives back one that it would.
    pub(super) fn keep_early(&self, candidate: String) -> Option<String> {
        let mut state = self.lock();
        if state.phase == Phase::Complete {
            return Some(candidate);
        }
        state.early.push(candidate);
        None
    }

    /// Kept candidates, or `None` when there are no more: later ones go to the stack directly.
    pub(super) fn next_early(&self) -> Option<Vec<String>> {
        let mut state = self.lock();
        if state.early.is_empty() {
            state.phase = Phase::Complete;
            return None;
        }
        Some(std::mem::take(&mut state.early))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, more: usize, limit: usize) -> Result<(), Fault> {
        if self.candidates + more > limit {
            return Err(sdp::too_many(limit));
        }
        self.candidates += more;
        Ok(())
    }
}

//! Watches whether what carries the session is alive. The server speaks by itself every few seconds, so silence means something;
//! before it means the end, the server is asked.

use std::cell::Cell;

use tabagent_protocol::Millis;

use crate::options::Patience;

/// The number of our own pings; those of applications are smaller.
pub(crate) const TOKEN: u64 = u64::MAX;

/// When the server was last heard, and what it owes.
pub(crate) struct Vigil {
    patience: Patience,
    heard: Cell<Millis>,
    /// When it was asked for a sign of life that has not come.
    asked: Cell<Option<Millis>>,
}

/// What silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Nothing.
    Wait,
    /// A ping.
    Ask,
    /// Another transport.
    Doubt,
}

impl Vigil {
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, heard: Cell::default(), asked: Cell::default() }
    }

    /// Begins anew, with another transport.
    pub(crate) fn begin(&self, now: Millis) {
        self.heard.set(now);
        self.asked.set(None);
    }

    /// A packet came.
    pub(crate) fn heard(&self, now: Millis) {
        self.heard.set(now);
    }

    /// A ping of ours leaves now; the oldest unanswered one counts.
    pub(crate) fn asked(&self, now: Millis) {
        self.asked.set(self.asked.get().or(Some(now)));
    }

    /// It was answered.
    pub(crate) fn answered(&self) {
        self.asked.set(None);
    }

    /// When to look again.
    pub(crate) fn deadline(&self) -> Millis {
        match self.asked.get() {
            Some(asked) => asked + self.patience.answer,
            None => self.heard.get() + self.patience.silence,
        }
    }

    /// What to do now.
    pub(crate) fn watch(&self, now: Millis) -> Watch {
        match (now >= self.deadline(), self.asked.get()) {
            (false, _) => Watch::Wait,
            (true, None) => Watch::Ask,
            (true, Some(_)) => Watch::Doubt,
        }
    }
}

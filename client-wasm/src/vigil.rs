//! Watches whether what carries the session is alive. The server speaks by itself every few seconds, so silence means something;
//! before it means the end, the server is asked.

use std::cell::Cell;

use tabagent_protocol::Millis;

use crate::options::Patience;

/// The number of our own pings; those of applications are smaller.
pub(crate) const TOKEN: u64 = u64::MAX;

/// Times the patience for an answer after which a transport is given up that is doubted: it may come back, but nobody should be
/// told so long that all is well.
const GIVE_UP: Millis = 4;

/// Milliseconds after a question in which packets may still be from before a sleep: they wait in the browser's queues.
const STALE: Millis = 500;

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
    /// Another transport beside this one.
    Doubt,
    /// Another instead.
    GiveUp,
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

    /// A packet came. One that comes long enough after a question is an answer too: the question may wait behind an upload.
    pub(crate) fn heard(&self, now: Millis) {
        self.heard.set(now);
        self.asked.set(self.asked.get().filter(|asked| now < asked + STALE));
    }

    /// A ping of ours leaves now; the oldest unanswered one counts.
    pub(crate) fn asked(&self, now: Millis) {
        self.asked.set(self.asked.get().or(Some(now)));
    }

    /// It was answered.
    pub(crate) fn answered(&self) {
        self.asked.set(None);
    }

    /// When to look again, and what to do then, if nothing is heard meanwhile.
    fn next(&self, doubted: bool) -> (Millis, Watch) {
        let answer = self.patience.answer;
        match (self.asked.get(), doubted) {
            (None, _) => (self.heard.get() + self.patience.silence, Watch::Ask),
            (Some(asked), false) => (asked + answer, Watch::Doubt),
            (Some(asked), true) => (asked + answer * GIVE_UP, Watch::GiveUp),
        }
    }

    /// When to look again.
    pub(crate) fn deadline(&self, doubted: bool) -> Millis {
        self.next(doubted).0
    }

    /// What to do now.
    pub(crate) fn watch(&self, now: Millis, doubted: bool) -> Watch {
        let (due, watch) = self.next(doubted);
        if now >= due { watch } else { Watch::Wait }
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn vigil() -> Vigil {
        let vigil = Vigil::new(Patience { silence: 1_000, answer: 100, ..Patience::default() });
        vigil.begin(0);
        vigil
    }

    #[wasm_bindgen_test]
    fn silence_is_asked_about_doubted_and_given_up() {
        let vigil = vigil();
        vigil.heard(500);
        assert_eq!((vigil.deadline(false), vigil.watch(1_499, false)), (1_500, Watch::Wait));
        assert_eq!(vigil.watch(1_500, false), Watch::Ask);
        vigil.asked(1_500);
        assert_eq!(vigil.watch(1_599, false), Watch::Wait);
        assert_eq!(vigil.watch(1_600, false), Watch::Doubt);
        vigil.asked(1_600);
        assert_eq!((vigil.deadline(true), vigil.watch(1_899, true)), (1_900, Watch::Wait), "the oldest question counts");
        assert_eq!(vigil.watch(1_900, true), Watch::GiveUp);
    }

    #[wasm_bindgen_test]
    fn an_answer_settles_it_and_other_packets_do_not() {
        let vigil = vigil();
        vigil.asked(10);
        vigil.heard(50);
        assert_eq!(vigil.watch(110, false), Watch::Doubt, "packets of before the sleep arrive after it too");
        vigil.answered();
        assert_eq!((vigil.deadline(false), vigil.watch(110, false)), (1_050, Watch::Wait));
        vigil.asked(200);
        vigil.heard(700);
        assert_eq!(vigil.deadline(false), 1_700, "and those of long after it are no leftovers");
    }
}

//! The transport ladder: what to open and when. It thinks and never waits: time and chance come as arguments.
//!
//! While something carries the session, only what is better is tried, ever more rarely. While nothing does, or what does is
//! doubted, everything is tried at once and then ever more patiently.

use tabagent_protocol::{Fault, Millis};

use crate::{options::Patience, transport::Rung};

/// A time that does not come.
pub(crate) const NEVER: Millis = Millis::MAX;
/// Head starts, as long as the WebSocket's, that all others have on native messaging: what it takes to tell a slow network from none. It
/// starts a program and is slower than any of them.
const LAST: Millis = 10;
/// Doublings of a wait. No cap lies further away.
const DOUBLINGS: u32 = 20;

/// What may carry a session, the preferred first.
pub(crate) struct Ladder {
    pub(crate) places: Vec<Place>,
    patience: Patience,
    /// Which place carries the session.
    carrying: Option<usize>,
    /// Since when.
    since: Millis,
    /// Whether it may have died without saying so.
    doubted: bool,
    /// The server will close it: whatever it says, others are wanted.
    leaving: bool,
    /// A welcome has come, ever: before it nothing is tried twice.
    standing: bool,
    /// Nothing is tried before the next [`Ladder::wake`].
    asleep: bool,
}

/// One rung, and how it went with it.
pub(crate) struct Place {
    pub(crate) rung: Rung,
    /// Whether an attempt is under way.
    pub(crate) opening: bool,
    /// Attempts in a row that failed, or that led to nothing stable.
    pub(crate) failures: u32,
    /// When it may be tried; [`NEVER`] where that is no use.
    pub(crate) due: Millis,
}

impl Place {
    /// It need not wait any longer, where it waits.
    fn hurry(&mut self, now: Millis) {
        if self.due != NEVER {
            self.due = self.due.min(now);
        }
    }
}

impl Ladder {
    /// All rungs are to be tried, but the WebSocket first.
    pub(crate) fn new(rungs: &[Rung], patience: Patience, now: Millis) -> Self {
        let place = |rung: &Rung| Place { rung: *rung, opening: false, failures: 0, due: now };
        let places = rungs.iter().map(place).collect();
        let mut ladder =
            Self { places, patience, carrying: None, since: now, doubted: false, leaving: false, standing: false, asleep: false };
        ladder.race(now, 0.0);
        ladder
    }

    /// The next place to open a transport for, now; it counts as being opened from here on.
    pub(crate) fn next(&mut self, now: Millis) -> Option<(usize, Rung)> {
        let at = (0..self.places.len()).find(|at| self.due(*at) <= now)?;
        let place = &mut self.places[at];
        place.opening = true;
        Some((at, place.rung))
    }

    /// When to ask again; [`NEVER`] when that is no use.
    pub(crate) fn deadline(&self) -> Millis {
        (0..self.places.len()).fold(NEVER, |earliest, at| earliest.min(self.due(at)))
    }

    /// When a transport is to be opened for a place.
    fn due(&self, at: usize) -> Millis {
        let place = &self.places[at];
        let needed = match self.carrying {
            Some(carrying) if !self.doubted => at < carrying,
            _ => !self.asleep,
        };
        let ready = needed && !place.opening && (self.standing || place.failures == 0);
        if ready { place.due } else { NEVER }
    }

    /// Whether there is nothing left to try.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.carrying.is_none() && !self.asleep && self.deadline() == NEVER && !self.places.iter().any(|place| place.opening)
    }

    /// An attempt was called off, or with `carried` what it had led to: that says nothing about the rung.
    pub(crate) fn cancelled(&mut self, at: usize, carried: bool) {
        // Beside what carries another of the same kind may be under way.
        self.places[at].opening &= carried;
    }

    /// An attempt failed. `chance` is a random number below 1.
    pub(crate) fn failed(&mut self, at: usize, now: Millis, fault: &Fault, chance: f64) {
        let wait = self.wait(self.places[at].failures + 1, chance).max(fault.retry_after_ms.unwrap_or_default().into());
        let place = &mut self.places[at];
        place.opening = false;
        place.failures += 1;
        place.due = if is_hopeless(fault) { NEVER } else { now + wait };
        if self.carrying.is_none() {
            // Nobody needs a head start on those any more who have failed; on native messaging, when all have.
            let all = self.places.iter().all(|place| place.failures > 0 || place.rung == Rung::Native);
            for place in self.places.iter_mut().filter(|place| place.failures == 0 && (all || place.rung != Rung::Native)) {
                place.hurry(now);
            }
        }
    }

    /// A place carries the session from now on.
    pub(crate) fn carried(&mut self, at: usize, now: Millis) {
        self.places[at].opening = false;
        self.carrying = Some(at);
        self.since = now;
        self.doubted = false;
        self.leaving = false;
        self.standing = true;
    }

    /// What carried the session is gone.
    pub(crate) fn lost(&mut self, now: Millis, chance: f64) {
        self.doubt(now, chance);
        self.carrying = None;
        self.leaving = false;
    }

    /// The server will close what carries the session: others are raced beside it, until one of them does.
    pub(crate) fn leave(&mut self, now: Millis, chance: f64) {
        self.doubt(now, chance);
        self.leaving = self.carrying.is_some();
    }

    /// The session begins anew at a server that may be another one, perhaps with all others at once: each waits a random moment.
    pub(crate) fn renew(&mut self, now: Millis, chance: f64) {
        let wait = self.patience.retry as f64 * chance;
        for place in &mut self.places {
            place.failures = 0;
            if place.due != NEVER {
                place.due = now + wait as Millis;
            }
        }
    }

    /// What carries the session may be dead: everything is raced beside it.
    pub(crate) fn doubt(&mut self, now: Millis, chance: f64) {
        let Some(at) = self.carrying.filter(|_| !self.doubted) else { return };
        self.doubted = true;
        let stood = now.saturating_sub(self.since) >= self.patience.stable;
        let place = &mut self.places[at];
        place.failures = if stood { 0 } else { place.failures + 1 };
        self.race(now, chance);
    }

    /// It has shown that it is alive. Answers whether that was in doubt, and all there was against it.
    pub(crate) fn trust(&mut self) -> bool {
        !self.leaving && core::mem::replace(&mut self.doubted, false)
    }

    /// Whether a sign of life would end the doubt.
    pub(crate) fn wants_proof(&self) -> bool {
        self.doubted && !self.leaving
    }

    /// Whether what carries the session may be dead.
    pub(crate) fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// The page goes to sleep, and all its transports with it. That is no failure of theirs.
    pub(crate) fn sleep(&mut self) {
        self.asleep = true;
        self.carrying = None;
        self.doubted = false;
        self.leaving = false;
    }

    /// Somebody looks again, or, with `network`, the way to the server is another one: no wait is worth keeping.
    pub(crate) fn wake(&mut self, now: Millis, network: bool) {
        self.asleep = false;
        for place in &mut self.places {
            if network {
                place.failures = 0;
            }
            place.hurry(now);
        }
    }

    /// Every place may be tried: what has not failed, at once.
    fn race(&mut self, now: Millis, chance: f64) {
        let quick = self.places.iter().any(|place| place.rung == Rung::WebSocket);
        let several = self.places.len() > 1;
        let longest = self.patience.retry_cap;
        for place in &mut self.places {
            let wait = grown(self.patience.retry, longest, place.failures) as f64 * chance;
            let head_start = match place.rung {
                Rung::WebRtc if quick => self.patience.head_start,
                Rung::Native if several => self.patience.head_start * LAST,
                _ => 0,
            };
            if place.due != NEVER {
                place.due = now + wait as Millis + head_start;
            }
        }
    }

    /// A random part of a wait; at least half of it where nobody waits.
    fn wait(&self, failures: u32, chance: f64) -> Millis {
        let Patience { retry, retry_cap, upgrade, upgrade_cap, .. } = self.patience;
        let (whole, least) = match self.carrying {
            Some(_) if !self.doubted => (grown(upgrade, upgrade_cap, failures) as f64, 0.5),
            _ => (grown(retry, retry_cap, failures) as f64, 0.0),
        };
        (whole * (least + (1.0 - least) * chance)) as Millis
    }
}

/// Doubled by each failure after the first, up to a cap; nothing without failures.
fn grown(first: Millis, cap: Millis, failures: u32) -> Millis {
    let Some(doublings) = failures.checked_sub(1) else { return 0 };
    first.saturating_mul(1 << doublings.min(DOUBLINGS)).min(cap)
}

/// Whether the same would happen again: the server understands us and says no (or cannot understand us), or the browser cannot
/// do it.
fn is_hopeless(fault: &Fault) -> bool {
    matches!(fault.code.status(), 400 | 401 | 403 | 426 | 501)
}

#[cfg(test)]
mod tests {
    use tabagent_protocol::Code;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    const RUNGS: [Rung; 2] = Rung::USUAL;
    const PATIENCE: Patience = Patience {
        window: 60_000,
        retry: 200,
        retry_cap: 1_000,
        upgrade: 5_000,
        upgrade_cap: 30_000,
        stable: 10_000,
        head_start: 100,
        silence: 12_000,
        answer: 2_000,
    };
    const WEBRTC: usize = 0;
    const WEBSOCKET: usize = 1;
    const NATIVE: usize = 2;

    fn ladder() -> Ladder {
        Ladder::new(&RUNGS, PATIENCE, 0)
    }

    fn fault(code: Code) -> Fault {
        Fault::new(code, "as the test wants it")
    }

    /// What is opened at a time, by name.
    fn opened(ladder: &mut Ladder, now: Millis) -> Vec<&'static str> {
        core::iter::from_fn(|| ladder.next(now)).map(|(_, rung)| rung.name()).collect()
    }

    /// A ladder whose WebSocket carries the session since 10, and whose WebRTC is being opened.
    fn carried() -> Ladder {
        let mut ladder = ladder();
        opened(&mut ladder, 0);
        ladder.carried(WEBSOCKET, 10);
        opened(&mut ladder, 100);
        ladder
    }

    #[wasm_bindgen_test]
    fn the_websocket_has_a_head_start_and_the_better_one_follows() {
        let mut ladder = ladder();
        assert_eq!(opened(&mut ladder, 0), ["websocket"]);
        assert_eq!(ladder.deadline(), 100);
        ladder.carried(WEBSOCKET, 10);
        assert_eq!(opened(&mut ladder, 99), [""; 0]);
        assert_eq!(opened(&mut ladder, 100), ["webrtc"]);
        ladder.carried(WEBRTC, 200);
        assert_eq!(ladder.deadline(), NEVER, "nothing is better");
    }

    #[wasm_bindgen_test]
    fn the_head_start_ends_with_the_websocket() {
        let mut ladder = ladder();
        opened(&mut ladder, 0);
        ladder.failed(WEBSOCKET, 3, &fault(Code::TRANSPORT_FAILED), 0.5);
        assert_eq!(opened(&mut ladder, 3), ["webrtc"]);
        assert!(!ladder.is_exhausted());
        ladder.failed(WEBRTC, 50, &fault(Code::NO_CANDIDATES), 0.5);
        assert!(ladder.is_exhausted(), "before the first welcome nothing is tried twice");
    }

    #[wasm_bindgen_test]
    fn native_messaging_waits_until_all_others_have_failed_or_are_slow() {
        let mut ladder = Ladder::new(&Rung::ALL, PATIENCE, 0);
        assert_eq!(opened(&mut ladder, 0), ["websocket"]);
        ladder.failed(WEBSOCKET, 3, &fault(Code::TRANSPORT_FAILED), 0.5);
        assert_eq!(opened(&mut ladder, 3), ["webrtc"]);
        assert_eq!(ladder.deadline(), 1_000, "slow");
        ladder.failed(WEBRTC, 50, &fault(Code::NO_CANDIDATES), 0.5);
        assert_eq!(opened(&mut ladder, 50), ["native"]);
        ladder.carried(NATIVE, 70);
        assert_eq!(opened(&mut ladder, 300), ["webrtc", "websocket"], "what is better is tried again");
        ladder.failed(WEBSOCKET, 310, &fault(Code::TRANSPORT_FAILED), 0.0);
        ladder.carried(WEBRTC, 320);
        assert_eq!(ladder.deadline(), NEVER);
        assert_eq!(opened(&mut Ladder::new(&[Rung::Native], PATIENCE, 0), 0), ["native"]);
    }

    #[wasm_bindgen_test]
    fn after_a_loss_native_messaging_waits_as_well() {
        let mut ladder = Ladder::new(&Rung::ALL, PATIENCE, 0);
        opened(&mut ladder, 0);
        ladder.carried(WEBSOCKET, 10);
        opened(&mut ladder, 100);
        ladder.carried(WEBRTC, 200);
        ladder.lost(20_000, 0.0);
        assert_eq!(opened(&mut ladder, 20_100), ["webrtc", "websocket"]);
        assert_eq!(opened(&mut ladder, 20_999), [""; 0]);
        assert_eq!(opened(&mut ladder, 21_000), ["native"]);
        ladder.carried(NATIVE, 21_010);
        ladder.cancelled(NATIVE, true);
        assert_eq!(ladder.deadline(), NEVER, "the others are under way");
        ladder.carried(WEBSOCKET, 21_020);
        assert_eq!(ladder.deadline(), NEVER);
    }

    #[wasm_bindgen_test]
    fn what_is_better_is_tried_ever_more_rarely() {
        let mut ladder = carried();
        let mut now = 200;
        let mut waits = Vec::new();
        for _ in 0..5 {
            ladder.failed(WEBRTC, now, &fault(Code::TRANSPORT_FAILED), 0.0);
            let due = ladder.deadline();
            waits.push(due - now);
            now = due;
            assert_eq!(opened(&mut ladder, now), ["webrtc"]);
        }
        assert_eq!(waits, [2_500, 5_000, 10_000, 15_000, 15_000], "at least half of each, up to the cap");
    }

    #[wasm_bindgen_test]
    fn what_can_never_work_is_not_tried_again() {
        let mut ladder = carried();
        ladder.failed(WEBRTC, 200, &fault(Code::NOT_SUPPORTED), 0.0);
        assert_eq!(ladder.deadline(), NEVER);
        ladder.wake(300, true);
        assert_eq!(ladder.deadline(), NEVER);
        ladder.lost(20_000, 0.0);
        assert_eq!(opened(&mut ladder, 20_100), ["websocket"]);
        ladder.failed(WEBSOCKET, 20_200, &fault(Code::UNAUTHORIZED), 0.0);
        assert!(ladder.is_exhausted());
    }

    #[wasm_bindgen_test]
    fn a_server_says_how_long_to_wait() {
        let mut ladder = carried();
        ladder.failed(WEBRTC, 200, &Fault { retry_after_ms: Some(9_000), ..fault(Code::LIMIT_REACHED) }, 0.0);
        assert_eq!(ladder.deadline(), 9_200);
    }

    #[wasm_bindgen_test]
    fn after_a_loss_everything_is_tried_at_once_and_then_patiently() {
        let mut ladder = carried();
        ladder.carried(WEBRTC, 300);
        ladder.lost(20_000, 1.0);
        assert_eq!(opened(&mut ladder, 20_000), ["websocket"]);
        assert_eq!(opened(&mut ladder, 20_100), ["webrtc"]);
        for wait in [200, 400, 800, 1_000, 1_000] {
            ladder.failed(WEBSOCKET, 30_000, &fault(Code::TRANSPORT_FAILED), 1.0);
            assert_eq!(ladder.deadline(), 30_000 + wait);
            assert_eq!(opened(&mut ladder, 30_000 + wait), ["websocket"]);
        }
    }

    #[wasm_bindgen_test]
    fn what_is_lost_soon_is_not_trusted_at_once() {
        let mut ladder = carried();
        ladder.carried(WEBRTC, 300);
        ladder.lost(9_000, 1.0);
        assert_eq!(opened(&mut ladder, 9_100), ["websocket"]);
        assert_eq!(ladder.deadline(), 9_000 + 200 + 100, "it had failed after 8.7 s: not stable");
    }

    #[wasm_bindgen_test]
    fn what_is_doubted_is_raced_and_goes_on_when_it_answers() {
        let mut ladder = carried();
        ladder.carried(WEBRTC, 300);
        ladder.doubt(20_000, 0.0);
        ladder.doubt(20_001, 0.0);
        assert_eq!(opened(&mut ladder, 20_100), ["webrtc", "websocket"]);
        ladder.failed(WEBSOCKET, 20_200, &fault(Code::TRANSPORT_FAILED), 1.0);
        assert_eq!(ladder.deadline(), 20_400, "patience as without any transport");
        assert!(ladder.trust());
        assert!(!ladder.trust());
        ladder.cancelled(WEBRTC, false);
        assert_eq!(ladder.deadline(), NEVER);
    }

    #[wasm_bindgen_test]
    fn what_the_server_will_close_is_replaced_though_it_answers() {
        let mut ladder = carried();
        ladder.carried(WEBRTC, 300);
        ladder.leave(20_000, 0.0);
        assert!(ladder.is_doubted() && !ladder.wants_proof() && !ladder.trust());
        assert_eq!(opened(&mut ladder, 20_100), ["webrtc", "websocket"]);
        ladder.carried(WEBRTC, 20_200);
        assert!(!ladder.is_doubted());
        ladder.leave(40_000, 0.0);
        ladder.lost(40_010, 0.0);
        ladder.carried(WEBSOCKET, 40_100);
        ladder.doubt(60_000, 0.0);
        assert!(ladder.wants_proof() && ladder.trust(), "that was another transport");
    }

    #[wasm_bindgen_test]
    fn who_begins_anew_at_the_next_server_comes_at_a_moment_of_its_own() {
        let mut ladder = carried();
        ladder.lost(20_000, 0.5);
        ladder.renew(20_000, 0.5);
        assert_eq!(ladder.deadline(), 20_100);
        ladder.failed(WEBSOCKET, 20_110, &fault(Code::TRANSPORT_FAILED), 1.0);
        assert_eq!(ladder.places[WEBSOCKET].due, 20_310, "the failures of before are forgotten");
    }

    #[wasm_bindgen_test]
    fn who_sleeps_tries_nothing_and_wakes_at_once() {
        let mut ladder = carried();
        ladder.sleep();
        ladder.cancelled(WEBRTC, false);
        assert_eq!(ladder.deadline(), NEVER);
        assert!(!ladder.is_exhausted());
        ladder.wake(90_000, false);
        assert_eq!(opened(&mut ladder, 90_000), ["webrtc", "websocket"]);
    }
}

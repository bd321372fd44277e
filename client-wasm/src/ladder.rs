//! The transport ladder: what to open and when. It thinks and never waits: time and chance come as arguments.
//!
//! While something carries the session, only what is better is tried, ever more rarely. While nothing does, or what does is
//! doubted, everything is tried at once and then ever more patiently.

use tabagent_protocol::{Code, Fault, Millis};

use crate::{options::Patience, transport::Rung};

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
    /// When it may be tried; none where that is no use.
    pub(crate) due: Option<Millis>,
}

impl Ladder {
    /// All rungs are to be tried, but the WebSocket first.
    pub(crate) fn new(rungs: &[Rung], patience: Patience, now: Millis) -> Self {
        let place = |rung: &Rung| Place { rung: *rung, opening: false, failures: 0, due: Some(now) };
        let places = rungs.iter().map(place).collect();
        let mut ladder = Self { places, patience, carrying: None, since: now, doubted: false, standing: false, asleep: false };
        ladder.race(now, 0.0);
        ladder
    }

    /// The next place to open a transport for, now; it counts as being opened from here on.
    pub(crate) fn next(&mut self, now: Millis) -> Option<(usize, Rung)> {
        let at = self.wanted().position(|due| due.is_some_and(|due| due <= now))?;
        let place = &mut self.places[at];
        place.opening = true;
        Some((at, place.rung))
    }

    /// When to ask again.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.wanted().flatten().min()
    }

    /// When each place that is worth trying may be tried.
    fn wanted(&self) -> impl Iterator<Item = Option<Millis>> {
        let all = if self.asleep { 0 } else { self.places.len() };
        let count = self.carrying.filter(|_| !self.doubted).unwrap_or(all);
        let ready = |place: &Place| place.due.filter(|_| !place.opening && (self.standing || place.failures == 0));
        self.places.iter().take(count).map(ready)
    }

    /// Whether there is nothing left to try.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.carrying.is_none() && !self.asleep && self.deadline().is_none() && !self.places.iter().any(|place| place.opening)
    }

    /// An attempt was called off: it says nothing about the rung.
    pub(crate) fn cancelled(&mut self, at: usize) {
        self.places[at].opening = false;
    }

    /// An attempt failed. `chance` is a random number below 1.
    pub(crate) fn failed(&mut self, at: usize, now: Millis, fault: &Fault, chance: f64) {
        let wait = self.wait(self.places[at].failures + 1, chance).max(fault.retry_after_ms.unwrap_or_default().into());
        let place = &mut self.places[at];
        place.opening = false;
        place.failures += 1;
        place.due = (!is_hopeless(fault)).then_some(now + wait);
        if self.carrying.is_none() {
            // Nobody needs a head start any more.
            for place in self.places.iter_mut().filter(|place| place.failures == 0) {
                place.due = place.due.map(|due| due.min(now));
            }
        }
    }

    /// A place carries the session from now on.
    pub(crate) fn carried(&mut self, at: usize, now: Millis) {
        self.places[at].opening = false;
        self.carrying = Some(at);
        self.since = now;
        self.doubted = false;
        self.standing = true;
    }

    /// What carried the session is gone.
    pub(crate) fn lost(&mut self, now: Millis, chance: f64) {
        self.doubt(now, chance);
        self.carrying = None;
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

    /// It has shown that it is alive. Answers whether that was in doubt.
    pub(crate) fn trust(&mut self) -> bool {
        core::mem::replace(&mut self.doubted, false)
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
    }

    /// Somebody looks again, or, with `network`, the way to the server is another one: no wait is worth keeping.
    pub(crate) fn wake(&mut self, now: Millis, network: bool) {
        self.asleep = false;
        for place in &mut self.places {
            if network {
                place.failures = 0;
            }
            place.due = place.due.map(|due| due.min(now));
        }
    }

    /// Every place may be tried: what has not failed, at once.
    fn race(&mut self, now: Millis, chance: f64) {
        let quick = self.places.iter().any(|place| place.rung == Rung::WebSocket);
        let longest = self.patience.retry_cap;
        for place in &mut self.places {
            let wait = grown(self.patience.retry, longest, place.failures) as f64 * chance;
            let head_start = if quick && place.rung != Rung::WebSocket { self.patience.head_start } else { 0 };
            place.due = place.due.map(|_| now + wait as Millis + head_start);
        }
    }

    /// A random part of a wait; at least half of it where nobody waits.
    fn wait(&self, failures: u32, chance: f64) -> Millis {
        let Patience { retry, retry_cap, upgrade, upgrade_cap, .. } = self.patience;
        let (whole, least) = match self.carrying {
            Some(_) => (grown(upgrade, upgrade_cap, failures) as f64, 0.5),
            None => (grown(retry, retry_cap, failures) as f64, 0.0),
        };
        (whole * (least + (1.0 - least) * chance)) as Millis
    }
}

/// Doubled by each failure after the first, up to a cap; nothing without failures.
fn grown(first: Millis, cap: Millis, failures: u32) -> Millis {
    let Some(doublings) = failures.checked_sub(1) else { return 0 };
    first.saturating_mul(1 << doublings.min(DOUBLINGS)).min(cap)
}

/// Whether the same would happen again: the server knows us and says no, or the browser cannot do it.
fn is_hopeless(fault: &Fault) -> bool {
    (400..429).contains(&fault.code.status()) || fault.code == Code::NOT_SUPPORTED
}

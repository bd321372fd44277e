//! Where codes are shown: the one code there is, how long it lives, and how often somebody was wrong.

use std::time::Duration;

use tokio::time::Instant;

use super::{PairingLimits, code::PairingCode};
use crate::minute::LastMinute;

/// The one code that may be typed in, if there is one.
#[derive(Debug, Default)]
pub(super) struct Desk {
    shown: Option<Shown>,
    attempts: LastMinute,
}

#[derive(Debug)]
struct Shown {
    code: PairingCode,
    until: Instant,
    /// Wrong attempts that it survives.
    chances: usize,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The code is used up by it.
    Right,
    /// Wrong, too late, used, or there was none: nobody is told which.
    Wrong,
    /// Not looked at: too many in a minute. After this time the next one is.
    TooOften(Duration),
}

impl Desk {
    /// Shows a code; one that was shown before is worth nothing from now on.
    pub(super) fn show(&mut self, now: Instant, code: PairingCode, limits: &PairingLimits) {
        self.shown = Some(Shown { code, until: now + limits.code_life, chances: limits.attempts });
    }

    /// Somebody has typed this.
    pub(super) fn attempt(&mut self, now: Instant, typed: &PairingCode, limits: &PairingLimits) -> Attempt {
        let std_now = now.into_std();
        if let Err(wait) = self.attempts.check(std_now, limits.attempts_per_minute) {
            return Attempt::TooOften(wait);
        }
        self.attempts.note(std_now);
        let Some(shown) = self.shown.as_mut().filter(|shown| now < shown.until && shown.chances > 0) else {
            self.shown = None;
            return Attempt::Wrong;
        };
        if bool::from(shown.code.is(typed)) {
            self.shown = None;
            return Attempt::Right;
        }
        shown.chances -= 1;
        if shown.chances == 0 {
            self.shown = None;
            tracing::warn!(
                attempts = limits.attempts,
                "too many wrong pairing codes: the code is dead, `tabagent-server pair` prints another"
            );
        }
        Attempt::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PairingLimits =
        PairingLimits { code_life: Duration::from_secs(600), attempts: 5, attempts_per_minute: 1_000, paired: 1 };

    fn code(text: &str) -> PairingCode {
        PairingCode::typed(text).expect("as written")
    }

    fn desk(now: Instant) -> Desk {
        let mut desk = Desk::default();
        desk.show(now, code("AAAA-AAAA"), &LIMITS);
        desk
    }

    #[test]
    fn a_code_survives_one_wrong_attempt_less_than_the_limit() {
        let now = Instant::now();
        for (wrong, last) in [(0, Attempt::Right), (4, Attempt::Right), (5, Attempt::Wrong), (6, Attempt::Wrong)] {
            let mut desk = desk(now);
            for _ in 0..wrong {
                assert_eq!(desk.attempt(now, &code("BBBB-BBBB"), &LIMITS), Attempt::Wrong);
            }
            assert_eq!(desk.attempt(now, &code("AAAA-AAAA"), &LIMITS), last, "after {wrong}");
            assert_eq!(desk.attempt(now, &code("AAAA-AAAA"), &LIMITS), Attempt::Wrong, "it was used, or is dead");
        }
    }

    #[test]
    fn a_code_lives_until_its_time_and_not_at_it() {
        let begin = Instant::now();
        let life = LIMITS.code_life;
        for (age, expected) in [(life - Duration::from_millis(1), Attempt::Right), (life, Attempt::Wrong)] {
            assert_eq!(desk(begin).attempt(begin + age, &code("AAAA-AAAA"), &LIMITS), expected, "{age:?}");
        }
    }

    #[test]
    fn another_code_is_the_end_of_the_one_before_and_has_all_its_chances() {
        let now = Instant::now();
        let mut desk = desk(now);
        for _ in 0..4 {
            desk.attempt(now, &code("BBBB-BBBB"), &LIMITS);
        }
        desk.show(now, code("CCCC-CCCC"), &LIMITS);
        for _ in 0..4 {
            assert_eq!(desk.attempt(now, &code("AAAA-AAAA"), &LIMITS), Attempt::Wrong);
        }
        assert_eq!(desk.attempt(now, &code("CCCC-CCCC"), &LIMITS), Attempt::Right);
    }

    #[test]
    fn attempts_beyond_the_limit_are_not_looked_at_until_a_minute_is_over() {
        let (now, limits) = (Instant::now(), PairingLimits { attempts_per_minute: 2, ..LIMITS });
        let mut desk = desk(now);
        for _ in 0..2 {
            assert_eq!(desk.attempt(now, &code("BBBB-BBBB"), &limits), Attempt::Wrong);
        }
        let late = now + Duration::from_secs(20);
        assert_eq!(desk.attempt(late, &code("AAAA-AAAA"), &limits), Attempt::TooOften(Duration::from_secs(40)));
        assert_eq!(desk.attempt(now + Duration::from_secs(60), &code("AAAA-AAAA"), &limits), Attempt::Right);
    }

    #[test]
    fn without_a_code_nothing_is_right() {
        assert_eq!(Desk::default().attempt(Instant::now(), &code("0000-0000"), &LIMITS), Attempt::Wrong);
    }
}

//! Every number of pairing with its unit, its reason and what happens at it.

use std::time::Duration;

/// How long a code can be guessed at, how often, and how many callers may be paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingLimits {
    /// How long a code may be typed in. Long enough to find the right page of an extension, short enough that a code on a screen is
    /// worth nothing soon.
    pub code_life: Duration,
    /// Wrong attempts, of all callers together, after which a code is dead. A code has 40 bits: five guesses find one in 200 thousand
    /// million.
    pub attempts: usize,
    /// Attempts within a minute, right or wrong, of all callers together; one more is told when to come again. Stops a caller that
    /// guesses from keeping the server busy.
    pub attempts_per_minute: usize,
    /// Callers that are paired; one more is refused until one is revoked.
    pub paired: usize,
}

impl Default for PairingLimits {
    fn default() -> Self {
        Self { code_life: Duration::from_secs(10 * 60), attempts: 5, attempts_per_minute: 10, paired: 64 }
    }
}

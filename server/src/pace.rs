//! How fast one session may ask: at first as it likes, then slowed down, then refused.

use std::time::{Duration, Instant};

use tabagent_protocol::{Code, Fault};

use crate::limits::ServerLimits;

/// Requests of one session against a rate. A bucket that fills by one a request and drains at the rate.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Requests per second that it drains by.
    rate: f64,
    /// Level up to which requests are not slowed down; at twice that they are refused.
    burst: f64,
    level: f64,
    at: Option<Instant>,
}

impl Pace {
    /// The pace of a client on this machine, or of any other.
    #[must_use]
    pub fn new(limits: &ServerLimits, loopback: bool) -> Self {
        let (rate, burst) = if loopback {
            let rate = limits.requests_per_second_loopback;
            (rate, rate.saturating_mul(2))
        } else {
            (limits.requests_per_second, limits.requests_burst)
        };
        Self { rate: rate.max(1).into(), burst: burst.max(1).into(), level: 0.0, at: None }
    }

    /// A request came: how long it should wait before it is begun.
    ///
    /// # Errors
    /// `rate_limited`, with the time after which it would be taken.
    pub fn take(&mut self, now: Instant) -> Result<Duration, Fault> {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(now);
        self.level = (self.level - passed.as_secs_f64() * self.rate).max(0.0);
        if self.level + 1.0 > self.burst * 2.0 {
            let wait = (self.level + 1.0 - self.burst * 2.0) / self.rate;
            let message = format!("more than {} requests a second for too long (limit requests_per_second)", self.rate);
            let details = r#"{"limit":"requests_per_second"}"#;
            return Err(Fault::new(Code::RATE_LIMITED, message).with_details(details).retry_after((wait * 1000.0).ceil() as u32));
        }
        self.level += 1.0;
        Ok(Duration::from_secs_f64((self.level - self.burst).max(0.0) / self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        let limits = ServerLimits { requests_per_second: 10, requests_burst: 20, ..ServerLimits::default() };
        Pace::new(&limits, false)
    }

    #[test]
    fn a_burst_is_free_then_slow_then_refused() {
        let (now, mut pace) = (Instant::now(), pace());
        let waits: Vec<_> = (0..40).map(|_| pace.take(now).expect("within twice the burst")).collect();
        assert!(waits[..20].iter().all(Duration::is_zero));
        assert_eq!(waits[20], Duration::from_millis(100));
        assert_eq!(waits[39], Duration::from_secs(2));
        let refused = pace.take(now).expect_err("more than twice the burst");
        assert_eq!((refused.code, refused.retry_after_ms), (Code::RATE_LIMITED, Some(100)));
        assert!(pace.take(now + Duration::from_millis(100)).is_ok());
    }

    #[test]
    fn who_keeps_the_pace_never_waits() {
        let (now, mut pace) = (Instant::now(), pace());
        for n in 0..1000 {
            assert_eq!(pace.take(now + Duration::from_millis(100 * n)), Ok(Duration::ZERO));
        }
    }
}

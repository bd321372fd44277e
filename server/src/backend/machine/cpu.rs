//! How busy the processors are: a share of time, so it takes two looks with some time between them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};

/// How old a look may be for the time since then to count as now.
const FRESH: Duration = Duration::from_secs(5);

/// Looks at the processors when asked to, and keeps the last look. Nothing runs while nobody asks.
pub(in crate::backend) struct CpuMeter {
    last: Mutex<Look>,
}

struct Look {
    system: Option<System>,
    /// When the processors were last looked at.
    at: Option<Instant>,
    /// What that look and the one before it say; None after a look that had none before it.
    percent: Option<f32>,
}

impl CpuMeter {
    pub(in crate::backend) fn new() -> Self {
        Self { last: Mutex::new(Look { system: None, at: None, percent: None }) }
    }

    /// Takes the first look, if there is no fresh one; says how long to wait before [`read`](Self::read).
    pub(in crate::backend) fn begin(&self) -> Duration {
        let mut look = self.lock();
        if look.age().is_none_or(|age| age > FRESH) {
            look.take();
            look.percent = None;
        }
        match (look.percent, look.age()) {
            (None, Some(age)) => MINIMUM_CPU_UPDATE_INTERVAL.saturating_sub(age),
            _ => Duration::ZERO,
        }
    }

    /// Percent of all processors together, between the last two looks.
    pub(in crate::backend) fn read(&self) -> f32 {
        let mut look = self.lock();
        if look.age().is_none_or(|age| age >= MINIMUM_CPU_UPDATE_INTERVAL) {
            look.percent = look.take();
        }
        look.percent.unwrap_or(0.0)
    }

    fn lock(&self) -> MutexGuard<'_, Look> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    fn age(&self) -> Option<Duration> {
        self.at.map(|at| at.elapsed())
    }

    fn take(&mut self) -> Option<f32> {
        if self.system.is_none() {
            self.system = System::new().ok();
        }
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        self.at = Some(Instant::now());
        Some(system.global_cpu_usage().clamp(0.0, 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_waits_for_a_second_look_and_the_next_one_does_not() {
        let meter = CpuMeter::new();
        let wait = meter.begin();
        assert!(wait > Duration::ZERO && wait <= MINIMUM_CPU_UPDATE_INTERVAL, "{wait:?}");
        // As long as is asked for: there is nothing else to wait for.
        std::thread::sleep(wait);
        assert!((0.0..=100.0).contains(&meter.read()));
        assert_eq!(meter.begin(), Duration::ZERO);
        assert!((0.0..=100.0).contains(&meter.read()));
    }
}

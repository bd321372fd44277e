//! health, system_info, get_stats: the same whatever models are behind.

use tabagent_protocol::api::{GetStats, Health, HealthResponse, HealthStatus, StatsResponse, SystemInfo, SystemInfoResponse};

use super::machine;
use crate::service::{Call, Service};

impl Service {
    /// Adds `health`, `system_info` and `get_stats`.
    #[must_use]
    pub fn with_system(self) -> Self {
        self.on(|call, _: Health| async move { Ok(health(&call)) })
            .on(|_, _: SystemInfo| async { Ok(SystemInfoResponse { system: machine::ask(machine::look).await? }) })
            .on(|call, _: GetStats| async move {
                let memory_used_mb = machine::ask(machine::process_memory_mb).await?;
                Ok(StatsResponse { memory_used_mb, ..call.stats().snapshot() })
            })
    }
}

fn health(call: &Call) -> HealthResponse {
    let shared = call.shared();
    let draining = shared.drain.has_begun();
    HealthResponse {
        status: if draining { HealthStatus::Degraded } else { HealthStatus::Healthy },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        timestamp: jiff::Timestamp::now().to_string(),
        uptime_seconds: call.stats().uptime().as_secs(),
    }
}

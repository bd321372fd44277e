//! Every number of a service with its unit, its reason and the attack it stops.

use std::time::Duration;

/// What callers of a service may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Calls in flight of one principal, over all its sessions. Stops one caller from holding every task of the server.
    /// Generous: a session alone may have 256, and everything on this machine shares the principal `local`.
    pub calls_per_principal: usize,
    /// Bytes of a call's name. Names are kept and compared; UUIDs take 36.
    pub request_id_bytes: usize,
    /// How long a call that was told to stop may take to finish by itself; after that it is dropped and answers `cancelled`.
    pub stop_grace: Duration,
    /// Event names one session may be subscribed to. Stops a session from parking memory in its subscription.
    pub subscribed_events: usize,
    /// Bytes of one event name.
    pub event_name_bytes: usize,
    /// Events waiting for a slow reader, per session; the oldest are dropped beyond it and counted in `events_lost`.
    pub waiting_events: usize,
    /// Bytes of one keyed call's answer that are kept for a repeat. Beyond it the call goes on, but a repeat is `outcome_unknown`.
    pub journal_call_bytes: usize,
    /// Bytes of all keyed calls of one principal; the oldest results go first.
    pub journal_principal_bytes: usize,
    /// Keyed calls of one principal that are remembered; one more is refused with `limit_reached`.
    pub journal_keys: usize,
    /// How long a keyed call is remembered after its end.
    pub journal_ttl: Duration,
    /// Bytes of an idempotency key. UUIDs take 36.
    pub idempotency_key_bytes: usize,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            calls_per_principal: 1024,
            request_id_bytes: 256,
            stop_grace: Duration::from_secs(2),
            subscribed_events: 64,
            event_name_bytes: 64,
            waiting_events: 256,
            journal_call_bytes: 4 * 1024 * 1024,
            journal_principal_bytes: 32 * 1024 * 1024,
            journal_keys: 4096,
            journal_ttl: Duration::from_secs(600),
            idempotency_key_bytes: 256,
        }
    }
}

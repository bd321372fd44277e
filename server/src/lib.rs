//! The native side of tabagent.

/// Typed actions and the calls running on them.
pub mod service;
pub mod transport;

pub use service::{Asked, Call, Principal, Running, Service, ServiceLimits, To, Update};
pub use tabagent_protocol::api::Action;

//! The native side of tabagent.

/// What answers the actions.
pub mod backend;
/// JSON requests and answers in the envelopes that callers use.
mod envelope;
/// Plain JSON on a data channel, for peers without the SDK.
pub mod plain;
/// Typed actions and the calls running on them.
pub mod service;
pub mod transport;

pub use backend::reference::ReferenceOptions;
pub use service::{Asked, Call, Principal, Running, Service, ServiceLimits, To, Update};
pub use tabagent_protocol::api::Action;

//! The native side of tabagent.
pub mod transport;

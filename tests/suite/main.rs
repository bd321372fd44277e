//! Proofs that need a whole server: a native client of the protocol, churn, abandoned handshakes.
#![expect(clippy::panic, reason = "a test that saw something else says what it saw")]

mod churn;
mod hostile;
mod native;

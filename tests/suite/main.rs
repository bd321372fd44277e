//! Proofs that need a whole server: a native client of the protocol, churn, abandoned handshakes, a server that is killed.
#![expect(clippy::panic, reason = "a test that saw something else says what it saw")]

mod drain;
mod hosted;
mod hostile;
mod kill;
mod memory;
mod native;
mod pairing;
mod replaces;
mod resume;
mod sessions;
mod silent;
mod websocket;
mod whole;

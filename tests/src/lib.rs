//! What the cross-room proofs share: a real server on a port of its own, and a native client of the whole protocol.

/// A native program's session.
pub mod client;
/// The native-messaging host as a browser has it.
pub mod hosted;
/// WebRTC of the test client.
pub mod native;
/// The server program as a process.
pub mod program;
/// A server that stops when it is dropped.
pub mod server;
/// WebSockets of a second make.
pub mod ws;

pub use client::{NativeClient, Options, Replies, Reply, Rung};
pub use native::Link;
pub use program::Program;
pub use server::TestServer;
pub use tabagent_server::testing::{News, ledger};

//! What the cross-room proofs share: a real server on a port of its own, and a native client of the whole protocol.

/// A native program's session.
pub mod client;
/// Streams that can be proved whole.
pub mod ledger;
/// WebRTC of the test client.
pub mod native;
/// The server program as a process.
pub mod program;
/// A server that stops when it is dropped.
pub mod server;
/// One transport of the test client.
pub mod wire;
/// WebSockets of a second make.
pub mod ws;

pub use client::{NativeClient, News, Options, Reply, Rung};
pub use native::Link;
pub use program::Program;
pub use server::TestServer;

//! What the cross-room proofs share: a real server on a port of its own, and a native client of the whole protocol.

/// A client on the `webrtc` crate: the same protocol, no browser.
pub mod native;
/// The server program as a process.
pub mod program;
/// A server that stops when it is dropped.
pub mod server;

pub use native::{Link, NativeClient, Reply};
pub use program::Program;
pub use server::TestServer;

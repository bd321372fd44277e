//! What the cross-room proofs share: a real server on a port of its own, and a native client of the whole protocol.

/// A client on the `webrtc` crate: the same protocol, no browser.
pub mod native;
/// A server that stops when it is dropped.
pub mod server;

pub use native::{Link, NativeClient, Reply};
pub use server::TestServer;

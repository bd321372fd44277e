//! Native messaging: what a browser starts when an extension asks for it, and where browsers look for it.
//!
//! The program that a browser starts is a relay ([`relay`]) between the browser's pipes and the running server's socket, whose door is
//! `door::Socket`. On the browser's side a message is JSON: a packet as `{"p": base64}`, anything else is plain JSON as on a
//! plain data channel. On the server's side each of the two has a socket connection of its own, as it has a channel over WebRTC.

mod browser;
pub mod counter;
pub(crate) mod door;
pub(crate) mod framing;
mod install;
mod manifest;
mod message;
mod relay;

pub use browser::{Browser, Platform, Registered};
pub use install::{InstallError, Installation, Installed};
pub use relay::{RelayError, relay};

/// The name under which extensions ask for this program: `chrome.runtime.connectNative(HOST)`.
pub const HOST: &str = "com.tabagent.server";

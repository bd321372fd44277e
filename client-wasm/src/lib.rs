//! The browser's door to a tabagent server: a thin shell over `tabagent_protocol`, compiled to WebAssembly.
//!
//! JavaScript uses the npm package `@tabagent/client`, which wraps [`JsSession`]. Rust programs in a browser use [`Client`]:
//! [`Client::connect`], then [`Client::request`] or, with the feature `typed`, `Client::request_typed`.
//!
//! A session is driven by the browser's event loop alone: callbacks enqueue, a microtask drains, a timer waits. It outlives its
//! transports: what carries it may break or be replaced, see [`Options::transports`]. WebRTC exists in pages and offscreen
//! documents, WebSockets in workers too.

/// One transport, from its first step to its end.
mod attempt;
/// Calls of Rust programs.
mod client;
/// From one transport to the next.
mod climb;
/// The time of day, and timers.
mod clock;
/// Bytes between transport and protocol.
mod driver;
/// What failed, and what to check.
mod error;
/// What JavaScript sees.
mod exports;
/// Untyped JavaScript, made safe.
mod js;
/// What to open and when.
mod ladder;
/// How to reach a server.
mod options;
/// What all callbacks come back to.
mod session;
/// What moves packets.
mod transport;
/// Rust values in, Rust values out.
#[cfg(feature = "typed")]
mod typed;
/// Whether the server is still there.
mod vigil;

pub use client::{Client, Listener, Sink};
pub use exports::JsSession;
pub use options::{Negotiation, Options, Patience};
pub use session::{News, State};
pub use transport::{Rung, Step};

pub use tabagent_protocol as protocol;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// Small and constant-time: half the size of the default allocator.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

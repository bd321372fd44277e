//! What both ends of a tabagent session agree on. It thinks and never waits: no socket, no clock, no task.
//!
//! Start at [`Endpoint`]: bytes and wishes go in with the time of day, bytes and events come out. A driver
//! (one in `client-wasm`, one in `server`) moves them; nothing here knows which side of the wire it lives on
//! beyond [`Role`]. The byte-level specification is `docs/PROTOCOL.md`; a test reads its examples.
//!
//! **The calling contract**, for every driver:
//! 1. give one or more inputs ([`Endpoint::handle`]) and wishes ([`Endpoint::call`], [`Endpoint::respond`], …),
//! 2. take outputs with [`Endpoint::poll`] until it returns `None`,
//! 3. wait for the next input, or until [`Endpoint::deadline`], then give [`Input::Tick`].

pub mod api;
/// Big messages in small pieces.
mod assembler;
/// One call's state: who asked, what is owed, how much may still be sent.
mod call;
/// How much of the bulk lane may be under way.
mod congestion;
/// The sans-IO endpoint of a session, the seam every driver uses.
mod endpoint;
/// Every code that travels, and the error that carries it.
mod error;
pub mod frame;
/// Numbers of a lane: sequence, acknowledgement, and what waits to be sent.
mod lane;
pub mod limits;
pub mod packet;
pub mod signaling;
pub mod text;
/// Bytes to numbers and back.
mod wire;

pub use call::CallId;
pub use endpoint::{ConnectionId, Endpoint, Event, Input, Output, Role};
pub use error::{Code, Fault, Violation};
pub use frame::body::{Body, Payload};
pub use frame::request::Request;
pub use lane::Lane;
pub use limits::Limits;

/// Milliseconds of a monotonic clock that the driver owns; only differences mean anything.
pub type Millis = u64;

/// The protocol version spoken by this crate; a peer whose range does not contain it is told so.
pub const VERSION: u16 = 1;

/// Sub-protocol name of lane 0's data channel.
pub const CHANNEL_PROTOCOL: &str = "tabagent.v1";
/// Sub-protocol name of lane 1's data channel.
pub const BULK_CHANNEL_PROTOCOL: &str = "tabagent.v1.bulk";
/// Label of the data channels a tabagent peer creates.
pub const CHANNEL_LABEL: &str = "tabagent";

//! A server and its clients in one process, without a socket: for the tests of programs that embed this crate. Cargo feature `testing`.
//!
//! [`Memory`] serves, [`Client`] is a session with it: the real one, with the protocol, the limits and the life of sessions that pages
//! have, over a transport that [`Faults`] can cut, freeze, slow down and spoil. Everything waits with tokio's clock, so that a test
//! with a paused clock (`#[tokio::test(start_paused = true)]`) waits for nothing.
//!
//! ```
//! use tabagent_server::{
//!     Action, ActionInfo, Call, Deserialize, Fault, JsonSchema, Serialize, Service,
//!     testing::Memory,
//! };
//!
//! /// Counts.
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct CountTo {
//!     number: u32,
//! }
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Number {
//!     number: u32,
//! }
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Counted {
//!     sum: u32,
//! }
//!
//! impl Action for CountTo {
//!     const NAME: &'static str = "count_to";
//!     const INFO: ActionInfo = ActionInfo { streams: true, ..ActionInfo::own(Self::NAME) };
//!     type Response = Counted;
//!     type Item = Number;
//! }
//!
//! async fn count(call: Call, asked: CountTo) -> Result<Counted, Fault> {
//!     for number in 1..=asked.number {
//!         call.item(&Number { number }).await?;
//!     }
//!     Ok(Counted { sum: (1..=asked.number).sum() })
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Fault> {
//! let server = Memory::serve(Service::new().on(count));
//! let client = server.connect().await?;
//! let mut stream = client.stream(&CountTo { number: 1_000 }).await?;
//! for expected in 1..=1_000 {
//!     if expected % 100 == 0 {
//!         client.faults().cut(); // nobody notices
//!     }
//!     assert_eq!(stream.item().await?.map(|item| item.number), Some(expected));
//! }
//! assert_eq!(stream.response().await?.sum, 500_500);
//! # Ok(())
//! # }
//! ```
//!
//! Whoever tests a transport of its own gives it to a client as a [`Transport`]; [`Faults::wrap`] spoils any channel.

/// What a caller holds of its call.
mod calling;
/// A session, as a test holds it.
mod client;
/// The loop of a client's session.
mod driver;
/// What befalls messages on their way.
mod faults;
pub mod ledger;
/// The transports of one client.
mod lines;
/// A server without a socket.
mod memory;
/// A queue that its reader empties in its own time.
mod queue;
/// What carries a session.
mod transport;

pub use calling::{Calling, Reply, Stream};
pub use client::{Client, ClientOptions, News};
pub use faults::{Faults, Noise};
pub use memory::Memory;
pub use tabagent_protocol::{Body, CallId, ConnectionId, Lane, Limits, Request};
pub use transport::{FarEnd, Transport, channel};

//! The native side of tabagent: typed actions, reached over HTTP and over WebRTC data channels.
//!
//! ```no_run
//! use tabagent_server::{Server, ServerOptions, Service};
//! use tokio::net::TcpListener;
//!
//! # async fn run() -> std::io::Result<()> {
//! let options = ServerOptions { allow_local: true, ..ServerOptions::default() };
//! let listener = TcpListener::bind("127.0.0.1:9000").await?;
//! Server::new(options, Service::new()).serve(listener, std::future::pending()).await
//! # }
//! ```
//!
//! Start at [`Service`] for actions of your own, at [`Server`] for their doors, and with the feature `testing` at `testing::Memory` for
//! tests of them. Arrows between the rooms point one way:
//! http → signaling → transport ← sessions → service, and backend → store. A service never sees bytes; a session never sees a channel.

pub mod api;
/// The programs of the tutorial compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/TUTORIAL.md")]
struct Tutorial;
/// So do those of the chapter on testing.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../docs/TESTING.md")]
struct Testing;
pub mod backend;
/// What is done with a data channel that opens.
mod channels;
pub mod doctor;
/// The end of a server, from its announcement on.
mod drain;
/// JSON requests and answers in the envelopes that callers use.
mod envelope;
/// A failure on its way out over HTTP.
mod error;
/// One folder of the machine, served.
pub mod files;
/// Routes, and who may come in.
mod http;
/// Every number.
mod limits;
/// How often something may happen in a minute.
mod minute;
pub mod native;
/// The OpenAI wire format.
mod openai;
/// What a server is told before it starts.
mod options;
/// How fast a session may ask.
mod pace;
pub mod pairing;
pub mod plain;
/// Options and a service become routes, connections and an end.
mod server;
pub mod service;
/// Sessions over whatever carries their packets.
mod sessions;
pub mod signaling;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;

pub use backend::reference::ReferenceOptions;
pub use files::FileLimits;
pub use limits::{LimitError, LimitRow, ServerLimits};
pub use options::{
    Cli, Command, DoctorOptions, HostPattern, InstallOptions, Key, Mode, NativeHostCommand, NativeHostOptions, OptionError,
    OriginPattern, PairCommand, PairOptions, ServerOptions, Settings, ValueError,
};
pub use pace::Pace;
pub use pairing::{Paired, Pairing, PairingLimits, ShownCode};
pub use server::Server;
pub use service::{Asked, Call, Principal, Running, Service, ServiceLimits, To, Update};
pub use store::{Store, StoreError, StoreLimits};

// What an action of one's own is written with; `serde` and `schemars` must be dependencies too, for their derives.
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use tabagent_protocol::{
    Code, Fault, Payload,
    api::{Action, ActionInfo, Event, NoItem, refused},
};

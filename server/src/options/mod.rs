//! What a server is told before it starts: [`ServerOptions`] for programs, [`Cli`] for the command line.

mod cli;
mod native;
mod pair;
mod values;

use std::{net::IpAddr, path::PathBuf};

pub use cli::{Cli, Command, DoctorOptions, OptionError, Settings};
pub use native::{InstallOptions, NativeHostCommand, NativeHostOptions};
pub use pair::{PairCommand, PairOptions};
pub use values::{HostPattern, Key, OriginPattern, ValueError};

use tabagent_protocol::signaling::IceServer;

use crate::{limits::ServerLimits, pairing::Pairing};

/// Which doors of the server are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The HTTP twins of the actions, no signaling.
    Http,
    /// Signaling and WebSockets only: actions are reached over sessions.
    Webrtc,
    /// Everything.
    #[default]
    Both,
}

impl Mode {
    /// Whether actions are served over HTTP.
    #[must_use]
    pub fn http(self) -> bool {
        self != Self::Webrtc
    }

    /// Whether connections can be made.
    #[must_use]
    pub fn webrtc(self) -> bool {
        self != Self::Http
    }
}

/// How a server meets the world. The default listens to nobody it was not told of: no key, no origin, no host name but its own.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Port that `Host` headers must name. None: any, for a program that serves [`crate::Server::router`] itself;
    /// [`crate::Server::serve`] reads it off its listener.
    pub port: Option<u16>,
    /// Keys that open the API.
    pub keys: Vec<Key>,
    /// Who has been paired, and the way to be; none where nobody can be.
    pub pairing: Option<Pairing>,
    /// Programs on this machine, and the server's own pages, need no key.
    pub allow_local: bool,
    /// Web origins besides the server's own that may talk to it, with a key.
    pub allow_origins: Vec<OriginPattern>,
    /// Host names besides the loopback ones under which the server is reached.
    pub allow_hosts: Vec<HostPattern>,
    /// Which doors are open.
    pub mode: Mode,
    /// Folder of static pages.
    pub www: Option<PathBuf>,
    /// Addresses of the UDP sockets; empty means 127.0.0.1.
    pub udp_bind: Vec<IpAddr>,
    /// Port of the UDP sockets; 0 means that the system chooses.
    pub udp_port: u16,
    /// STUN and TURN servers, for this server and told to clients. None by default: nothing leaves the machine unasked.
    pub ice_servers: Vec<IceServer>,
    /// Every number.
    pub limits: ServerLimits,
}

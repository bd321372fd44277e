//! How to reach a server: everything that can be chosen, with its default.

use js_sys::Array;
use tabagent_protocol::Millis;

/// Who makes the first move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negotiation {
    /// The client offers: one round trip to the server, the faster way.
    #[default]
    ClientOffers,
    /// The server offers: one round trip more, for servers that only know this way.
    ServerOffers,
}

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names the session; whoever knows it owns it. Fresh random bytes for each session, kept in memory only.
    pub secret: [u8; 32],
    /// Sent as `Authorization: Bearer …`. None: the server must let this page in without.
    pub key: Option<String>,
    /// STUN and TURN servers as `RTCPeerConnection` takes them. Empty: nothing outside this machine and its network is asked.
    pub ice_servers: Array,
    /// Uses TURN relays only.
    pub relay_only: bool,
    /// Who makes the first move.
    pub negotiation: Negotiation,
    /// Milliseconds from the start to the welcome after which the attempt fails, naming the step it stopped at.
    pub connect_timeout: Millis,
}

impl Options {
    /// Milliseconds for all steps together: loopback needs 20, a phone's network with loss a few thousand.
    pub const CONNECT_TIMEOUT: Millis = 10_000;

    /// The defaults, for a session with this secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            key: None,
            ice_servers: Array::new(),
            relay_only: false,
            negotiation: Negotiation::default(),
            connect_timeout: Self::CONNECT_TIMEOUT,
        }
    }
}

//! What moves packets, and what every such thing has in common: three verbs (try to send, receive, close).
//!
//! A transport gives all its events to one JavaScript function, which only enqueues them; read later, each is a [`Happened`].
//! Sending never waits, and reading never waits for sending.

/// The only place that names `RtcPeerConnection`.
mod webrtc;

pub(crate) use webrtc::{Kind, Negotiation, Peer};

use tabagent_protocol::Lane;
use wasm_bindgen::JsValue;

/// What a transport says after it took a packet: it always takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Give more.
    Ready,
    /// Wait for [`Happened::Writable`] before the next.
    Full,
    /// Not taken: the transport is about to say that it is closed.
    Closed,
}

/// What an event of a transport means.
#[derive(Debug)]
pub(crate) enum Happened {
    /// One of our candidates, as signaling carries it; `null` when there are no more.
    Candidate(JsValue),
    /// A step of the handshake is done. [`Step::Channel`]: lane 0 is open, packets may go.
    Step(Step),
    /// A packet arrived.
    Packet(Vec<u8>),
    /// Text arrived on a channel that carries packets: the server refuses it, in JSON.
    Refused(String),
    /// A lane has room again.
    Writable(Lane),
    /// The transport is gone, and why.
    Closed(&'static str),
}

/// The handshake, step by step; logged on both sides under the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Offer and answer were exchanged.
    Signaling,
    /// ICE found a path that works.
    Ice,
    /// DTLS agreed on keys.
    Dtls,
    /// The data channel of lane 0 is open.
    Channel,
    /// The server welcomed the session.
    Welcome,
}

/// Name of each step, and what to check when the handshake stops there.
const STEPS: [(Step, &str, &str); 5] = [
    (Step::Signaling, "signaling", "is the server running, and is this its address?"),
    (Step::Ice, "ice", "no UDP path to the server: check firewall, VPN and the addresses the server binds (--udp-bind)"),
    (Step::Dtls, "dtls", "a path was found but not encrypted: does something on the way drop larger UDP packets?"),
    (Step::Channel, "channel", "encrypted, but no data channel opened: look for this connection in the server's log"),
    (Step::Welcome, "welcome", "the server did not greet: look for this connection in its log"),
];

impl Step {
    /// All, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        STEPS.iter().map(|row| row.0)
    }

    /// The name in timelines, errors and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        STEPS[self as usize].1
    }

    /// What to check when the handshake stops here.
    pub(crate) fn hint(self) -> &'static str {
        STEPS[self as usize].2
    }
}

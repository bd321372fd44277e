//! What moves packets, and what every such thing has in common: three verbs (try to send, receive, close).
//!
//! Receiving is a callback that only enqueues a [`Happened`]; sending never waits, and reading never waits for sending.

/// The only place that names `RtcPeerConnection`.
mod webrtc;

pub(crate) use webrtc::Peer;

use std::rc::Rc;

use tabagent_protocol::Lane;
use wasm_bindgen::JsValue;

/// Where a transport's callbacks leave what they heard.
pub(crate) type Notify = Rc<dyn Fn(Happened)>;

/// What a transport says after it took a packet: it always takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Give more.
    Ready,
    /// Wait for [`Happened::Writable`] before the next.
    Full,
}

/// What a transport heard.
#[derive(Debug)]
pub(crate) enum Happened {
    /// One of our candidates, as signaling carries it; `null` when there are no more.
    Candidate(JsValue),
    /// A step of the handshake is done.
    Step(Step),
    /// Lane 0 is open: packets may go.
    Open,
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

impl Step {
    /// All, in their order.
    pub const ALL: [Step; 5] = [Self::Signaling, Self::Ice, Self::Dtls, Self::Channel, Self::Welcome];

    /// The name in timelines, errors and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Signaling => "signaling",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::Channel => "channel",
            Self::Welcome => "welcome",
        }
    }

    /// What to check when the handshake stops here.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Signaling => "is the server running, and is this its address?",
            Self::Ice => {
                "no UDP path to the server was found: check firewall and VPN, and the addresses the server binds (--udp-bind)"
            }
            Self::Dtls => {
                "a path was found but encryption was not agreed on: check whether something on the way drops larger UDP packets"
            }
            Self::Channel => "the path stands but no data channel opened: look for this connection in the server's log",
            Self::Welcome => "the channel is open but the server did not greet: look for this connection in the server's log",
        }
    }
}

//! What moves packets, and what every such thing has in common: three verbs (try to send, receive, close).
//!
//! A transport gives all its events to one JavaScript function, which only enqueues them; read later, each is a [`Happened`].
//! Sending never waits, and reading never waits for sending.

/// The only place that names `RtcPeerConnection`.
mod webrtc;
/// The only place that names `WebSocket`.
mod websocket;

pub(crate) use webrtc::{Kind, Negotiation, Peer};
pub(crate) use websocket::Socket;

use js_sys::Promise;
use tabagent_protocol::Lane;
use wasm_bindgen::JsValue;

use crate::js;

/// A kind of transport: a rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Data channels of an `RTCPeerConnection`: a lane each, over UDP.
    WebRtc,
    /// A `WebSocket`: both lanes in one pipe, over TCP. Up in two round trips, and wherever HTTP is.
    WebSocket,
    /// A native-messaging port of the extension: both lanes in one pipe, through the browser to a program that it starts.
    Native,
}

impl Rung {
    /// Those that every page has, the preferred first.
    pub const USUAL: [Self; 2] = [Self::WebRtc, Self::WebSocket];

    /// All, the preferred first.
    pub const ALL: [Self; 3] = [Self::WebRtc, Self::WebSocket, Self::Native];

    /// The name in options, events and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebRtc => "webrtc",
            Self::WebSocket => "websocket",
            Self::Native => "native",
        }
    }

    /// The rung of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.name() == name)
    }
}

/// Something that moves packets. Dropping it closes it at once.
pub(crate) enum Transport {
    WebRtc(Peer),
    /// A WebSocket, or what an extension makes of a native-messaging port.
    WebSocket(Socket),
}

impl Transport {
    /// Sends a packet. It is always taken.
    pub(crate) fn try_send(&self, lane: Lane, packet: Vec<u8>) -> Sent {
        match self {
            Self::WebRtc(peer) => peer.try_send(lane, packet),
            Self::WebSocket(socket) => socket.try_send(&packet),
        }
    }

    /// What an event means; nothing for one of no consequence.
    pub(crate) fn read(&self, event: &JsValue) -> Option<Happened> {
        match self {
            Self::WebRtc(peer) => peer.read(event),
            Self::WebSocket(socket) => socket.read(event),
        }
    }

    /// Closes it at once.
    pub(crate) fn close(&self) {
        match self {
            Self::WebRtc(peer) => peer.close(),
            Self::WebSocket(socket) => socket.close(),
        }
    }

    /// Starts to close: nothing more is heard or sent, but what was sent before still leaves. Answers whether that needs us.
    pub(crate) fn finish(&self) -> bool {
        match self {
            Self::WebRtc(peer) => peer.finish(),
            Self::WebSocket(socket) => {
                socket.close();
                false
            }
        }
    }

    /// Bytes in a lane's send buffer.
    pub(crate) fn buffered(&self, lane: Lane) -> u32 {
        match self {
            Self::WebRtc(peer) => peer.buffered(lane),
            Self::WebSocket(socket) => socket.buffered(),
        }
    }

    /// Whether a pipe that was full has room again and has not said so.
    pub(crate) fn has_drained(&self) -> bool {
        matches!(self, Self::WebSocket(socket) if socket.has_drained())
    }

    /// The browser's own statistics, an `RTCStatsReport`.
    pub(crate) fn report(&self) -> Option<Promise> {
        self.peer().map(Peer::report)
    }

    /// The peer connection, where it is one.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::WebRtc(peer) => Some(peer),
            Self::WebSocket(_) => None,
        }
    }
}

/// What a transport says after it took a packet: it always takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Give more.
    Ready,
    /// Wait for [`Happened::Writable`] before the next.
    Full,
    /// Not taken: the transport is closed.
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
    /// The one pipe of both lanes has room again.
    Drained,
    /// The transport may be dead.
    Doubtful,
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
    /// The data channel of lane 0 is open, or the WebSocket.
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
    pub(crate) fn hint(self, rung: Rung) -> &'static str {
        match (self, rung) {
            (Self::Channel, Rung::WebSocket) => {
                "is the server running there, does it allow this origin, and do proxies let WebSockets through?"
            }
            (Self::Channel, Rung::Native) => STEPS[0].2,
            _ => STEPS[self as usize].2,
        }
    }
}

/// Makes a transport of the browser's, by the application's own constructor or by the window's.
fn construct(constructors: &JsValue, window: &JsValue, name: &str, arguments: [&JsValue; 2]) -> Result<JsValue, JsValue> {
    let own = js::field(constructors, name);
    let class = if own.is_undefined() { js::field(window, name) } else { own };
    js::construct(class, arguments)
}

/// Gives all events of `target` to `listener`, or with `null` to nobody.
fn listen(target: &JsValue, events: &[&str], listener: &JsValue) {
    for event in events {
        js::set(target, event, listener);
    }
}

/// What a message is: a packet, or text where none belongs.
fn message(event: &JsValue) -> Happened {
    let data = js::field(event, "data");
    data.as_string().map_or_else(|| Happened::Packet(js::bytes(&data)), Happened::Refused)
}

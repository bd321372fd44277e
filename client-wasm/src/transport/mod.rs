//! What moves packets, and what every such thing has in common: three verbs (try to send, receive, close).
//!
//! Transports are JavaScript's, beside this file: what they are made of is the browser's, each call of it from Rust costs a function on
//! either side, and negotiating is waiting. Each says all that happens by one callback, which only enqueues. Sending never waits, and
//! reading never waits for sending.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/transport/server.js")]
extern "C" {
    /// A server, and how it is to be reached.
    pub(crate) type Server;

    /// `address` is `http://host:port`, an empty `key` is none.
    #[wasm_bindgen(constructor)]
    pub(crate) fn new(
        address: &str,
        key: &str,
        constructors: &JsValue,
        ice_servers: &JsValue,
        relay_only: bool,
        server_offers: bool,
    ) -> Server;
}

#[wasm_bindgen(module = "/src/transport/websocket.js")]
extern "C" {
    /// Something that moves packets. It must be closed before whoever hears it is gone.
    pub(crate) type Transport;

    /// Opens a socket, made by this constructor: `WebSocket`, or `NativeSocket`, which is the application's own.
    #[wasm_bindgen(js_name = openSocket)]
    pub(crate) fn open_socket(hear: &JsValue, server: &Server, constructor: &str, protocol: &str) -> Transport;

    /// Sends a packet, which is always taken: one of [`sent`].
    #[wasm_bindgen(method)]
    pub(crate) fn send(this: &Transport, lane: u32, packet: &[u8]) -> u32;

    /// Closes it at once; with `forget` the server is told not to wait for it.
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &Transport, forget: bool);

    /// Starts to close: nothing more is heard or sent, but what was sent before still leaves. Answers whether that needs us.
    #[wasm_bindgen(method)]
    pub(crate) fn finish(this: &Transport) -> bool;

    /// Bytes in a lane's send buffer.
    #[wasm_bindgen(method)]
    pub(crate) fn buffered(this: &Transport, lane: u32) -> u32;

    /// The browser's own statistics, the promise of an `RTCStatsReport`, or `undefined`.
    #[wasm_bindgen(method)]
    pub(crate) fn report(this: &Transport) -> JsValue;
}

#[wasm_bindgen(module = "/src/transport/webrtc.js")]
extern "C" {
    /// Begins to negotiate a connection with a channel for each lane, of these protocols.
    #[wasm_bindgen(js_name = openPeer)]
    pub(crate) fn open_peer(hear: &JsValue, server: &Server, interactive: &str, bulk: &str) -> Transport;
}

/// What a transport says after it took a packet.
pub(crate) mod sent {
    /// Give more.
    pub(crate) const READY: u32 = 0;
    /// Wait for [`WRITABLE`](super::happened::WRITABLE) before the next.
    pub(crate) const FULL: u32 = 1;
    // Anything else: not taken, the transport is closed.
}

/// What happens to a transport, with a number and a value.
pub(crate) mod happened {
    /// A packet arrived, an `ArrayBuffer`.
    pub(crate) const PACKET: u32 = 0;
    /// A step of the handshake is done: its number. `Channel`: lane 0 is open, packets may go.
    pub(crate) const STEP: u32 = 1;
    /// The lane of this number has room again.
    pub(crate) const WRITABLE: u32 = 2;
    /// The transport is gone; the value says `why`.
    pub(crate) const CLOSED: u32 = 3;
    /// It came to nothing, or the server refuses it: an error object as servers write it, or anything else of a stranger.
    pub(crate) const FAILED: u32 = 4;
    /// The transport may be dead.
    pub(crate) const DOUBTFUL: u32 = 5;
    /// The server has an `id` for it.
    pub(crate) const NAMED: u32 = 6;
    /// An offer was made or taken. What follows is told to nobody but listeners, under these [names](super::NOTES).
    pub(crate) const OFFER: u32 = 7;
}

/// Names of what happens from [`happened::OFFER`] on: an answer was taken or sent; all candidates were found, so many.
pub(crate) const NOTES: [&str; 3] = ["offer", "answer", "candidates"];

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

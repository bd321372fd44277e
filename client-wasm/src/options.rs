//! How to reach a server: everything that can be chosen, with its default.

use std::rc::Rc;

use js_sys::Array;
use tabagent_protocol::{Limits, Millis};
use wasm_bindgen::JsValue;

use crate::transport::Rung;

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
#[derive(Clone)]
pub struct Options {
    /// Makes the secret that names a session; whoever knows it owns the session. 32 fresh random bytes each time, kept in memory
    /// only. Asked once, and again for each session that takes the place of one that the server no longer has.
    pub secret: Rc<dyn Fn() -> [u8; 32]>,
    /// Secrets of sessions that this one takes the place of, because what was known of them is lost: the server ends them.
    pub replaces: Vec<[u8; 32]>,
    /// An object whose `WebSocket` and `RTCPeerConnection` are used instead of the window's; the latter is given that window as well. Of
    /// sockets over native messaging, which no window has, its `NativeSocket` is the only constructor.
    pub constructors: JsValue,
    /// Sent as `Authorization: Bearer …`. None: the server must let this page in without.
    pub key: Option<String>,
    /// What may carry the session, the preferred first. Empty: [`Rung::USUAL`]. [`Rung::Native`] needs a constructor.
    pub transports: Vec<Rung>,
    /// STUN and TURN servers as `RTCPeerConnection` takes them. Empty: nothing outside this machine and its network is asked.
    pub ice_servers: Array,
    /// Uses TURN relays only.
    pub relay_only: bool,
    /// Who makes the first move.
    pub negotiation: Negotiation,
    /// Milliseconds from the start to the first welcome after which connecting fails, and that any later attempt gets.
    pub connect_timeout: Millis,
    /// Whether a session without a transport looks for the next one. Otherwise it ends there.
    pub reconnect: bool,
    /// How soon and how often.
    pub patience: Patience,
}

impl Options {
    /// Milliseconds for all steps together: loopback needs 20, a phone's network with loss a few thousand.
    pub const CONNECT_TIMEOUT: Millis = 10_000;

    /// The defaults, for sessions with such secrets.
    #[must_use]
    pub fn new(secret: impl Fn() -> [u8; 32] + 'static) -> Self {
        Self {
            secret: Rc::new(secret),
            replaces: Vec::new(),
            constructors: JsValue::UNDEFINED,
            key: None,
            transports: Rung::USUAL.to_vec(),
            ice_servers: Array::new(),
            relay_only: false,
            negotiation: Negotiation::default(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            reconnect: true,
            patience: Patience::default(),
        }
    }
}

/// When transports are tried again, given up and replaced. All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For which a session without a transport can be continued. The server has a window of its own; the shorter one counts.
    pub window: Millis,
    /// The longest wait before the second try of a transport while nothing carries the session; the first is at once. Doubled by
    /// each failure. Each wait is a random part of it, so that the clients of a server that comes back do not come all at once.
    pub retry: Millis,
    /// What [`Patience::retry`] grows to: who looks at the screen when the server is back waits no longer.
    pub retry_cap: Millis,
    /// The same while another transport carries the session: nobody waits then, and an attempt costs battery and a server's time.
    pub upgrade: Millis,
    /// What [`Patience::upgrade`] grows to. A network that lets UDP through after all is noticed after this at the latest.
    pub upgrade_cap: Millis,
    /// For which a transport must have carried the session to count as one that works: its failures are forgotten then.
    pub stable: Millis,
    /// Head start of the WebSocket, which is up in two round trips: negotiating beside it would make the first answer wait.
    pub head_start: Millis,
    /// Silence after which the server is asked for a sign of life; it speaks every 5,000 ms by itself.
    pub silence: Millis,
    /// For which its answer is waited for before another transport is tried beside the silent one.
    pub answer: Millis,
}

impl Patience {
    /// All of them, in their order.
    pub(crate) fn all_mut(&mut self) -> [&mut Millis; 9] {
        let Self { window, retry, retry_cap, upgrade, upgrade_cap, stable, head_start, silence, answer } = self;
        [window, retry, retry_cap, upgrade, upgrade_cap, stable, head_start, silence, answer]
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            window: Limits::default().window,
            retry: 250,
            retry_cap: 10_000,
            upgrade: 5_000,
            upgrade_cap: 300_000,
            stable: 10_000,
            head_start: 100,
            silence: 12_000,
            answer: 2_000,
        }
    }
}

//! A WebSocket that carries both lanes, or what has its shape over native messaging: the only file that names `WebSocket`. One packet
//! per message.

use std::cell::{Cell, RefCell};

use js_sys::Function;
use tabagent_protocol::{CHANNEL_PROTOCOL, Code, text::join};
use wasm_bindgen::JsValue;
use web_sys::WebSocket;

use super::{Happened, Rung, Sent, Step, construct, listen, message};
use crate::{
    error::{self, Failure},
    js,
};

/// Bytes in the send buffer above which it wants no more: what lies there cannot be overtaken by what is urgent, and a browser
/// takes all it is given.
const HIGH_WATER: u32 = 256 * 1024;
/// Bytes below which it wants more: enough to keep sending until that is noticed.
const LOW_WATER: u32 = 64 * 1024;
/// Milliseconds between two looks at a full buffer, for which there is no event. The peer's acknowledgements make us look too,
/// so this is for the moment when nothing comes.
const LOOK: u32 = 20;

const EVENTS: [&str; 3] = ["onopen", "onmessage", "onclose"];

/// One `WebSocket`, or a `NativeSocket` of the application's. Dropping it closes it.
pub(crate) struct Socket {
    socket: WebSocket,
    /// Hears every event, and `undefined` when it is time to look at the buffer.
    listener: Function,
    /// The buffer was above its mark.
    full: Cell<bool>,
    /// The timer of the next look.
    look: RefCell<JsValue>,
}

impl Socket {
    /// Opens a socket of this kind to the server at `http://host:port`, by `constructors` where they say how; `listener` gets every
    /// event.
    ///
    /// # Errors
    /// `bad_request` for what is no address, `not_supported` where there is no such socket.
    pub(crate) fn new(rung: Rung, constructors: &JsValue, server: &str, listener: Function) -> Result<Self, Failure> {
        // `http` becomes `ws`, and `https` becomes `wss`.
        let url = join(&["ws", server.strip_prefix("http").unwrap_or(server), "/v1/ws"]);
        let arguments = [&JsValue::from_str(&url), &CHANNEL_PROTOCOL.into()];
        let class = if rung == Rung::Native { "NativeSocket" } else { "WebSocket" };
        let socket = construct(constructors, &js::global(), class, arguments).map_err(|thrown| {
            let unknown = js::text(&thrown, "name").as_deref() == Some("SyntaxError");
            if unknown { error::no_address(&url) } else { error::refused(Code::NOT_SUPPORTED, class, &thrown) }
        })?;
        let socket: WebSocket = js::known(socket);
        js::set(&socket, "binaryType", &"arraybuffer".into());
        listen(&socket, &EVENTS, &listener);
        Ok(Self { socket, listener, full: Cell::default(), look: RefCell::default() })
    }

    /// Sends a packet of either lane.
    pub(crate) fn try_send(&self, packet: &[u8]) -> Sent {
        // While it closes it takes what it will never send.
        if self.socket.ready_state() != WebSocket::OPEN || self.socket.send_with_u8_array(packet).is_err() {
            return Sent::Closed;
        }
        if self.buffered() < HIGH_WATER {
            return Sent::Ready;
        }
        self.full.set(true);
        self.look_later();
        Sent::Full
    }

    /// What an event means; nothing for one of no consequence.
    pub(crate) fn read(&self, event: &JsValue) -> Option<Happened> {
        let Some(kind) = js::text(event, "type") else { return self.looked() };
        match kind.as_str() {
            "open" => Some(Happened::Step(Step::Channel)),
            "message" => Some(message(event)),
            _ => Some(Happened::Closed("the socket closed")),
        }
    }

    /// Starts to close. What was sent before goes first.
    pub(crate) fn close(&self) {
        js::clear_timeout(&self.look.borrow());
        listen(&self.socket, &EVENTS, &JsValue::NULL);
        // Refuses nothing but a code or reason that is none.
        let _ = self.socket.close();
    }

    /// Whether a buffer that was full has room again and has not said so.
    pub(crate) fn has_drained(&self) -> bool {
        self.full.get() && self.buffered() < LOW_WATER && self.full.replace(false)
    }

    /// Bytes waiting in the send buffer.
    pub(crate) fn buffered(&self) -> u32 {
        js::number(&self.socket, "bufferedAmount").unwrap_or_default()
    }

    fn looked(&self) -> Option<Happened> {
        if self.has_drained() {
            return Some(Happened::Drained);
        }
        if self.full.get() {
            self.look_later();
        }
        None
    }

    /// There is one timer at a time.
    fn look_later(&self) {
        let mut look = self.look.borrow_mut();
        js::clear_timeout(&look);
        *look = js::set_timeout(&self.listener, LOOK);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close();
    }
}

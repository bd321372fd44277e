//! The server's half of the protocol in memory: what `@tabagent/client/testing` answers calls with, without a server or a network.
//!
//! It is the sans-IO endpoint that real servers drive, and who has which session. TypeScript brings packets and the time, asks
//! [`JsSessions::poll`] what is to be done, and runs the handlers.

/// What is to be done, as JavaScript reads it.
mod output;
/// Which sessions there are, and whose connections.
mod sessions;

use js_sys::{Array, Uint8Array};
use tabagent_protocol::{Body, CallId, Code, ConnectionId, Fault, Limits, Payload, Request};
use wasm_bindgen::prelude::*;

use crate::sessions::Sessions;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What is to be done. Values are JSON. Sessions have numbers, so do the connections that TypeScript named. */
export type Output =
  | [kind: "transmit", connection: number, packet: Uint8Array]
  | [kind: "close", connection: number]
  | [kind: "request", session: number, call: number, action: string, requestId: string, value: string, payload: Uint8Array | undefined, streams: boolean]
  | [kind: "item", session: number, call: number, cost: number, value: string, payload: Uint8Array | undefined]
  | [kind: "ended", session: number, call: number]
  | [kind: "cancelled", session: number, call: number]
  | [kind: "writable", session: number, call: number]
  | [kind: "response", session: number, call: number, value: string, payload: Uint8Array | undefined]
  | [kind: "failed", session: number, call: number, code: string, message: string, details: string]
  | [kind: "begun", session: number]
  | [kind: "over", session: number];
"#;

#[wasm_bindgen]
extern "C" {
    /// What is to be done.
    #[wasm_bindgen(typescript_type = "Output | undefined")]
    pub type JsOutput;
}

/// All sessions of a server in memory. Drain [`JsSessions::poll`] after each call.
#[wasm_bindgen(js_name = Sessions)]
pub struct JsSessions(Sessions);

#[wasm_bindgen(js_class = Sessions)]
impl JsSessions {
    /// None yet. The window in which a session waits for its next connection, and the time between keepalives: milliseconds.
    #[wasm_bindgen(constructor)]
    pub fn new(window: u32, keepalive: u32, boot: &[u8]) -> Self {
        let limits = Limits { window: window.into(), keepalive: keepalive.into(), ..Limits::default() };
        Self(Sessions::new(limits, *boot.first_chunk().unwrap_or(&[0; 16])))
    }

    /// A connection has brought a packet; its first must be a hello.
    pub fn packet(&mut self, now: f64, connection: u32, bytes: &[u8]) {
        self.0.packet(now as u64, ConnectionId(connection), bytes);
    }

    /// A connection is gone.
    pub fn closed(&mut self, now: f64, connection: u32) {
        self.0.closed(now as u64, ConnectionId(connection));
    }

    /// Time has passed. Returns when to come back at the latest, if at all.
    pub fn tick(&mut self, now: f64) -> Option<f64> {
        self.0.tick(now as u64).map(|due| due as f64)
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> JsOutput {
        self.0.poll().map_or(JsValue::UNDEFINED, Array::into).unchecked_into()
    }

    /// Answers a call of a client.
    pub fn respond(&mut self, session: u32, call: u32, value: String, payload: &JsValue) {
        self.endpoint(session, |endpoint| endpoint.respond(CallId(call), Ok(body(value, payload))));
    }

    /// Refuses a call of a client. `details` is JSON, or empty.
    pub fn refuse(&mut self, session: u32, call: u32, code: String, message: String, details: String) {
        let fault = Fault::new(Code::custom(code), message).with_details(details);
        self.endpoint(session, |endpoint| endpoint.respond(CallId(call), Err(fault)));
    }

    /// Sends an item of a call's stream, or news of it. Returns whether another may follow at once.
    ///
    /// # Errors
    /// Throws why it cannot be sent: code, status and a sentence in one string, a line each.
    pub fn item(&mut self, session: u32, call: u32, news: bool, value: String, payload: &JsValue) -> Result<bool, JsValue> {
        let (call, body) = (CallId(call), body(value, payload));
        let sent = self.endpoint(session, |endpoint| if news { endpoint.news(call, &body) } else { endpoint.item(call, &body) });
        sent.unwrap_or(Ok(false)).map_err(|fault| fault.lines().into())
    }

    /// Whether an item of this call may be sent now.
    pub fn writable(&mut self, session: u32, call: u32) -> bool {
        self.endpoint(session, |endpoint| endpoint.writable(CallId(call))).unwrap_or_default()
    }

    /// An item of a client's own has been read.
    pub fn consumed(&mut self, session: u32, call: u32, cost: u32) {
        self.endpoint(session, |endpoint| endpoint.consumed(CallId(call), cost));
    }

    /// Asks a client. Returns the call's number.
    ///
    /// # Errors
    /// Throws why it cannot be asked, in the same form.
    pub fn call(&mut self, now: f64, session: u32, action: String, value: String) -> Result<u32, JsValue> {
        let request = Request { action, body: body(value, &JsValue::UNDEFINED), ..Request::default() };
        let called = self.endpoint(session, |endpoint| endpoint.call(now as u64, request));
        let called = called.unwrap_or_else(|| Err(Fault::new(Code::SESSION_EXPIRED, "the session is over")));
        called.map(|call| call.0).map_err(|fault| fault.lines().into())
    }

    /// Withdraws a call of ours.
    pub fn cancel(&mut self, session: u32, call: u32) {
        self.endpoint(session, |endpoint| endpoint.cancel(CallId(call)));
    }

    /// Pushes an event.
    pub fn publish(&mut self, session: u32, value: String) {
        self.endpoint(session, |endpoint| endpoint.publish(&Body::json(value)));
    }

    /// Ends a session.
    pub fn end(&mut self, session: u32, code: String, message: String) {
        self.endpoint(session, |endpoint| endpoint.close(Fault::new(Code::custom(code), message)));
    }

    /// Forgets all sessions without a word, as a server that is killed and started anew. `boot` names the new one.
    pub fn forget(&mut self, boot: &[u8]) {
        self.0.forget(*boot.first_chunk().unwrap_or(&[0; 16]));
    }

    fn endpoint<R>(&mut self, session: u32, wish: impl FnOnce(&mut tabagent_protocol::Endpoint) -> R) -> Option<R> {
        self.0.find(session).map(wish)
    }
}

/// A value, and the bytes of a `Uint8Array` where there is one.
fn body(value: String, payload: &JsValue) -> Body {
    let bytes = || Payload { content_type: None, bytes: Uint8Array::new(payload).to_vec() };
    Body { value: value.into_bytes(), payload: payload.is_object().then(bytes) }
}

/// Small and constant-time.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

//! What JavaScript sees: one class, and one object of its own that hears everything.
//!
//! Values cross as JSON text: the engine's parser is faster than any in WebAssembly, and costs no code. The package's
//! TypeScript makes promises and iterators of this; nobody else should use it.

use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use tabagent_protocol::{Body, CallId, Code, Event, Fault, Lane, Payload, Request};
use wasm_bindgen::prelude::*;

use crate::{
    clock, js,
    options::{Negotiation, Options},
    session::{News, Session},
    transport::Peer,
};

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
/** Hears everything of a session. `value` is JSON in UTF-8 in memory of the module: decode it before returning. Must not throw. */
export interface Listener {
  /** A step of connecting is done (`signaling`, `ice`, `dtls`, `channel`, `welcome`), or was noticed (`offer`, `answer`, `candidates`). */
  step(name: string, ms: number, count: number): void;
  /** The session stands. */
  welcomed(): void;
  /** An item of call's answer; `news` when it is an event of the call. */
  item(call: number, news: boolean, cost: number, value: Uint8Array, payload?: Uint8Array, contentType?: string): void;
  /** The answer. */
  response(call: number, value: Uint8Array, payload?: Uint8Array, contentType?: string): void;
  /** A call failed; call 0: the session is over, and this is the last that is heard. `details` is JSON or empty. */
  fault(call: number, code: string, message: string, status: number, details: Uint8Array, retryAfterMs?: number): void;
  /** The server asks. */
  request(call: number, action: string, requestId: string | undefined, value: Uint8Array, payload?: Uint8Array, contentType?: string): void;
  /** The server no longer wants the answer to its call. */
  cancelled(call: number): void;
  /** A subscribed event. */
  published(value: Uint8Array): void;
  /** The answer to a ping. */
  pong(token: number): void;
}

/** How to reach a server; what is left out has its default. */
export interface SessionOptions {
  key?: string | undefined;
  iceServers?: readonly RTCIceServer[] | undefined;
  relayOnly?: boolean | undefined;
  serverOffers?: boolean | undefined;
  connectTimeoutMs?: number | undefined;
}

/** How to make a call; what is left out has its default. */
export interface CallOptions {
  requestId?: string | undefined;
  deadlineMs?: number | undefined;
  bulk?: boolean | undefined;
  payload?: Uint8Array | ArrayBuffer | undefined;
  contentType?: string | undefined;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// JavaScript's side of a session.
    #[wasm_bindgen(typescript_type = "Listener")]
    pub type JsListener;

    /// Options of a session, a plain object.
    #[wasm_bindgen(typescript_type = "SessionOptions")]
    pub type JsOptions;

    /// Options of a call, a plain object.
    #[wasm_bindgen(typescript_type = "CallOptions")]
    pub type JsCallOptions;

    #[wasm_bindgen(method)]
    fn step(this: &JsListener, name: &str, ms: f64, count: u32);
    #[wasm_bindgen(method)]
    fn welcomed(this: &JsListener);
    #[wasm_bindgen(method)]
    fn item(this: &JsListener, call: u32, news: bool, cost: u32, value: &[u8], payload: Option<Uint8Array>, kind: Option<String>);
    #[wasm_bindgen(method)]
    fn response(this: &JsListener, call: u32, value: &[u8], payload: Option<Uint8Array>, kind: Option<String>);
    #[wasm_bindgen(method)]
    fn fault(this: &JsListener, call: u32, code: &str, message: &str, status: u16, details: &[u8], retry_after_ms: Option<u32>);
    #[wasm_bindgen(method)]
    fn request(
        this: &JsListener,
        call: u32,
        action: &str,
        request_id: Option<String>,
        value: &[u8],
        payload: Option<Uint8Array>,
        kind: Option<String>,
    );
    #[wasm_bindgen(method)]
    fn cancelled(this: &JsListener, call: u32);
    #[wasm_bindgen(method)]
    fn published(this: &JsListener, value: &[u8]);
    #[wasm_bindgen(method)]
    fn pong(this: &JsListener, token: u32);
}

/// A session with a server, begun by its construction. The listener hears `welcomed` or a fault of call 0.
#[wasm_bindgen(js_name = Session)]
pub struct JsSession(Rc<Session>);

#[wasm_bindgen(js_class = Session)]
impl JsSession {
    /// Begins to connect. `secret` is 32 random bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(listener: JsListener, server: &str, secret: &[u8], options: &JsOptions) -> Self {
        let mut chosen = Options::new(*secret.first_chunk().unwrap_or(&[0; 32]));
        chosen.key = js::text(options, "key");
        chosen.ice_servers = js::list(options, "iceServers");
        chosen.relay_only = js::truthy(options, "relayOnly");
        if js::truthy(options, "serverOffers") {
            chosen.negotiation = Negotiation::ServerOffers;
        }
        if let Some(ms) = js::number(options, "connectTimeoutMs") {
            chosen.connect_timeout = ms.into();
        }
        Self(Session::start(server, chosen, Box::new(move |news| tell(&listener, news))))
    }

    /// Calls an action; `value` is the JSON of its fields. Returns the call's id.
    ///
    /// # Errors
    /// Throws code, status and a sentence in one string, a line each.
    pub fn call(&self, action: String, value: String, options: &JsCallOptions) -> Result<u32, JsValue> {
        let request = Request {
            action,
            lane: if js::truthy(options, "bulk") { Lane::Bulk } else { Lane::Interactive },
            request_id: js::text(options, "requestId"),
            deadline_ms: js::number(options, "deadlineMs"),
            body: body(value, js::bytes(&js::field(options, "payload")), js::text(options, "contentType")),
            ..Request::default()
        };
        let call = self.0.wish(|endpoint| endpoint.call(clock::now(), request));
        call.map(|id| id.0).map_err(|fault| format!("{}\n{}\n{}", fault.code, fault.code.status(), fault.message).into())
    }

    /// Withdraws a call; nothing is heard of it any more.
    pub fn cancel(&self, call: u32) {
        self.0.wish(|endpoint| endpoint.cancel(CallId(call)));
    }

    /// An item of this cost has been read.
    pub fn consumed(&self, call: u32, cost: u32) {
        self.0.wish(|endpoint| endpoint.consumed(CallId(call), cost));
    }

    /// Answers a call of the server with a JSON value.
    pub fn respond(&self, call: u32, value: String) {
        self.0.wish(|endpoint| endpoint.respond(CallId(call), Ok(body(value, None, None))));
    }

    /// Answers a call of the server with a failure; `details` is the JSON of an object, or empty.
    pub fn refuse(&self, call: u32, code: String, message: String, details: String) {
        let fault = Fault::new(Code::custom(code), message).with_details(details);
        self.0.wish(|endpoint| endpoint.respond(CallId(call), Err(fault)));
    }

    /// Asks for a sign of life; `token` is not 0.
    pub fn ping(&self, token: u32) {
        self.0.wish(|endpoint| endpoint.ping(token.into()));
    }

    /// Ends the session with this reason.
    pub fn close(&self, code: String, message: String) {
        self.0.close(Fault::new(Code::custom(code), message));
    }

    /// The server's id of the connection; empty while it is not known.
    pub fn connection(&self) -> String {
        self.0.attempt.id.borrow().clone()
    }

    /// Per lane: packets sent, acknowledged, received, turns waiting, bytes buffered; then calls in flight: ours, the server's.
    pub fn counts(&self) -> Vec<u32> {
        let mut out = Vec::with_capacity(12);
        let endpoint = self.0.driver.endpoint.borrow();
        for lane in Lane::ALL {
            for count in endpoint.lane_counts(lane) {
                out.push(count as u32);
            }
            out.push(self.0.peer(|peer| peer.buffered(lane)).unwrap_or_default());
        }
        let (ours, theirs) = endpoint.calls_in_flight();
        out.push(ours as u32);
        out.push(theirs as u32);
        out
    }

    /// The browser's statistics of the connection, an `RTCStatsReport`.
    pub fn report(&self) -> Option<Promise> {
        self.0.peer(Peer::report)
    }
}

fn tell(listener: &JsListener, news: News) {
    match news {
        News::Step { step, ms } => listener.step(step.name(), ms, 0),
        News::Trace { what, count, ms } => listener.step(what, ms, count),
        News::Session(event) => tell_event(listener, event),
    }
}

fn tell_event(listener: &JsListener, event: Event) {
    match event {
        Event::Welcomed(_) => listener.welcomed(),
        Event::Item { call, body, cost } => item(listener, call, false, cost, body),
        Event::News { call, body, cost } => item(listener, call, true, cost, body),
        Event::Response { call, body } => {
            let (value, payload, kind) = parts(body);
            listener.response(call.0, &value, payload, kind);
        }
        Event::Failed { call, fault } => failed(listener, call, &fault),
        Event::Closed(fault) => failed(listener, CallId(0), &fault),
        Event::Request { call, request } => {
            let (value, payload, kind) = parts(request.body);
            listener.request(call.0, &request.action, request.request_id, &value, payload, kind);
        }
        Event::Cancelled { call } => listener.cancelled(call.0),
        Event::Published(body) => listener.published(&body.value),
        Event::Pong { token } => listener.pong(token as u32),
        // Without resumption there is nothing to do before the end itself; requests here have no items of their own.
        Event::GoAway(_) | Event::Ended { .. } | Event::Writable { .. } => {}
    }
}

fn item(listener: &JsListener, call: CallId, news: bool, cost: u32, body: Body) {
    let (value, payload, kind) = parts(body);
    listener.item(call.0, news, cost, &value, payload, kind);
}

fn failed(listener: &JsListener, call: CallId, fault: &Fault) {
    let code = &fault.code;
    listener.fault(call.0, code.as_str(), &fault.message, code.status(), &fault.details, fault.retry_after_ms);
}

/// The raw bytes get a buffer of their own: a view of the module's memory would be gone with the next allocation.
fn parts(body: Body) -> (Vec<u8>, Option<Uint8Array>, Option<String>) {
    let Some(payload) = body.payload else { return (body.value, None, None) };
    (body.value, Some(Uint8Array::from(payload.bytes.as_slice())), payload.content_type)
}

fn body(value: String, payload: Option<Vec<u8>>, content_type: Option<String>) -> Body {
    Body { value: value.into_bytes(), payload: payload.map(|bytes| Payload { content_type, bytes }) }
}

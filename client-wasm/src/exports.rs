//! What JavaScript sees: one class, and one object of its own that hears everything.
//!
//! Values cross as JSON text: the engine's parser is faster than any in WebAssembly, and costs no code. The package's
//! TypeScript makes promises and iterators of this; nobody else should use it.

use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use tabagent_protocol::{Body, CallId, Code, Fault, Lane, Payload, Request};
use wasm_bindgen::prelude::*;

use crate::{
    client::{CallEvent, Client, ClientEvent, Sink},
    js,
    options::{Negotiation, Options},
};

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
/** Hears everything of a session. `value` is JSON in UTF-8 in memory of the module: decode it before returning. Must not throw. */
export interface Listener {
  /** A step of connecting is done (`signaling`, `ice`, `dtls`, `channel`, `welcome`), or was noticed (`offer`, `candidates`). */
  step(name: string, ms: number, count: number): void;
  /** The session stands. */
  welcomed(): void;
  /** An item of call's answer; `news` when it is an event of the call. */
  item(call: number, news: boolean, cost: number, value: Uint8Array, payload?: Uint8Array, contentType?: string): void;
  /** The answer. */
  response(call: number, value: Uint8Array, payload?: Uint8Array, contentType?: string): void;
  /** A call failed; call 0: the session is over, and this is the last that is heard. `details` is JSON or empty. */
  fault(call: number, code: string, message: string, status: number, details: string, retryAfterMs?: number): void;
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
    fn fault(this: &JsListener, call: u32, code: &str, message: &str, status: u16, details: &str, retry_after_ms: Option<u32>);
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
#[wasm_bindgen]
pub struct Session {
    client: Client,
    sink: Sink,
}

#[wasm_bindgen]
impl Session {
    /// Begins to connect. `secret` is 32 random bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(listener: JsListener, server: &str, secret: &[u8], options: &JsOptions) -> Self {
        let mut owned = [0; 32];
        for (to, from) in owned.iter_mut().zip(secret) {
            *to = *from;
        }
        let mut chosen = Options::new(owned);
        chosen.key = js::text(options, "key");
        chosen.ice_servers = js::list(options, "iceServers");
        chosen.relay_only = js::truthy(options, "relayOnly");
        if js::truthy(options, "serverOffers") {
            chosen.negotiation = Negotiation::ServerOffers;
        }
        if let Some(ms) = js::number(options, "connectTimeoutMs") {
            chosen.connect_timeout = ms.into();
        }
        let listener = Rc::new(listener);
        let heard = listener.clone();
        let client = Client::start(server, chosen, Rc::new(move |event| session(&heard, event)));
        Self { client, sink: Rc::new(move |id, event| call(&listener, id, event)) }
    }

    /// Calls an action; `value` is the JSON of its fields. Returns the call's id.
    ///
    /// # Errors
    /// Throws `code`, a line break and a sentence: an exception carries one value.
    pub fn call(&self, action: String, value: String, options: &JsCallOptions) -> Result<u32, JsValue> {
        let request = Request {
            action,
            lane: if js::truthy(options, "bulk") { Lane::Bulk } else { Lane::Interactive },
            request_id: js::text(options, "requestId"),
            deadline_ms: js::number(options, "deadlineMs"),
            body: body(value, js::bytes(&js::field(options, "payload")), js::text(options, "contentType")),
            ..Request::default()
        };
        let call = self.client.call(request, self.sink.clone());
        call.map(|id| id.0).map_err(|fault| format!("{}\n{}", fault.code, fault.message).into())
    }

    /// Withdraws a call; nothing is heard of it any more.
    pub fn cancel(&self, call: u32) {
        self.client.cancel(CallId(call));
    }

    /// An item of this cost has been read.
    pub fn consumed(&self, call: u32, cost: u32) {
        self.client.consumed(CallId(call), cost);
    }

    /// Answers a call of the server with a JSON value.
    pub fn respond(&self, call: u32, value: String) {
        self.client.respond(CallId(call), Ok(body(value, None, None)));
    }

    /// Answers a call of the server with a failure; `details` is the JSON of an object, or empty.
    pub fn refuse(&self, call: u32, code: String, message: String, details: String) {
        self.client.respond(CallId(call), Err(Fault::new(Code::custom(code), message).with_details(details)));
    }

    /// Asks for a sign of life; `token` is not 0.
    pub fn ping(&self, token: u32) {
        self.client.ping(token);
    }

    /// Ends the session with this reason.
    pub fn close(&self, code: String, message: String) {
        self.client.close(Fault::new(Code::custom(code), message));
    }

    /// The server's id of the connection; empty while it is not known.
    pub fn connection(&self) -> String {
        self.client.connection()
    }

    /// Per lane: packets sent, acknowledged, received, turns waiting, bytes buffered; then calls in flight: ours, the server's.
    pub fn counts(&self) -> Vec<u32> {
        let mut out = Vec::new();
        for lane in Lane::ALL {
            out.extend(self.client.lane_counts(lane).map(|count| count as u32));
            out.push(self.client.buffered(lane));
        }
        let (ours, theirs) = self.client.calls_in_flight();
        out.extend([ours as u32, theirs as u32]);
        out
    }

    /// The browser's statistics of the connection, an `RTCStatsReport`.
    pub fn report(&self) -> Option<Promise> {
        self.client.report()
    }
}

fn session(listener: &JsListener, event: ClientEvent) {
    match event {
        ClientEvent::Step { step, ms } => listener.step(step.name(), ms, 0),
        ClientEvent::Trace { what, count, ms } => listener.step(what, ms, count),
        ClientEvent::Welcomed => listener.welcomed(),
        ClientEvent::Request { call, request } => {
            let (value, payload, kind) = parts(request.body);
            listener.request(call.0, &request.action, request.request_id, &value, payload, kind);
        }
        ClientEvent::Cancelled(call) => listener.cancelled(call.0),
        ClientEvent::Published(body) => listener.published(&body.value),
        ClientEvent::Pong(token) => listener.pong(token),
        // Without resumption there is nothing to do before the end itself.
        ClientEvent::GoAway(_) => {}
        ClientEvent::Closed(fault) => failed(listener, CallId(0), &fault),
    }
}

fn call(listener: &JsListener, id: CallId, event: CallEvent) {
    let news = matches!(event, CallEvent::News(..));
    match event {
        CallEvent::Item(body, cost) | CallEvent::News(body, cost) => {
            let (value, payload, kind) = parts(body);
            listener.item(id.0, news, cost, &value, payload, kind);
        }
        CallEvent::Response(body) => {
            let (value, payload, kind) = parts(body);
            listener.response(id.0, &value, payload, kind);
        }
        CallEvent::Failed(fault) => failed(listener, id, &fault),
    }
}

fn failed(listener: &JsListener, id: CallId, fault: &Fault) {
    let details = core::str::from_utf8(&fault.details).unwrap_or_default();
    listener.fault(id.0, fault.code.as_str(), &fault.message, fault.code.status(), details, fault.retry_after_ms);
}

/// The raw bytes get a buffer of their own: a view of the module's memory would be gone with the next allocation.
fn parts(body: Body) -> (Vec<u8>, Option<Uint8Array>, Option<String>) {
    let Some(payload) = body.payload else { return (body.value, None, None) };
    (body.value, Some(Uint8Array::from(payload.bytes.as_slice())), payload.content_type)
}

fn body(value: String, payload: Option<Vec<u8>>, content_type: Option<String>) -> Body {
    Body { value: value.into_bytes(), payload: payload.map(|bytes| Payload { content_type, bytes }) }
}

//! What JavaScript sees: one class, and one object of its own that hears everything.
//!
//! Values cross as JSON text: the engine's parser is faster than any in WebAssembly, and costs no code. Whatever has many parts
//! crosses as a plain object, because each argument of an exported function is paid for in generated code. The package's
//! TypeScript makes promises and iterators of this; nobody else should use it.

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use tabagent_protocol::{Body, CallId, Code, Event, Fault, Lane, Payload, Request};
use wasm_bindgen::prelude::*;

use crate::{
    clock, js,
    ladder::NEVER,
    options::{Negotiation, Options},
    session::{News, Session},
    transport::Rung,
};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Hears everything of a session, and says what it is called. `value` is JSON in UTF-8 in memory of the module: decode it before returning. Must not throw. */
export interface Listener {
  /**
   * A step of opening a transport is done (`signaling`, `ice`, `dtls`, `channel`, `welcome`), or was noticed (`offer`, `answer`,
   * `candidates`). `connection` is the server's id of it, empty while it is not known.
   */
  step(transport: string, connection: string, name: string, ms: number, count: number): void;
  /** Opening a transport came to nothing; it may be tried again. */
  failed(transport: string, step: string, code: string, message: string): void;
  /** Another transport carries the session, or none (an empty name); with the first, the session stands. */
  transport(to: string, connection: string, reason: string): void;
  /** A session begins: the first, or the next after one has expired. `boot` names the server process. */
  welcomed(boot: Uint8Array): void;
  /** The server no longer has the session; the next one begins. Calls that had left have failed, the others wait. */
  expired(): void;
  /** An item of a call's answer; `news` when it is an event of the call. */
  item(call: number, news: boolean, cost: number, value: Uint8Array, payload: Uint8Array | undefined): void;
  /** The answer. */
  response(call: number, value: Uint8Array, payload: Uint8Array | undefined): void;
  /** The call's reader takes items. */
  writable(call: number): void;
  /** A call failed; call 0: the session is over, and this is the last that is heard. `details` is JSON or empty. */
  fault(call: number, code: string, message: string, status: number, details: Uint8Array, retryAfterMs: number | undefined): void;
  /** The server asks. `requestId` is empty where it gave none. */
  request(call: number, action: string, requestId: string, value: Uint8Array, payload: Uint8Array | undefined): void;
  /** The server no longer wants the answer to its call. */
  cancelled(call: number): void;
  /** A subscribed event. */
  published(value: Uint8Array): void;
  /** The answer to a ping. */
  pong(token: number): void;
  /** Gives 32 random bytes for a session, and others for the next. */
  secret(): Uint8Array;
}

/** How to reach a server; what is left out has its default. */
export interface SessionOptions {
  /** `http://host:port`. */
  server: string;
  /** Secrets of sessions that this one takes the place of, one behind the other. */
  replaces?: Uint8Array | undefined;
  /** What makes transports, where that is not the window's own; that of peer connections is given the window to make them in. */
  constructors?: object | undefined;
  key?: string | undefined;
  /** The preferred first, each as its place among all: `webrtc`, `websocket`, `native`. */
  transports: Uint8Array;
  iceServers?: readonly RTCIceServer[] | undefined;
  relayOnly?: boolean | undefined;
  serverOffers?: boolean | undefined;
  /** A session that loses its transport is over. */
  once?: boolean | undefined;
  /**
   * Milliseconds, 64-bit floats: until connecting fails; window, first and longest wait, the same for what is preferred, stable, head start,
   * silence, answer. What is not a number has its default.
   */
  patience: Uint8Array;
}

/** A call. */
export interface CallRequest {
  action: string;
  /** JSON of its fields. */
  value: string;
  requestId?: string | undefined;
  deadlineMs?: number | undefined;
  bulk?: boolean | undefined;
  /** Items follow. */
  streams?: boolean | undefined;
  idempotencyKey?: string | undefined;
  /** The server process that had the key first: 16 bytes. */
  boot?: Uint8Array | undefined;
  payload?: Uint8Array | ArrayBuffer | undefined;
  contentType?: string | undefined;
}

/** A part of what a call streams up. */
export interface CallItem {
  /** JSON. */
  value: string;
  payload?: Uint8Array | undefined;
  contentType?: string | undefined;
}

/** An answer: JSON of a value, or a failure. */
export interface Answer {
  value?: string | undefined;
  code?: string | undefined;
  message?: string | undefined;
  /** JSON of an object. */
  details?: string | undefined;
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

    /// A call, a plain object.
    #[wasm_bindgen(typescript_type = "CallRequest")]
    pub type JsRequest;

    /// A part of what a call streams up, a plain object.
    #[wasm_bindgen(typescript_type = "CallItem")]
    pub type JsItem;

    /// An answer or a reason, a plain object.
    #[wasm_bindgen(typescript_type = "Answer")]
    pub type JsAnswer;

    #[wasm_bindgen(method)]
    fn step(this: &JsListener, transport: &str, connection: &str, name: &str, ms: f64, count: u32);
    #[wasm_bindgen(method)]
    fn failed(this: &JsListener, transport: &str, step: &str, code: &str, message: &str);
    #[wasm_bindgen(method)]
    fn transport(this: &JsListener, to: &str, connection: &str, reason: &str);
    #[wasm_bindgen(method)]
    fn welcomed(this: &JsListener, boot: &[u8]);
    #[wasm_bindgen(method)]
    fn expired(this: &JsListener);
    #[wasm_bindgen(method)]
    fn item(this: &JsListener, call: u32, news: bool, cost: u32, value: &[u8], payload: &JsValue);
    #[wasm_bindgen(method)]
    fn response(this: &JsListener, call: u32, value: &[u8], payload: &JsValue);
    #[wasm_bindgen(method)]
    fn writable(this: &JsListener, call: u32);
    #[wasm_bindgen(method)]
    fn fault(this: &JsListener, call: u32, code: &str, message: &str, status: u16, details: &[u8], retry_after_ms: Option<u32>);
    #[wasm_bindgen(method)]
    fn request(this: &JsListener, call: u32, action: &str, request_id: &str, value: &[u8], payload: &JsValue);
    #[wasm_bindgen(method)]
    fn cancelled(this: &JsListener, call: u32);
    #[wasm_bindgen(method)]
    fn published(this: &JsListener, value: &[u8]);
    #[wasm_bindgen(method)]
    fn pong(this: &JsListener, token: u32);
    #[wasm_bindgen(method)]
    fn secret(this: &JsListener) -> JsValue;
}

/// What a caller may wish for, numbered as in the package's `wishes.ts`. One exported function for all: each has code of its own that guards it.
mod wish {
    /// A call of the parts of a [`JsRequest`](super::JsRequest). Answers its id.
    pub(super) const CALL: u32 = 0;
    /// Sends an item of call `a`, of the parts of a [`JsItem`](super::JsItem), once `writable` was heard of it. Answers 1 when more may follow
    /// at once; if not, it is heard again.
    pub(super) const ITEM: u32 = 1;
    /// Answers call `a` of the server, by the parts of a [`JsAnswer`](super::JsAnswer).
    pub(super) const ANSWER: u32 = 2;
    /// Ends the session with the reason in a [`JsAnswer`](super::JsAnswer).
    pub(super) const CLOSE: u32 = 3;
    /// Withdraws call `a`; nothing is heard of it any more.
    pub(super) const CANCEL: u32 = 4;
    /// The items of call `a` are complete.
    pub(super) const END: u32 = 5;
    /// An item of call `a` that cost `b` has been read.
    pub(super) const CONSUMED: u32 = 6;
    /// A sign of life; `a`, not 0, comes back.
    pub(super) const PING: u32 = 7;
    /// The page is looked at again; `a` is 1 when its way to the server may have changed.
    pub(super) const WAKE: u32 = 8;
    /// The page goes, and may come back.
    pub(super) const SLEEP: u32 = 9;
    /// Answers the [counts](super::JsSession::counts) in bytes, 32-bit numbers.
    pub(super) const COUNTS: u32 = 10;
    /// Answers the promise of the browser's statistics of the connection in use, an `RTCStatsReport`, where that is WebRTC.
    pub(super) const REPORT: u32 = 11;
}

/// A session with a server, begun by its construction. The listener hears `transport` or a fault of call 0.
#[wasm_bindgen(js_name = Session)]
pub struct JsSession(Rc<Session>);

#[wasm_bindgen(js_class = Session)]
impl JsSession {
    /// Begins to connect.
    #[wasm_bindgen(constructor)]
    pub fn new(listener: JsListener, options: &JsOptions) -> Self {
        let listener = Rc::new(listener);
        let namer = listener.clone();
        let mut chosen = Options::new(move || *js::bytes(&namer.secret()).first_chunk().unwrap_or(&[0; 32]));
        let places = js::bytes(&js::field(options, "transports"));
        chosen.transports = places.iter().filter_map(|at| Rung::ALL.get(usize::from(*at)).copied()).collect();
        chosen.replaces = js::bytes(&js::field(options, "replaces")).as_chunks().0.to_vec();
        chosen.constructors = js::field(options, "constructors");
        chosen.key = js::text(options, "key");
        chosen.ice_servers = js::known::<Array>(js::field(options, "iceServers"));
        chosen.relay_only = js::truth(options, "relayOnly");
        if js::truth(options, "serverOffers") {
            chosen.negotiation = Negotiation::ServerOffers;
        }
        chosen.reconnect = !js::truth(options, "once");
        let patience = js::bytes(&js::field(options, "patience"));
        let all = [&mut chosen.connect_timeout].into_iter().chain(chosen.patience.all_mut());
        for (value, ms) in all.zip(patience.as_chunks().0) {
            let ms = f64::from_le_bytes(*ms);
            if !ms.is_nan() {
                // For ever is 49 days: a time that is added to another must not run over.
                *value = u64::from(ms as u32);
            }
        }
        let server = js::text(options, "server").unwrap_or_default();
        Self(Session::start(&server, chosen, Box::new(move |session, news| tell(&listener, session, news))))
    }

    /// Wishes for something, of a call `a` where it is of one. What is refused is answered by code, status and a sentence in one string, a line
    /// each.
    #[wasm_bindgen(unchecked_return_type = "unknown")]
    pub fn wish(
        &self,
        wish: u32,
        a: u32,
        b: u32,
        #[wasm_bindgen(unchecked_optional_param_type = "object")] parts: &JsValue,
    ) -> JsValue {
        let (session, call) = (&self.0, CallId(a));
        let answer = match wish {
            wish::CALL => session.wish().call(clock::now(), request(parts)).map(|id| id.0),
            wish::ITEM => session.wish().item(call, &body(parts)).map(u32::from),
            wish::COUNTS => return Uint8Array::from(self.counts().as_slice()).into(),
            wish::REPORT => return session.transport(|transport| transport.report()).unwrap_or_default(),
            _ => {
                self.wish_only(wish, a, b, parts);
                return JsValue::UNDEFINED;
            }
        };
        answer.map_or_else(|fault| fault.lines().into(), JsValue::from)
    }

    /// What is not answered.
    fn wish_only(&self, wish: u32, a: u32, b: u32, parts: &JsValue) {
        let (session, call) = (&self.0, CallId(a));
        match wish {
            wish::ANSWER => {
                let answer = fault(parts).map_or_else(|| Ok(Body::json(js::utf8(parts, "value"))), Err);
                session.wish().respond(call, answer);
            }
            wish::CLOSE => {
                if let Some(fault) = fault(parts) {
                    session.close(fault);
                }
            }
            wish::CANCEL => session.wish().cancel(call),
            wish::END => session.wish().end_items(call),
            wish::CONSUMED => session.wish().consumed(call, b),
            wish::PING => session.wish().ping(a.into()),
            wish::WAKE => session.wake(a != 0),
            wish::SLEEP => session.sleep(),
            _ => {}
        }
    }

    /// Calls in flight: ours, the server's; per lane: packets sent, acknowledged, received, turns waiting, bytes buffered; per
    /// transport, the preferred first: 0 idle, 1 waiting, 2 opening, 3 carrying; failures; milliseconds to the next try.
    fn counts(&self) -> Vec<u8> {
        let session = &self.0;
        let endpoint = session.driver.endpoint.borrow();
        let (ours, theirs) = endpoint.calls_in_flight();
        let mut out = Vec::new();
        // Called in many places: as a value it is one function, and not one in each of them.
        let push: &mut dyn FnMut(u32) = &mut |count| out.extend_from_slice(&count.to_le_bytes());
        push(ours as u32);
        push(theirs as u32);
        for lane in Lane::ALL {
            for count in endpoint.lane_counts(lane) {
                push(count as u32);
            }
            push(session.transport(|transport| transport.buffered(lane as u32)).unwrap_or_default());
        }
        let carrier = session.carrier().map(|attempt| attempt.rung);
        for place in &session.ladder.borrow().places {
            let (state, wait) = match place.due {
                _ if Some(place.rung) == carrier => (3, 0),
                _ if place.opening => (2, 0),
                NEVER => (0, 0),
                due => (1, due.saturating_sub(clock::now())),
            };
            for number in [state, place.failures, wait as u32] {
                push(number);
            }
        }
        out
    }
}

fn tell(listener: &JsListener, session: &Session, news: News) {
    match news {
        News::Step { transport, connection, name, ms, count } => listener.step(transport.name(), &connection, name, ms, count),
        News::Failed { transport, step, fault } => {
            listener.failed(transport.name(), step.name(), fault.code.as_str(), &fault.message);
        }
        News::Transport { to, reason } => {
            let connection = session.carrier().map(|attempt| attempt.id.borrow().clone()).unwrap_or_default();
            listener.transport(to.map_or("", Rung::name), &connection, reason);
        }
        News::Session(event) => tell_event(listener, event),
    }
}

fn tell_event(listener: &JsListener, event: Event) {
    match event {
        Event::Welcomed(welcome) => listener.welcomed(&welcome.boot),
        Event::Expired(_) => listener.expired(),
        Event::Item { call, body, cost } => item(listener, call, &body, cost, false),
        Event::News { call, body, cost } => item(listener, call, &body, cost, true),
        Event::Response { call, body } => listener.response(call.0, &body.value, &payload(&body)),
        Event::Failed { call, fault } => failed(listener, call, &fault),
        Event::Closed(fault) => failed(listener, CallId(0), &fault),
        Event::Request { call, request: Request { action, request_id, body, .. } } => {
            listener.request(call.0, &action, &request_id.unwrap_or_default(), &body.value, &payload(&body));
        }
        Event::Cancelled { call } | Event::Abandoned { call } => listener.cancelled(call.0),
        Event::Writable { call } => listener.writable(call.0),
        Event::Published(body) => listener.published(&body.value),
        Event::Pong { token } => listener.pong(token as u32),
        // Transports are told of by themselves; before an announced end there is nothing to do; requests have no items of their own.
        Event::Moved { .. } | Event::Disconnected | Event::GoAway(_) | Event::Ended { .. } => {}
    }
}

fn item(listener: &JsListener, call: CallId, body: &Body, cost: u32, news: bool) {
    listener.item(call.0, news, cost, &body.value, &payload(body));
}

fn failed(listener: &JsListener, call: CallId, fault: &Fault) {
    let code = &fault.code;
    listener.fault(call.0, code.as_str(), &fault.message, code.status(), &fault.details, fault.retry_after_ms);
}

/// Reads a call.
fn request(parts: &JsValue) -> Request {
    Request {
        action: js::text(parts, "action").unwrap_or_default(),
        lane: if js::truth(parts, "bulk") { Lane::Bulk } else { Lane::Interactive },
        request_id: js::text(parts, "requestId"),
        deadline_ms: js::number(parts, "deadlineMs"),
        idempotency_key: js::text(parts, "idempotencyKey"),
        boot: js::bytes(&js::field(parts, "boot")).first_chunk().copied(),
        streams: js::truth(parts, "streams"),
        body: body(parts),
        ..Request::default()
    }
}

/// Reads a value, and the raw bytes beside it.
fn body(object: &JsValue) -> Body {
    let payload = js::field(object, "payload");
    let raw = || Payload { content_type: js::text(object, "contentType"), bytes: js::bytes(&payload) };
    Body { value: js::utf8(object, "value"), payload: payload.is_object().then(raw) }
}

/// The raw bytes get a buffer of their own: a view of the module's memory would be gone with the next allocation.
fn payload(body: &Body) -> JsValue {
    match &body.payload {
        Some(payload) => Uint8Array::from(payload.bytes.as_slice()).into(),
        None => JsValue::UNDEFINED,
    }
}

/// Reads a failure; none where there is no code.
fn fault(answer: &JsValue) -> Option<Fault> {
    let message = js::text(answer, "message").unwrap_or_default();
    Some(Fault::new(Code::custom(js::text(answer, "code")?), message).with_details(js::utf8(answer, "details")))
}

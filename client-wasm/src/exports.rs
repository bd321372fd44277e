//! What JavaScript sees: one class, and one object of its own that hears everything.
//!
//! Values cross as JSON text: the engine's parser is faster than any in WebAssembly, and costs no code. Whatever has many parts
//! crosses as a plain object, because each argument of an exported function is paid for in generated code. The package's
//! TypeScript makes promises and iterators of this; nobody else should use it.

use std::rc::Rc;

use js_sys::{Function, Promise, Uint8Array};
use tabagent_protocol::{Body, CallId, Code, Event, Fault, Lane, Payload, Request};
use wasm_bindgen::prelude::*;

use crate::{
    clock, js,
    ladder::NEVER,
    options::{Negotiation, Options},
    session::{News, Session},
    transport::{Rung, Transport},
};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Hears everything of a session. `value` is JSON in UTF-8 in memory of the module: decode it before returning. Must not throw. */
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
}

/** How to reach a server; what is left out has its default. */
export interface SessionOptions {
  /** `http://host:port`. */
  server: string;
  /** Gives 32 random bytes for a session, and others for the next. */
  secret: () => Uint8Array;
  /** Secrets of sessions that this one takes the place of, one behind the other. */
  replaces?: Uint8Array | undefined;
  /** What makes transports, where that is not the window's own; that of peer connections is given the window to make them in. */
  constructors?: object | undefined;
  key?: string | undefined;
  /** The preferred first; WebRTC and the WebSocket when left out. */
  transports?: readonly string[] | undefined;
  iceServers?: readonly RTCIceServer[] | undefined;
  relayOnly?: boolean | undefined;
  serverOffers?: boolean | undefined;
  connectTimeoutMs?: number | undefined;
  /** A session that loses its transport is over. */
  once?: boolean | undefined;
  /** Window, first and longest wait, the same for what is preferred, stable, head start, silence, answer: milliseconds. */
  patience?: readonly (number | undefined)[] | undefined;
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
}

/// What a caller may wish for that needs no more than numbers.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Wish {
    /// Withdraws call `a`; nothing is heard of it any more.
    Cancel,
    /// The items of call `a` are complete.
    End,
    /// An item of call `a` that cost `b` has been read.
    Consumed,
    /// A sign of life; `a`, not 0, comes back.
    Ping,
    /// The page is looked at again; `a` is 1 when its way to the server may have changed.
    Wake,
    /// The page goes, and may come back.
    Sleep,
}

/// A session with a server, begun by its construction. The listener hears `transport` or a fault of call 0.
#[wasm_bindgen(js_name = Session)]
pub struct JsSession(Rc<Session>);

#[wasm_bindgen(js_class = Session)]
impl JsSession {
    /// Begins to connect.
    #[wasm_bindgen(constructor)]
    pub fn new(listener: JsListener, options: &JsOptions) -> Self {
        let secrets: Function = js::known(js::field(options, "secret"));
        let mut chosen = Options::new(move || *js::bytes(&js::call(&secrets)).first_chunk().unwrap_or(&[0; 32]));
        let names = js::list(options, "transports");
        chosen.transports.clear();
        for at in 0..names.length() {
            chosen.transports.extend(names.get(at).as_string().and_then(|name| Rung::of(&name)));
        }
        chosen.replaces = js::bytes(&js::field(options, "replaces")).as_chunks().0.to_vec();
        chosen.constructors = js::field(options, "constructors");
        chosen.key = js::text(options, "key");
        chosen.ice_servers = js::list(options, "iceServers");
        chosen.relay_only = js::truthy(options, "relayOnly");
        if js::truthy(options, "serverOffers") {
            chosen.negotiation = Negotiation::ServerOffers;
        }
        chosen.reconnect = !js::truthy(options, "once");
        let patience = js::list(options, "patience");
        for (value, at) in chosen.patience.all_mut().into_iter().zip(0..) {
            if let Some(ms) = patience.get(at).as_f64() {
                *value = ms as u64;
            }
        }
        if let Some(ms) = js::number(options, "connectTimeoutMs") {
            chosen.connect_timeout = ms.into();
        }
        let server = js::text(options, "server").unwrap_or_default();
        Self(Session::start(&server, chosen, Box::new(move |session, news| tell(&listener, session, news))))
    }

    /// Calls an action. Returns the call's id.
    ///
    /// # Errors
    /// Throws code, status and a sentence in one string, a line each.
    pub fn call(&self, request: &JsRequest) -> Result<u32, JsValue> {
        let request = Request {
            action: js::text(request, "action").unwrap_or_default(),
            lane: if js::truthy(request, "bulk") { Lane::Bulk } else { Lane::Interactive },
            request_id: js::text(request, "requestId"),
            deadline_ms: js::number(request, "deadlineMs"),
            idempotency_key: js::text(request, "idempotencyKey"),
            boot: js::bytes(&js::field(request, "boot")).first_chunk().copied(),
            streams: js::truthy(request, "streams"),
            body: body(request),
            ..Request::default()
        };
        self.0.wish().call(clock::now(), request).map(|id| id.0).map_err(|fault| fault.lines().into())
    }

    /// Sends an item of a call that streams, once `writable` was heard of it. Answers whether more may follow at once; if not, it
    /// is heard again.
    ///
    /// # Errors
    /// As [`JsSession::call`].
    pub fn item(&self, call: u32, item: &JsItem) -> Result<bool, JsValue> {
        self.0.wish().item(CallId(call), &body(item)).map_err(|fault| fault.lines().into())
    }

    /// Answers a call of the server.
    pub fn answer(&self, call: u32, answer: &JsAnswer) {
        let result = match fault(answer) {
            Some(fault) => Err(fault),
            None => Ok(Body::json(bytes_of(answer, "value"))),
        };
        self.0.wish().respond(CallId(call), result);
    }

    /// Wishes for something of a call.
    pub fn wish(&self, wish: Wish, a: u32, b: u32) {
        let session = &self.0;
        match wish {
            Wish::Cancel => session.wish().cancel(CallId(a)),
            Wish::End => session.wish().end_items(CallId(a)),
            Wish::Consumed => session.wish().consumed(CallId(a), b),
            Wish::Ping => session.wish().ping(a.into()),
            Wish::Wake => session.wake(a != 0),
            Wish::Sleep => session.sleep(),
        }
    }

    /// Ends the session with this reason.
    pub fn close(&self, reason: &JsAnswer) {
        if let Some(fault) = fault(reason) {
            self.0.close(fault);
        }
    }

    /// Calls in flight: ours, the server's; per lane: packets sent, acknowledged, received, turns waiting, bytes buffered; per
    /// transport, the preferred first: 0 idle, 1 waiting, 2 opening, 3 carrying; failures; milliseconds to the next try.
    pub fn counts(&self) -> Vec<u32> {
        let session = &self.0;
        let endpoint = session.driver.endpoint.borrow();
        let (ours, theirs) = endpoint.calls_in_flight();
        let mut out = vec![ours as u32, theirs as u32];
        for lane in Lane::ALL {
            for count in endpoint.lane_counts(lane) {
                out.push(count as u32);
            }
            out.push(session.transport(|transport| transport.buffered(lane)).unwrap_or_default());
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
                out.push(number);
            }
        }
        out
    }

    /// The browser's statistics of the connection in use, an `RTCStatsReport`, where that is WebRTC.
    pub fn report(&self) -> Option<Promise> {
        self.0.transport(Transport::report).flatten()
    }
}

fn tell(listener: &JsListener, session: &Session, news: News) {
    match news {
        News::Step { transport, connection, name, ms, count } => listener.step(transport.name(), &connection, name, ms, count),
        News::Failed { transport, step, fault } => {
            listener.failed(transport.name(), step.name(), fault.code.as_str(), &fault.message);
        }
        News::Transport { to, reason } => {
            let connection = session.carrier().map(|attempt| attempt.id()).unwrap_or_default();
            listener.transport(to.map_or("", Rung::name), &connection, reason);
        }
        News::Session(event) => tell_event(listener, event),
    }
}

fn tell_event(listener: &JsListener, event: Event) {
    match event {
        Event::Welcomed(welcome) => listener.welcomed(&welcome.boot),
        Event::Expired(_) => listener.expired(),
        Event::Item { call, body, cost } => listener.item(call.0, false, cost, &body.value, &payload(&body)),
        Event::News { call, body, cost } => listener.item(call.0, true, cost, &body.value, &payload(&body)),
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

fn failed(listener: &JsListener, call: CallId, fault: &Fault) {
    let code = &fault.code;
    listener.fault(call.0, code.as_str(), &fault.message, code.status(), &fault.details, fault.retry_after_ms);
}

/// Reads a value, and the raw bytes beside it.
fn body(object: &JsValue) -> Body {
    let payload = js::field(object, "payload");
    let raw = || Payload { content_type: js::text(object, "contentType"), bytes: js::bytes(&payload) };
    Body { value: bytes_of(object, "value"), payload: payload.is_object().then(raw) }
}

/// The raw bytes get a buffer of their own: a view of the module's memory would be gone with the next allocation.
fn payload(body: &Body) -> JsValue {
    body.payload.as_ref().map_or(JsValue::UNDEFINED, |payload| Uint8Array::from(payload.bytes.as_slice()).into())
}

/// Reads a failure; none where there is no code.
fn fault(answer: &JsValue) -> Option<Fault> {
    let message = js::text(answer, "message").unwrap_or_default();
    Some(Fault::new(Code::custom(js::text(answer, "code")?), message).with_details(bytes_of(answer, "details")))
}

fn bytes_of(object: &JsValue, name: &str) -> Vec<u8> {
    js::text(object, name).unwrap_or_default().into_bytes()
}

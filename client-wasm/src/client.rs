//! A session with a server as its user sees it: states and calls.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use futures_channel::oneshot;
use js_sys::Promise;
use tabagent_protocol::{Body, CallId, Endpoint, Event, Fault, Lane, Limits, Request, frame::go_away::GoAway};
use wasm_bindgen::JsValue;

use crate::{
    attempt::Attempt,
    clock,
    driver::Driver,
    error,
    js::Callback,
    options::Options,
    transport::{Peer, Step},
};

/// Hears what concerns the whole session.
pub type Listener = Rc<dyn Fn(ClientEvent)>;
/// Hears what becomes of a call.
pub type Sink = Rc<dyn Fn(CallId, CallEvent)>;

/// News of a session.
#[derive(Debug)]
pub enum ClientEvent {
    /// A step of connecting is done.
    Step {
        /// Which.
        step: Step,
        /// Milliseconds since the start.
        ms: f64,
    },
    /// Something worth a line in a log happened while connecting.
    Trace {
        /// `offer` (made or received), `candidates` (all found).
        what: &'static str,
        /// How many, where that means something.
        count: u32,
        /// Milliseconds since the start.
        ms: f64,
    },
    /// The server welcomed the session: it is connected.
    Welcomed,
    /// The server asks; answer with [`Client::respond`].
    Request {
        /// The call.
        call: CallId,
        /// What is asked.
        request: Request,
    },
    /// The server no longer wants the answer to a call of its own.
    Cancelled(CallId),
    /// A subscribed event.
    Published(Body),
    /// The answer to [`Client::ping`].
    Pong(u32),
    /// The server announced an end.
    GoAway(GoAway),
    /// The session is over, for this reason. The last event.
    Closed(Fault),
}

/// News of one call.
#[derive(Debug)]
pub enum CallEvent {
    /// A part of the answer. Say [`Client::consumed`] with this cost when it has been read.
    Item(Body, u32),
    /// News of the call, in between. Costs like an item.
    News(Body, u32),
    /// The answer: the call is over.
    Response(Body),
    /// It failed: the call is over.
    Failed(Fault),
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A transport is being opened.
    Connecting,
    /// A welcome arrived.
    Connected,
    /// Over.
    Closed,
}

/// A session with a server. Clones share it; dropping the last one ends it.
#[derive(Clone)]
pub struct Client {
    shared: Rc<Shared>,
}

impl Client {
    /// Opens a session with the server at `http://host:port`.
    ///
    /// # Errors
    /// `transport_failed`, `no_candidates`, `not_supported`, or what the server refuses with (`unauthorized`, `origin_refused`, …).
    pub async fn connect(server: &str, options: Options) -> Result<Self, Fault> {
        let (sender, outcome) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let listener = move |event| {
            let outcome = match event {
                ClientEvent::Welcomed => Ok(()),
                ClientEvent::Closed(fault) => Err(fault),
                _ => return,
            };
            if let Some(sender) = sender.take() {
                // A caller that no longer waits has dropped the client with the future.
                let _ = sender.send(outcome);
            }
        };
        let client = Self::start(server, options, Rc::new(listener));
        outcome.await.unwrap_or_else(|_| Err(error::not_ours()))?;
        Ok(client)
    }

    /// The same without waiting: `listener` hears [`ClientEvent::Welcomed`] or [`ClientEvent::Closed`], and everything after.
    #[must_use]
    pub fn start(server: &str, options: Options, listener: Listener) -> Self {
        let endpoint = Endpoint::client(Limits::default(), options.secret);
        let attempt = Attempt::new(server, options);
        let shared = Rc::new_cyclic(|this: &Weak<Shared>| Shared {
            driver: Driver::new(endpoint, callback(this, |shared, _| shared.turn()), callback(this, Shared::enqueue)),
            attempt,
            listener,
            state: Cell::new(State::Connecting),
            sinks: RefCell::default(),
            this: this.clone(),
        });
        shared.connect();
        Self { shared }
    }

    /// Calls an action of the server. `sink` hears of it until [`CallEvent::Response`] or [`CallEvent::Failed`], exactly one of them.
    /// A call made while connecting leaves as soon as it can.
    ///
    /// # Errors
    /// `payload_too_large`, `limit_reached`, or `invalid_state` when the session is over.
    pub fn call(&self, request: Request, sink: Sink) -> Result<CallId, Fault> {
        let call = self.shared.wish(|endpoint| endpoint.call(clock::now(), request))?;
        self.shared.sinks.borrow_mut().push((call, sink));
        Ok(call)
    }

    /// Calls an action and waits for the answer. Dropping the future cancels the call.
    ///
    /// # Errors
    /// Those of [`Client::call`], and what the server answers with.
    pub async fn request(&self, request: Request) -> Result<Body, Fault> {
        let (sender, outcome) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let client = self.clone();
        let sink: Sink = Rc::new(move |call, event| {
            let settled = match event {
                CallEvent::Response(body) => Ok(body),
                CallEvent::Failed(fault) => Err(fault),
                CallEvent::Item(_, cost) | CallEvent::News(_, cost) => return client.consumed(call, cost),
            };
            if let Some(sender) = sender.take() {
                // Nobody waits any more: nothing to do.
                let _ = sender.send(settled);
            }
        });
        let call = self.call(request, sink)?;
        let _cancel = CancelOnDrop(self, call);
        outcome.await.unwrap_or_else(|_| Err(error::not_ours()))
    }

    /// Withdraws a call. Its sink hears nothing any more.
    pub fn cancel(&self, call: CallId) {
        if self.shared.remove(call).is_some() {
            self.shared.wish(|endpoint| endpoint.cancel(call));
        }
    }

    /// Notes that an item of this cost has been read: its producer may go on.
    pub fn consumed(&self, call: CallId, cost: u32) {
        self.shared.wish(|endpoint| endpoint.consumed(call, cost));
    }

    /// Answers a call of the server.
    pub fn respond(&self, call: CallId, answer: Result<Body, Fault>) {
        self.shared.wish(|endpoint| endpoint.respond(call, answer));
    }

    /// Asks the server for a sign of life; [`ClientEvent::Pong`] brings `token` (not 0) back.
    pub fn ping(&self, token: u32) {
        self.shared.wish(|endpoint| endpoint.ping(token.into()));
    }

    /// Ends the session: calls in flight fail, the server is told. Does nothing the second time.
    ///
    /// All of it happens before this returns: the page may not live to the end of the turn.
    pub fn close(&self, reason: Fault) {
        self.shared.wish(|endpoint| endpoint.close(reason));
        self.shared.turn();
    }

    /// Where the session stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.state.get()
    }

    /// The server's id of the connection, as its log names it; empty while it is not known.
    #[must_use]
    pub fn connection(&self) -> String {
        self.shared.attempt.id.borrow().clone()
    }

    /// Packets sent, acknowledged and received in a lane, and turns waiting.
    #[must_use]
    pub fn lane_counts(&self, lane: Lane) -> [u64; 4] {
        self.shared.driver.endpoint.borrow().lane_counts(lane)
    }

    /// Calls in flight that we made, and that the server made.
    #[must_use]
    pub fn calls_in_flight(&self) -> (usize, usize) {
        self.shared.driver.endpoint.borrow().calls_in_flight()
    }

    /// Bytes in the send buffer of a lane's channel.
    #[must_use]
    pub fn buffered(&self, lane: Lane) -> u32 {
        self.shared.driver.transport.borrow().as_ref().map_or(0, |peer| peer.buffered(lane))
    }

    /// The browser's own statistics of the connection, an `RTCStatsReport`. None without a connection.
    #[must_use]
    pub fn report(&self) -> Option<Promise> {
        self.shared.driver.transport.borrow().as_ref().map(Peer::report)
    }
}

/// What the clones of a client share, and what callbacks come back to.
pub(crate) struct Shared {
    pub(crate) driver: Driver,
    pub(crate) attempt: Attempt,
    pub(crate) listener: Listener,
    state: Cell<State>,
    /// Who hears of which call. At most the session's limit of calls.
    sinks: RefCell<Vec<(CallId, Sink)>>,
    pub(crate) this: Weak<Self>,
}

impl Shared {
    /// A function for the browser to call as long as the session lives.
    pub(crate) fn callback(&self, then: fn(&Self, JsValue)) -> Callback {
        callback(&self.this, then)
    }

    /// What the session says.
    pub(crate) fn hear(&self, event: Event) {
        match event {
            Event::Response { call, body } => self.settle(call, CallEvent::Response(body)),
            Event::Failed { call, fault } => self.settle(call, CallEvent::Failed(fault)),
            Event::Item { call, body, cost } => self.part(call, CallEvent::Item(body, cost)),
            Event::News { call, body, cost } => self.part(call, CallEvent::News(body, cost)),
            Event::Welcomed(_) => {
                self.done(Step::Welcome);
                self.state.set(State::Connected);
                (self.listener)(ClientEvent::Welcomed);
            }
            Event::Closed(fault) => {
                let fault = self.abandon(fault);
                self.state.set(State::Closed);
                (self.listener)(ClientEvent::Closed(fault));
            }
            Event::Request { call, request } => (self.listener)(ClientEvent::Request { call, request }),
            Event::Cancelled { call } => (self.listener)(ClientEvent::Cancelled(call)),
            Event::Published(body) => (self.listener)(ClientEvent::Published(body)),
            Event::Pong { token } => (self.listener)(ClientEvent::Pong(token as u32)),
            Event::GoAway(away) => (self.listener)(ClientEvent::GoAway(away)),
            // Requests with items of their own are not made by this client.
            Event::Ended { .. } | Event::Writable { .. } => {}
        }
    }

    fn settle(&self, call: CallId, event: CallEvent) {
        if let Some(sink) = self.remove(call) {
            sink(call, event);
        }
    }

    fn part(&self, call: CallId, event: CallEvent) {
        let sink = self.sinks.borrow().iter().find(|row| row.0 == call).map(|row| row.1.clone());
        if let Some(sink) = sink {
            sink(call, event);
        }
    }

    fn remove(&self, call: CallId) -> Option<Sink> {
        let mut sinks = self.sinks.borrow_mut();
        let at = sinks.iter().position(|row| row.0 == call)?;
        Some(sinks.swap_remove(at).1)
    }
}

/// Callbacks may come after the session is gone.
fn callback(shared: &Weak<Shared>, then: fn(&Shared, JsValue)) -> Callback {
    let shared = shared.clone();
    Callback::new(move |argument| {
        if let Some(shared) = shared.upgrade() {
            then(&shared, argument);
        }
    })
}

/// Cancels a call that nobody waits for any more.
struct CancelOnDrop<'a>(&'a Client, CallId);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cancel(self.1);
    }
}

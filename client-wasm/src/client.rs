//! The door for Rust programs in a browser: calls with a listener each, or simply awaited.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot;
use js_sys::Promise;
use tabagent_protocol::{Body, CallId, Event, Fault, Lane, Request};
use wasm_bindgen::JsValue;

use crate::{
    clock, error, js,
    options::Options,
    session::{News, Session, State},
    transport::Rung,
};

/// Hears what concerns the whole session. It may call the client back.
pub type Listener = Box<dyn Fn(News)>;
/// Hears what becomes of a call: [`Event::Item`], [`Event::News`], [`Event::Writable`] of one that streams, and at last
/// [`Event::Response`] or [`Event::Failed`].
pub type Sink = Rc<dyn Fn(Event)>;

/// A session with a server. Clones share it; dropping the last one ends it. Calls outlive the transports that carry them.
#[derive(Clone)]
pub struct Client {
    session: Rc<Session>,
    sinks: Rc<Sinks>,
}

impl Client {
    /// Opens a session with the server at `http://host:port`, over whatever welcomes it first.
    ///
    /// # Errors
    /// `transport_failed`, `no_candidates`, `not_supported`, or what the server refuses with (`unauthorized`, `origin_refused`, …).
    pub async fn connect(server: &str, options: Options) -> Result<Self, Fault> {
        let (sender, outcome) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let listener = move |news| {
            let outcome = match news {
                News::Session(Event::Welcomed(_)) => Ok(()),
                News::Session(Event::Closed(fault)) => Err(fault),
                _ => return,
            };
            if let Some(sender) = sender.take() {
                // A caller that no longer waits has dropped the client with the future.
                let _ = sender.send(outcome);
            }
        };
        let client = Self::start(server, options, Box::new(listener));
        outcome.await.unwrap_or_else(|_| Err(*error::over()))?;
        Ok(client)
    }

    /// The same without waiting: `listener` hears [`Event::Welcomed`] or [`Event::Closed`], and everything else that is no
    /// news of a call with a sink.
    #[must_use]
    pub fn start(server: &str, options: Options, listener: Listener) -> Self {
        let sinks = Rc::new(Sinks::default());
        let heard = sinks.clone();
        let session = Session::start(server, options, Box::new(move |_, news| heard.pass(news, &listener)));
        Self { session, sinks }
    }

    /// Calls an action of the server. `sink` hears of it until [`Event::Response`] or [`Event::Failed`], exactly one of them.
    /// A call made while connecting leaves as soon as it can.
    ///
    /// # Errors
    /// `payload_too_large`, `limit_reached`, or `invalid_state` when the session is over.
    pub fn call(&self, request: Request, sink: Sink) -> Result<CallId, Fault> {
        let call = self.session.wish().call(clock::now(), request)?;
        self.sinks.rows.borrow_mut().push((call, sink));
        Ok(call)
    }

    /// Calls an action and waits for the answer. Dropping the future cancels the call.
    ///
    /// # Errors
    /// Those of [`Client::call`], and what the server answers with.
    pub async fn request(&self, request: Request) -> Result<Body, Fault> {
        let (sender, outcome) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let session = Rc::downgrade(&self.session);
        let sink: Sink = Rc::new(move |event| {
            let settled = match event {
                Event::Response { body, .. } => Ok(body),
                Event::Failed { fault, .. } => Err(fault),
                Event::Item { call, cost, .. } | Event::News { call, cost, .. } => {
                    // Nobody asked for the parts: they must not hold the whole up.
                    if let Some(session) = session.upgrade() {
                        session.wish().consumed(call, cost);
                    }
                    return;
                }
                _ => return,
            };
            if let Some(sender) = sender.take() {
                // Nobody waits any more: nothing to do.
                let _ = sender.send(settled);
            }
        });
        let call = self.call(request, sink)?;
        let _cancel = CancelOnDrop(self, call);
        outcome.await.unwrap_or_else(|_| Err(*error::over()))
    }

    /// Withdraws a call. Its sink hears nothing any more.
    pub fn cancel(&self, call: CallId) {
        if self.sinks.remove(call).is_some() {
            self.session.wish().cancel(call);
        }
    }

    /// Notes that an item of this cost has been read: its producer may go on.
    pub fn consumed(&self, call: CallId, cost: u32) {
        self.session.wish().consumed(call, cost);
    }

    /// Sends an item of a call that streams, after [`Event::Writable`]. Answers whether more may follow at once; if not, that event
    /// comes again.
    ///
    /// # Errors
    /// `payload_too_large`, or `invalid_state` for an item that did not wait.
    pub fn item(&self, call: CallId, item: &Body) -> Result<bool, Fault> {
        self.session.wish().item(call, item)
    }

    /// Says that a call's items are complete.
    pub fn end_items(&self, call: CallId) {
        self.session.wish().end_items(call);
    }

    /// Answers a call of the server.
    pub fn respond(&self, call: CallId, answer: Result<Body, Fault>) {
        self.session.wish().respond(call, answer);
    }

    /// Asks the server for a sign of life; [`Event::Pong`] brings `token` (not 0) back.
    pub fn ping(&self, token: u64) {
        self.session.wish().ping(token);
    }

    /// Closes what is open without ending the session, until [`Client::wake`]: for a page's `pagehide` when it may come back. Browsers
    /// keep no page with open peer connections.
    pub fn sleep(&self) {
        self.session.sleep();
    }

    /// Says that the page is looked at again after it slept, or, with `network`, that its way to the server may have changed:
    /// transports that are waited with are tried at once, and the one in use must show that it is alive. For a page's `pageshow`,
    /// `resume`, `visibilitychange`, and `online`.
    pub fn wake(&self, network: bool) {
        self.session.wake(network);
    }

    /// Ends the session: calls in flight fail, the server is told. Does nothing the second time.
    pub fn close(&self, reason: Fault) {
        self.session.close(reason);
    }

    /// Where the session stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.session.state.get()
    }

    /// What carries the session; none while nothing does.
    #[must_use]
    pub fn transport(&self) -> Option<Rung> {
        self.session.carrier().map(|attempt| attempt.rung)
    }

    /// The server's id of the connection in use, as its log names it; empty while it is not known, and for a WebSocket.
    #[must_use]
    pub fn connection(&self) -> String {
        self.session.carrier().map(|attempt| attempt.id.borrow().clone()).unwrap_or_default()
    }

    /// Packets sent, acknowledged and received in a lane, and turns waiting.
    #[must_use]
    pub fn lane_counts(&self, lane: Lane) -> [u64; 4] {
        self.session.driver.endpoint.borrow().lane_counts(lane)
    }

    /// Bytes in the send buffer of a lane's pipe.
    #[must_use]
    pub fn buffered(&self, lane: Lane) -> u32 {
        self.session.transport(|transport| transport.buffered(lane as u32)).unwrap_or_default()
    }

    /// The browser's own statistics of the connection, an `RTCStatsReport`. None without one over WebRTC.
    #[must_use]
    pub fn report(&self) -> Option<Promise> {
        self.session.transport(|transport| transport.report()).filter(JsValue::is_object).map(js::known)
    }
}

/// Who hears of which call. At most the session's limit of calls.
#[derive(Default)]
struct Sinks {
    rows: RefCell<Vec<(CallId, Sink)>>,
}

impl Sinks {
    /// Hands news to the call's sink, the rest to the listener.
    fn pass(&self, news: News, listener: &Listener) {
        let News::Session(event) = news else { return listener(news) };
        let sink = match &event {
            Event::Item { call, .. } | Event::News { call, .. } | Event::Writable { call } => self.find(*call),
            Event::Response { call, .. } | Event::Failed { call, .. } => self.remove(*call),
            _ => None,
        };
        match sink {
            Some(sink) => sink(event),
            None => listener(News::Session(event)),
        }
    }

    fn find(&self, call: CallId) -> Option<Sink> {
        self.rows.borrow().iter().find(|row| row.0 == call).map(|row| row.1.clone())
    }

    fn remove(&self, call: CallId) -> Option<Sink> {
        let mut rows = self.rows.borrow_mut();
        let at = rows.iter().position(|row| row.0 == call)?;
        Some(rows.swap_remove(at).1)
    }
}

/// Cancels a call that nobody waits for any more.
struct CancelOnDrop<'a>(&'a Client, CallId);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cancel(self.1);
    }
}

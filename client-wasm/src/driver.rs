//! Moves bytes between a transport and the session's endpoint. Dull on purpose: callbacks only enqueue, one microtask
//! takes what they left, drains the endpoint and sets its timer. All thinking is done in `tabagent_protocol`.

use std::{
    cell::{RefCell, RefMut},
    rc::Rc,
};

use tabagent_protocol::{ConnectionId, Endpoint, Event, Input, Millis, Output};
use wasm_bindgen::JsValue;

use crate::{
    clock::{self, Timer},
    error::{self, Failure},
    js::{self, Callback},
    session::Session,
    transport::{Happened, Negotiation, Peer, Sent, Step},
};

/// There is one transport at a time.
const CONNECTION: ConnectionId = ConnectionId(1);
/// Milliseconds for the last packets to leave and the server to hang up: longer than a round trip anywhere.
const CLOSE_GRACE: Millis = 500;

/// A session's endpoint, the transport beneath it, and what wakes them.
pub(crate) struct Driver {
    pub(crate) endpoint: RefCell<Endpoint>,
    pub(crate) transport: RefCell<Option<Peer>>,
    /// Events of the transport that nobody has read. Bounded by one turn of the event loop: emptied before the next task.
    arrived: RefCell<Vec<JsValue>>,
    /// While a microtask is on its way: the session, which must not go before it has come.
    scheduled: RefCell<Option<Rc<Session>>>,
    microtask: Callback,
    listener: Callback,
    /// Runs until the endpoint's deadline, or a little less.
    timer: RefCell<Option<(Millis, Timer)>>,
    /// A transport on its way out, what ends the wait, and who must live until then.
    closing: RefCell<Option<(Peer, Timer, Rc<Session>)>>,
}

impl Driver {
    /// `microtask` must call [`Session::microtask`], `listener` [`Session::enqueue`].
    pub(crate) fn new(endpoint: Endpoint, microtask: Callback, listener: Callback) -> Self {
        Self {
            endpoint: RefCell::new(endpoint),
            transport: RefCell::default(),
            arrived: RefCell::default(),
            scheduled: RefCell::default(),
            microtask,
            listener,
            timer: RefCell::default(),
            closing: RefCell::default(),
        }
    }
}

impl Session {
    /// Makes a transport the session's. Its events come from now on.
    pub(crate) fn attach(&self, configuration: JsValue) -> Result<Negotiation, Failure> {
        let peer = Peer::new(configuration, self.driver.listener.function().clone())?;
        let negotiation = peer.negotiation();
        self.driver.transport.replace(Some(peer));
        Ok(negotiation)
    }

    /// The endpoint, for a wish of the application; what it leads to leaves with everything else that is wished in this turn.
    pub(crate) fn wish(&self) -> RefMut<'_, Endpoint> {
        self.schedule();
        self.driver.endpoint.borrow_mut()
    }

    /// An event of the transport.
    pub(crate) fn enqueue(&self, event: JsValue) {
        self.driver.arrived.borrow_mut().push(event);
        self.schedule();
    }

    /// The turn that was scheduled.
    pub(crate) fn microtask(&self) {
        let alive = self.driver.scheduled.take();
        self.turn();
        drop(alive);
    }

    /// One turn: everything that arrived, everything that follows from it, and when to come back.
    pub(crate) fn turn(&self) {
        for event in self.driver.arrived.take() {
            self.take(&event);
            self.drain();
        }
        self.drain();
        self.set_timer();
    }

    fn schedule(&self) {
        let mut scheduled = self.driver.scheduled.borrow_mut();
        if scheduled.is_none() {
            *scheduled = self.this.upgrade();
            js::queue_microtask(self.driver.microtask.function());
        }
    }

    fn take(&self, event: &JsValue) {
        if self.is_closing() {
            return;
        }
        let happened = self.peer(|peer| peer.read(event)).flatten();
        match happened {
            None => {}
            Some(Happened::Packet(bytes)) => self.input(Input::Packet { connection: CONNECTION, bytes: &bytes }),
            Some(Happened::Writable(lane)) => self.input(Input::Writable { connection: CONNECTION, lane }),
            Some(Happened::Step(Step::Channel)) => {
                self.done(Step::Channel);
                self.input(Input::Opened { connection: CONNECTION });
            }
            Some(Happened::Step(step)) => self.done(step),
            Some(Happened::Candidate(candidate)) => self.candidate(&candidate),
            Some(Happened::Refused(json)) => self.fail(*error::refusal(&js::parse(&json)).unwrap_or_else(error::not_ours)),
            Some(Happened::Closed(why)) => {
                self.broke(why);
                self.input(Input::Closed { connection: CONNECTION });
            }
        }
    }

    fn input(&self, input: Input<'_>) {
        self.driver.endpoint.borrow_mut().handle(clock::now(), input);
    }

    fn drain(&self) {
        loop {
            let output = self.driver.endpoint.borrow_mut().poll();
            match output {
                None => return,
                Some(Output::Transmit { connection, lane, packet }) => {
                    let sent = self.peer(|peer| peer.try_send(lane, packet));
                    if sent == Some(Sent::Full) {
                        self.input(Input::Full { connection, lane });
                    }
                }
                Some(Output::Close { .. }) => self.detach(),
                // The endpoint is not borrowed here: whoever hears this may wish for something.
                Some(Output::Event(event)) => {
                    if matches!(event, Event::Closed(_)) {
                        self.detach();
                    }
                    self.hear(event);
                }
            }
        }
    }

    /// Closes the transport, politely where it is open.
    fn detach(&self) {
        let Some(peer) = self.driver.transport.take() else { return };
        peer.close();
        if !peer.has_closed() {
            let timer = Timer::after(CLOSE_GRACE, self.callback(|session, _| drop(session.driver.closing.take())));
            self.driver.closing.replace(self.this.upgrade().map(|session| (peer, timer, session)));
        }
    }

    /// Whether the transport is on its way out, so that nothing it says matters any more; lets go of it at its last word.
    fn is_closing(&self) -> bool {
        let mut closing = self.driver.closing.borrow_mut();
        let is_closing = closing.is_some();
        if closing.as_ref().is_some_and(|(peer, ..)| peer.has_closed()) {
            *closing = None;
        }
        is_closing
    }

    /// A timer that fires too early only asks again: cheaper than setting it anew for every packet.
    fn set_timer(&self) {
        let due = self.driver.endpoint.borrow().deadline();
        let mut timer = self.driver.timer.borrow_mut();
        match (due, &*timer) {
            (Some(due), Some((armed, _))) if *armed <= due => {}
            (Some(due), _) => {
                let expired = self.callback(|session, _| {
                    session.driver.timer.take();
                    session.input(Input::Tick);
                    session.turn();
                });
                *timer = Some((due, Timer::after(due.saturating_sub(clock::now()), expired)));
            }
            (None, _) => *timer = None,
        }
    }
}

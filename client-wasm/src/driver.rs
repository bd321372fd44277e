//! Moves bytes between a transport and the session's endpoint. Dull on purpose: callbacks only enqueue, one microtask
//! takes what they left, drains the endpoint and sets its timer. All thinking is done in `tabagent_protocol`.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
};

use tabagent_protocol::{ConnectionId, Endpoint, Event, Fault, Input, Millis, Output};

use crate::{
    clock::{self, Timer},
    js::{self, Callback},
    transport::{Happened, Peer, Sent},
};

/// There is one transport at a time.
const CONNECTION: ConnectionId = ConnectionId(1);

/// What the driver passes on to the client.
pub(crate) enum News {
    /// The session has something to say.
    Session(Event),
    /// The transport has something to say that is no packet.
    Transport(Happened),
}

/// A session's endpoint and the transport beneath it.
pub(crate) struct Driver {
    endpoint: RefCell<Endpoint>,
    /// Dropped when the endpoint closes it, or when the session ends.
    transport: RefCell<Option<Rc<Peer>>>,
    /// What callbacks left. Bounded by one turn of the event loop: it is emptied before the next task.
    arrived: RefCell<VecDeque<Happened>>,
    /// A microtask is on its way.
    scheduled: Cell<bool>,
    microtask: Callback,
    /// Runs until the endpoint's deadline, or a little less.
    timer: RefCell<Option<(Millis, Timer)>>,
    tell: Box<dyn Fn(News)>,
    this: Weak<Self>,
}

impl Driver {
    /// Drives `endpoint`. `tell` hears everything; it may call the driver back.
    pub(crate) fn new(endpoint: Endpoint, tell: impl Fn(News) + 'static) -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            endpoint: RefCell::new(endpoint),
            transport: RefCell::default(),
            arrived: RefCell::default(),
            scheduled: Cell::new(false),
            microtask: Callback::new({
                let this = this.clone();
                move |_| with(&this, Self::turn)
            }),
            timer: RefCell::default(),
            tell: Box::new(tell),
            this: this.clone(),
        })
    }

    /// What the next transport's callbacks call.
    pub(crate) fn notify(&self) -> Rc<dyn Fn(Happened)> {
        let this = self.this.clone();
        Rc::new(move |happened| with(&this, |driver| driver.enqueue(happened)))
    }

    /// Takes a transport over. It is heard from now on.
    pub(crate) fn attach(&self, transport: Rc<Peer>) {
        *self.transport.borrow_mut() = Some(transport);
    }

    /// The transport, while there is one.
    pub(crate) fn transport(&self) -> Option<Rc<Peer>> {
        self.transport.borrow().clone()
    }

    /// A wish of the application; what it leads to leaves with everything else that is wished in this turn.
    pub(crate) fn wish<R>(&self, wish: impl FnOnce(&mut Endpoint, Millis) -> R) -> R {
        let answer = wish(&mut self.endpoint.borrow_mut(), clock::now());
        self.schedule();
        answer
    }

    /// Ends the session and tells the server, without waiting for the end of the turn: the page may not live that long.
    pub(crate) fn close(&self, reason: Fault) {
        self.endpoint.borrow_mut().close(reason);
        self.turn();
    }

    /// Looks at the endpoint.
    pub(crate) fn endpoint<R>(&self, look: impl FnOnce(&Endpoint) -> R) -> R {
        look(&self.endpoint.borrow())
    }

    fn enqueue(&self, happened: Happened) {
        self.arrived.borrow_mut().push_back(happened);
        self.schedule();
    }

    fn schedule(&self) {
        if !self.scheduled.replace(true) {
            js::queue_microtask(self.microtask.function());
        }
    }

    /// One turn: everything that arrived, everything that follows from it, and when to come back.
    fn turn(&self) {
        self.scheduled.set(false);
        loop {
            self.drain();
            let Some(happened) = self.arrived.borrow_mut().pop_front() else { break };
            self.take(happened);
        }
        self.set_timer();
    }

    fn take(&self, happened: Happened) {
        match happened {
            Happened::Packet(bytes) => self.input(Input::Packet { connection: CONNECTION, bytes: &bytes }),
            Happened::Writable(lane) => self.input(Input::Writable { connection: CONNECTION, lane }),
            Happened::Open => {
                (self.tell)(News::Transport(Happened::Open));
                self.input(Input::Opened { connection: CONNECTION, hello: None });
            }
            Happened::Closed(_) => {
                (self.tell)(News::Transport(happened));
                self.input(Input::Closed { connection: CONNECTION });
            }
            other => (self.tell)(News::Transport(other)),
        }
    }

    fn input(&self, input: Input<'_>) {
        self.endpoint.borrow_mut().handle(clock::now(), input);
    }

    fn drain(&self) {
        loop {
            let output = self.endpoint.borrow_mut().poll();
            match output {
                None => return,
                Some(Output::Transmit { connection, lane, packet }) => {
                    let sent = self.transport().map(|transport| transport.try_send(lane, packet));
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
                    (self.tell)(News::Session(event));
                }
            }
        }
    }

    /// Closes the transport, politely where it is open.
    fn detach(&self) {
        if let Some(transport) = self.transport.take() {
            transport.close();
        }
    }

    /// A timer that fires too early only asks again: cheaper than setting it anew for every packet.
    fn set_timer(&self) {
        let due = self.endpoint(Endpoint::deadline);
        let mut timer = self.timer.borrow_mut();
        let Some(due) = due else {
            *timer = None;
            return;
        };
        if timer.as_ref().is_some_and(|(armed, _)| *armed <= due) {
            return;
        }
        let this = self.this.clone();
        let expired = move || with(&this, Self::expired);
        *timer = Some((due, Timer::after(due.saturating_sub(clock::now()), expired)));
    }

    fn expired(&self) {
        drop(self.timer.take());
        self.input(Input::Tick);
        self.turn();
    }
}

/// Callbacks may come after the driver is gone.
fn with(driver: &Weak<Driver>, then: impl FnOnce(&Driver)) {
    if let Some(driver) = driver.upgrade() {
        then(&driver);
    }
}

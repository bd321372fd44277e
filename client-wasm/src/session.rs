//! A session with a server, shared by whoever uses it and by the browser's callbacks: one object, one listener.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use tabagent_protocol::{Code, ConnectionId, Endpoint, Event, Fault, Limits};

use crate::{
    clock::{self, Timer},
    driver::Driver,
    error,
    js::{self, Callback, Heard},
    ladder::Ladder,
    options::{Negotiation, Options},
    transport::{Rung, Server, Step, Transport},
    vigil::{TOKEN, Vigil},
};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first transport is being opened.
    Connecting,
    /// Welcomed, on a transport.
    Connected,
    /// No transport carries it; calls wait for the next one.
    Reconnecting,
    /// Over.
    Closed,
}

/// What is heard of a session.
#[derive(Debug)]
pub enum News {
    /// A step of opening a transport is done, under its name; or something worth a line in a log happened: `offer` (made or
    /// taken), `answer` (taken or sent), `candidates` (all found, `count` of them).
    Step {
        /// Of which transport.
        transport: Rung,
        /// The server's id of it; empty while it is not known.
        connection: String,
        /// Which.
        name: &'static str,
        /// Milliseconds since the session began to connect.
        ms: f64,
        /// How many, where that means something.
        count: u32,
    },
    /// Opening a transport came to nothing; it may be tried again.
    Failed {
        /// Which.
        transport: Rung,
        /// The step it stopped at.
        step: Step,
        /// Why.
        fault: Fault,
    },
    /// Another transport carries the session, perhaps one of the same kind, or none does.
    Transport {
        /// What carries it now.
        to: Option<Rung>,
        /// Why: `connected` (the first), `reconnected` (after none), `preferred` (a better one is ready), `replaced` (the one
        /// before was silent, or the server will close it), `lost` (it broke), `sleeping` (with its page), `closed` (the session is over).
        reason: &'static str,
    },
    /// The session itself speaks: of its calls, of its beginning and of its end.
    Session(Event),
}

/// What a callback does: with the number that it was made with, and what it is called with.
pub(crate) type Then = fn(&Session, u32, Heard);

/// Hears everything of a session. It may call the session back.
pub(crate) type Listener = Box<dyn Fn(&Session, News)>;

/// A session: its protocol's state, its transports, and how they come about. Dropping the last reference ends it.
pub(crate) struct Session {
    pub(crate) server: Server,
    pub(crate) options: Options,
    pub(crate) driver: Driver,
    pub(crate) ladder: RefCell<Ladder>,
    pub(crate) vigil: Vigil,
    pub(crate) state: Cell<State>,
    /// What the listener believes to carry the session.
    pub(crate) told: Cell<Option<ConnectionId>>,
    /// When it began, on the clock of [`js::performance_now`].
    pub(crate) started: f64,
    /// Until the first welcome.
    patience: RefCell<Option<Timer>>,
    /// Before it: the most telling of the failures, and how telling that is.
    pub(crate) verdict: RefCell<Option<(Telling, Fault)>>,
    listener: Listener,
    pub(crate) this: Weak<Self>,
}

impl Session {
    /// Begins to connect to the server at `http://host:port`.
    pub(crate) fn start(server: &str, mut options: Options, listener: Listener) -> Rc<Self> {
        if options.transports.is_empty() {
            options.transports = Rung::USUAL.to_vec();
        }
        let limits = Limits { window: options.patience.window, ..Limits::default() };
        let mut endpoint = Endpoint::client(limits, (options.secret)());
        endpoint.replace(std::mem::take(&mut options.replaces));
        let server = Server::new(
            server,
            options.key.as_deref().unwrap_or_default(),
            &options.constructors,
            &options.ice_servers,
            options.relay_only,
            options.negotiation == Negotiation::ServerOffers,
        );
        let session = Rc::new_cyclic(|this| Self {
            server,
            driver: Driver::new(endpoint, callback(this, 0, |session, _, _| session.microtask())),
            ladder: RefCell::new(Ladder::new(&options.transports, options.patience, clock::now())),
            vigil: Vigil::new(options.patience),
            state: Cell::new(State::Connecting),
            told: Cell::default(),
            started: js::performance_now(),
            patience: RefCell::default(),
            verdict: RefCell::default(),
            options,
            listener,
            this: this.clone(),
        });
        let give_up = session.callback(0, |session, _, _| session.give_up());
        session.patience.replace(Some(Timer::after(session.options.connect_timeout, give_up)));
        session.climb();
        session.set_timer();
        session
    }

    /// A function for the browser to call as long as the session lives.
    pub(crate) fn callback(&self, number: u32, then: Then) -> Callback {
        callback(&self.this, number, then)
    }

    /// What the endpoint says, on its way to the listener.
    pub(crate) fn hear(&self, event: Event) {
        match &event {
            Event::Welcomed(_) | Event::Moved { .. } => {
                self.patience.take();
                self.moved();
                if self.state.get() == State::Closed {
                    return; // by the listener, just now
                }
            }
            Event::GoAway(away) if !away.last => self.sent_away(&away.reason),
            // The server process ends. There may be another, for those who look for one.
            Event::GoAway(away) if away.deadline_ms == 0 && !self.options.reconnect => return self.fail(away.reason.clone()),
            Event::Pong { token: TOKEN } => return self.answered(),
            Event::Expired(fault) => {
                if !self.options.reconnect {
                    return self.fail(fault.clone());
                }
                self.driver.endpoint.borrow_mut().restart((self.options.secret)());
                let (drained, now) = (fault.code == Code::DRAINING, clock::now());
                self.ladder.borrow_mut().renew(now, if drained { js::random() } else { 0.0 });
            }
            Event::Closed(_) => {
                self.patience.take();
                self.end_attempts();
                self.state.set(State::Closed);
                self.tell_transport("closed");
            }
            _ => {}
        }
        self.tell(News::Session(event));
    }

    /// Hands news to the listener. The endpoint and the ladder must not be borrowed here: it may wish for something.
    pub(crate) fn tell(&self, news: News) {
        (self.listener)(self, news);
    }

    /// Says what carries the session now, unless that has been said.
    pub(crate) fn tell_transport(&self, reason: &'static str) {
        let carrier = self.carrier();
        let connection = carrier.as_ref().map(|attempt| attempt.connection);
        if self.told.replace(connection) == connection {
            return;
        }
        let to = carrier.map(|attempt| attempt.rung);
        if self.state.get() != State::Closed {
            self.state.set(if to.is_some() { State::Connected } else { State::Reconnecting });
        }
        self.tell(News::Transport { to, reason });
    }

    /// Ends the session with this reason and tells the server, at once: the page may not live to the end of the turn.
    pub(crate) fn close(&self, reason: Fault) {
        self.fail(reason);
        self.turn();
    }

    /// Ends the session for this reason.
    pub(crate) fn fail(&self, fault: Fault) {
        self.wish().close(fault);
    }

    /// The first welcome takes too long.
    fn give_up(&self) {
        for attempt in self.attempts() {
            self.time_out(&attempt);
        }
        self.fail(self.verdict());
    }

    /// Why there is no session, by what was tried.
    pub(crate) fn verdict(&self) -> Fault {
        self.verdict.take().map_or_else(|| *error::over(), |(_, fault)| fault)
    }

    /// Looks at what carries the session, while something does.
    pub(crate) fn transport<R>(&self, look: impl FnOnce(&Transport) -> R) -> Option<R> {
        self.carrier()?.transport.get().map(look)
    }
}

/// Lower is more: whether nothing but the transport failed (a server's own word says more), then the place in the ladder.
pub(crate) type Telling = (bool, usize);

/// Callbacks may come after the session is gone.
fn callback(session: &Weak<Session>, number: u32, then: Then) -> Callback {
    let session = session.clone();
    Callback::new(move |heard| {
        if let Some(session) = session.upgrade() {
            then(&session, number, heard);
        }
    })
}

//! A session with a server, shared by whoever uses it and by the browser's callbacks: one object, one listener.

use std::{
    cell::Cell,
    rc::{Rc, Weak},
};

use tabagent_protocol::{Endpoint, Event, Fault, Limits};
use wasm_bindgen::JsValue;

use crate::{
    attempt::Attempt,
    driver::Driver,
    js::Callback,
    options::Options,
    transport::{Peer, Step},
};

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

/// What is heard of a session.
#[derive(Debug)]
pub enum News {
    /// A step of connecting is done, under its name; or something worth a line in a log happened: `offer` (made or taken),
    /// `answer` (taken or sent), `candidates` (all found, `count` of them).
    Step {
        /// Which.
        name: &'static str,
        /// Milliseconds since the start.
        ms: f64,
        /// How many, where that means something.
        count: u32,
    },
    /// The session itself speaks: of its calls, of its beginning and of its end.
    Session(Event),
}

/// Hears everything of a session. It may call the session back.
pub(crate) type Listener = Box<dyn Fn(&Session, News)>;

/// A session: its protocol's state, its transport, and how it came about. Dropping the last reference ends it.
pub(crate) struct Session {
    pub(crate) driver: Driver,
    pub(crate) attempt: Attempt,
    pub(crate) listener: Listener,
    pub(crate) state: Cell<State>,
    pub(crate) this: Weak<Self>,
}

impl Session {
    /// Begins to connect to the server at `http://host:port`.
    pub(crate) fn start(server: &str, options: Options, listener: Listener) -> Rc<Self> {
        let endpoint = Endpoint::client(Limits::default(), options.secret);
        let session = Rc::new_cyclic(|this: &Weak<Self>| Self {
            driver: Driver::new(endpoint, callback(this, |session, _| session.microtask()), callback(this, Self::enqueue)),
            attempt: Attempt::new(server, options),
            listener,
            state: Cell::new(State::Connecting),
            this: this.clone(),
        });
        session.connect();
        session
    }

    /// A function for the browser to call as long as the session lives.
    pub(crate) fn callback(&self, then: fn(&Self, JsValue)) -> Callback {
        callback(&self.this, then)
    }

    /// What the endpoint says, on its way to the listener.
    pub(crate) fn hear(&self, mut event: Event) {
        match &mut event {
            Event::Welcomed(_) => {
                self.state.set(State::Connected);
                self.done(Step::Welcome);
                if self.state.get() == State::Closed {
                    return; // by the listener, just now
                }
            }
            Event::Closed(fault) => {
                self.abandon(fault);
                self.state.set(State::Closed);
            }
            _ => {}
        }
        (self.listener)(self, News::Session(event));
    }

    /// Ends the session with this reason and tells the server, at once: the page may not live to the end of the turn.
    pub(crate) fn close(&self, reason: Fault) {
        self.wish().close(reason);
        self.turn();
    }

    /// Looks at the transport, while there is one.
    pub(crate) fn peer<R>(&self, look: impl FnOnce(&Peer) -> R) -> Option<R> {
        self.driver.transport.borrow().as_ref().map(look)
    }
}

/// Callbacks may come after the session is gone.
fn callback(session: &Weak<Session>, then: fn(&Session, JsValue)) -> Callback {
    let session = session.clone();
    Callback::new(move |argument| {
        if let Some(session) = session.upgrade() {
            then(&session, argument);
        }
    })
}

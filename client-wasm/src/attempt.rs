//! One transport, from the first step of opening it to its end: each step timed, each wait with a bound.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
};

use tabagent_protocol::{BULK_CHANNEL_PROTOCOL, CHANNEL_PROTOCOL, ConnectionId, Millis};

use crate::{
    clock::Timer,
    error,
    js::{self, Callback},
    session::{News, Session, Then},
    transport::{Rung, Step, Transport, open_peer, open_socket},
};

/// How far a transport has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It is being opened.
    Opening,
    /// It is open; a better one has the word.
    Ready,
    /// The session has introduced itself on it.
    Greeted,
    /// It carries the session.
    Carrying,
    /// The session has gone from it; the last word may be on its way.
    Closing,
}

/// One transport of a session.
pub(crate) struct Attempt {
    pub(crate) connection: ConnectionId,
    /// Where it stands in the ladder.
    pub(crate) place: usize,
    pub(crate) rung: Rung,
    pub(crate) stage: Cell<Stage>,
    pub(crate) transport: OnceCell<Transport>,
    /// The server's id of the connection; empty while it is not known, and where it has none.
    pub(crate) id: RefCell<String>,
    /// The step that is waited for; none when there is nothing to wait for any more.
    pub(crate) awaited: Cell<Option<Step>>,
    pub(crate) timers: RefCell<Vec<Timer>>,
    /// Hears what happens to the transport.
    hear: Callback,
    /// While it is closing: the session, which must not go before it has closed.
    pub(crate) alive: RefCell<Option<Rc<Session>>>,
}

impl Session {
    /// Begins to open a transport. The session hears what comes of it.
    pub(crate) fn open(&self, place: usize, rung: Rung) {
        let connection = self.driver.name_next();
        let attempt = Rc::new(Attempt {
            connection,
            place,
            rung,
            stage: Cell::new(Stage::Opening),
            transport: OnceCell::new(),
            id: RefCell::default(),
            awaited: Cell::new(Some(if rung == Rung::WebRtc { Step::Signaling } else { Step::Channel })),
            timers: RefCell::default(),
            hear: self.callback(connection.0, Self::enqueue),
            alive: RefCell::default(),
        });
        self.driver.attempts.borrow_mut().push(attempt.clone());
        self.after(&attempt, self.options.connect_timeout, |session, connection, _| {
            if let Some(attempt) = session.attempt(connection) {
                session.time_out(&attempt);
            }
        });
        let hear = attempt.hear.function();
        let transport = match rung {
            Rung::WebRtc => open_peer(hear, &self.server, CHANNEL_PROTOCOL, BULK_CHANNEL_PROTOCOL),
            Rung::WebSocket => open_socket(hear, &self.server, "WebSocket", CHANNEL_PROTOCOL),
            Rung::Native => open_socket(hear, &self.server, "NativeSocket", CHANNEL_PROTOCOL),
        };
        // There is none yet.
        let _ = attempt.transport.set(transport);
    }

    /// A step is done, and with it all before it: their events may come late.
    pub(crate) fn done(&self, attempt: &Attempt, step: Step) {
        while let Some(next) = attempt.awaited.get().filter(|awaited| *awaited <= step) {
            // First of all: the listener may end the session.
            attempt.awaited.set(Step::all().find(|each| *each > next));
            self.trace(attempt, next.name(), 0);
        }
        if step == Step::Welcome {
            attempt.timers.take();
        }
    }

    /// Says that something happened on the way.
    pub(crate) fn trace(&self, attempt: &Attempt, name: &'static str, count: u32) {
        let ms = js::performance_now() - self.started;
        self.tell(News::Step { transport: attempt.rung, connection: attempt.id.borrow().clone(), name, ms, count });
    }

    /// What a transport waits for takes too long.
    pub(crate) fn time_out(&self, attempt: &Rc<Attempt>) {
        if let Some(step) = attempt.awaited.get() {
            self.lose(attempt, *error::timed_out(step, attempt.rung, self.options.connect_timeout));
            self.schedule();
        }
    }

    /// A timer that is called off with the attempt.
    pub(crate) fn after(&self, attempt: &Attempt, ms: Millis, then: Then) {
        attempt.timers.borrow_mut().push(Timer::after(ms, self.callback(attempt.connection.0, then)));
    }

    /// Takes a transport out of the session and closes it. What is under way is called off, the server is told not to wait.
    pub(crate) fn detach(&self, attempt: &Attempt) {
        attempt.alive.take();
        self.driver.attempts.borrow_mut().retain(|each| each.connection != attempt.connection);
        attempt.stage.set(Stage::Closing);
        attempt.timers.take();
        attempt.close(attempt.awaited.take().is_some());
    }
}

impl Attempt {
    /// With `forget` it will not come about.
    fn close(&self, forget: bool) {
        if let Some(transport) = self.transport.get() {
            transport.close(forget);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Before what hears it goes.
        self.close(false);
    }
}

//! Moves bytes between transports and the session's endpoint. Dull on purpose: callbacks only enqueue, one microtask
//! takes what they left, drains the endpoint and sets its timer. All thinking is done in `tabagent_protocol`.

use std::{
    cell::{Cell, RefCell, RefMut},
    rc::Rc,
};

use tabagent_protocol::{ConnectionId, Endpoint, Input, Lane, Millis, Output};

use crate::{
    attempt::{Attempt, Stage},
    clock::{self, Timer},
    error,
    js::{self, Callback, Heard},
    ladder::NEVER,
    session::Session,
    transport::{NOTES, Step, Transport, happened, sent},
};

/// Milliseconds for the last packets to leave and the server to hang up: longer than a round trip anywhere.
const CLOSE_GRACE: Millis = 500;

/// A session's endpoint, the transports beneath it, and what wakes them.
pub(crate) struct Driver {
    pub(crate) endpoint: RefCell<Endpoint>,
    /// At most one for each rung, the one they are to replace, and what is closing.
    pub(crate) attempts: RefCell<Vec<Rc<Attempt>>>,
    /// The name of the last of them.
    named: Cell<u32>,
    /// Which of them brought the last packet.
    pub(crate) speaking: Cell<u32>,
    /// Events of transports that nobody has read. Bounded by one turn of the event loop: emptied before the next task.
    arrived: RefCell<Vec<(ConnectionId, Heard)>>,
    /// While a microtask is on its way: the session, which must not go before it has come.
    scheduled: RefCell<Option<Rc<Session>>>,
    microtask: Callback,
    /// Runs until the next deadline, or a little less.
    timer: RefCell<Option<(Millis, Timer)>>,
}

impl Driver {
    /// `microtask` must call [`Session::microtask`].
    pub(crate) fn new(endpoint: Endpoint, microtask: Callback) -> Self {
        Self {
            endpoint: RefCell::new(endpoint),
            attempts: RefCell::default(),
            named: Cell::default(),
            speaking: Cell::default(),
            arrived: RefCell::default(),
            scheduled: RefCell::default(),
            microtask,
            timer: RefCell::default(),
        }
    }

    /// A name that no transport of this session has had.
    pub(crate) fn name_next(&self) -> ConnectionId {
        self.named.set(self.named.get() + 1);
        ConnectionId(self.named.get())
    }
}

impl Session {
    /// The endpoint, for a wish of the application; what it leads to leaves with everything else that is wished in this turn.
    pub(crate) fn wish(&self) -> RefMut<'_, Endpoint> {
        self.schedule();
        self.driver.endpoint.borrow_mut()
    }

    /// An event of a transport.
    pub(crate) fn enqueue(&self, connection: u32, heard: Heard) {
        self.driver.arrived.borrow_mut().push((ConnectionId(connection), heard));
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
        let arrived = self.driver.arrived.take();
        for (connection, heard) in arrived {
            self.take(connection, &heard);
            self.drain();
        }
        self.watch();
        self.climb();
        self.drain();
        self.tell_transport("lost");
        self.set_timer();
    }

    pub(crate) fn schedule(&self) {
        let mut scheduled = self.driver.scheduled.borrow_mut();
        if scheduled.is_none() {
            *scheduled = self.this.upgrade();
            js::soon(self.driver.microtask.function());
        }
    }

    fn take(&self, connection: ConnectionId, heard: &Heard) {
        let Some(attempt) = self.attempt(connection.0) else { return };
        if attempt.stage.get() == Stage::Closing {
            return self.detach(&attempt); // the server has hung up
        }
        let Heard { number, value, .. } = heard;
        match heard.happened {
            happened::PACKET => {
                self.driver.speaking.set(connection.0);
                self.input(Input::Packet { connection, bytes: &js::bytes(value) });
                self.heard(&attempt);
            }
            happened::STEP => self.stepped(&attempt, *number),
            happened::WRITABLE => self.input(Input::Writable { connection, lane: Lane::ALL[*number as usize % 2] }),
            happened::CLOSED => {
                let why = js::text(value, "why").unwrap_or_default();
                self.lose(&attempt, *error::broke(attempt.awaited.get(), attempt.rung, &why));
            }
            happened::FAILED => self.lose(&attempt, *error::refusal(value).unwrap_or_else(error::not_ours)),
            happened::DOUBTFUL if attempt.stage.get() == Stage::Carrying => self.doubt(),
            happened::DOUBTFUL => {}
            happened::NAMED => drop(attempt.id.replace(js::text(value, "id").unwrap_or_default())),
            note => {
                let name = NOTES.get(note.wrapping_sub(happened::OFFER) as usize);
                self.trace(&attempt, name.copied().unwrap_or_default(), *number);
            }
        }
    }

    /// A step of a handshake is done.
    fn stepped(&self, attempt: &Rc<Attempt>, number: u32) {
        let Some(step) = Step::all().nth(number as usize) else { return };
        self.done(attempt, step);
        if step == Step::Channel && attempt.stage.get() == Stage::Opening {
            attempt.stage.set(Stage::Ready);
            self.greet();
        }
    }

    pub(crate) fn input(&self, input: Input<'_>) {
        self.driver.endpoint.borrow_mut().handle(clock::now(), input);
    }

    fn drain(&self) {
        loop {
            let output = self.driver.endpoint.borrow_mut().poll();
            match output {
                None => return,
                Some(Output::Transmit { connection, lane, packet }) => self.transmit(connection, lane, &packet),
                Some(Output::Close { connection }) => self.close_politely(connection),
                // The endpoint is not borrowed here: whoever hears this may wish for something.
                Some(Output::Event(event)) => self.hear(event),
            }
        }
    }

    fn transmit(&self, connection: ConnectionId, lane: Lane, packet: &[u8]) {
        let Some(attempt) = self.attempt(connection.0) else { return };
        let sent = attempt.transport.get().map(|transport| transport.send(lane as u32, packet));
        match sent {
            Some(sent::READY) => {}
            Some(sent::FULL) => self.input(Input::Full { connection, lane }),
            // A page that closes what is ours gets no event of it.
            _ => self.lose(&attempt, *error::broke(attempt.awaited.get(), attempt.rung, "the transport was closed")),
        }
    }

    /// The transport of this name, while the session has it.
    pub(crate) fn attempt(&self, connection: u32) -> Option<Rc<Attempt>> {
        self.driver.attempts.borrow().iter().find(|attempt| attempt.connection.0 == connection).cloned()
    }

    /// All of them, to go through while they change.
    pub(crate) fn attempts(&self) -> Vec<Rc<Attempt>> {
        self.driver.attempts.borrow().clone()
    }

    /// Closes a transport that the endpoint has done with. Closing at once could overtake what was said last.
    fn close_politely(&self, connection: ConnectionId) {
        let Some(attempt) = self.attempt(connection.0).filter(|attempt| attempt.stage.get() != Stage::Closing) else { return };
        self.gone(&attempt, *error::given_up(attempt.rung));
        let waits = attempt.transport.get().is_some_and(Transport::finish);
        if !waits {
            return self.detach(&attempt);
        }
        attempt.stage.set(Stage::Closing);
        attempt.alive.replace(self.this.upgrade());
        self.after(&attempt, CLOSE_GRACE, |session, connection, _| {
            if let Some(attempt) = session.attempt(connection) {
                session.detach(&attempt);
            }
        });
    }

    /// A timer that fires too early only asks again: cheaper than setting it anew for every packet.
    pub(crate) fn set_timer(&self) {
        let due = self.driver.endpoint.borrow().deadline().unwrap_or(NEVER).min(self.next_look());
        let mut timer = self.driver.timer.borrow_mut();
        if due == NEVER {
            *timer = None;
        } else if timer.as_ref().is_none_or(|(armed, _)| *armed > due) {
            let expired = self.callback(0, |session, _, _| {
                session.driver.timer.take();
                session.input(Input::Tick);
                session.turn();
            });
            *timer = Some((due, Timer::after(due.saturating_sub(clock::now()), expired)));
        }
    }
}

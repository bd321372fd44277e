//! The session on its ladder: opens transports, moves from one to the next, notices when one is gone or silent.

use std::rc::Rc;

use tabagent_protocol::{Code, Fault, Input, Millis, limits::NATIVE_BYTES};

use crate::{
    attempt::{Attempt, Stage},
    clock, error, js,
    ladder::NEVER,
    session::{News, Session, State},
    transport::{Rung, Step},
    vigil::{TOKEN, Watch},
};

/// The name of no transport.
const NONE: u32 = 0;

impl Session {
    /// Opens what the ladder wants opened by now.
    pub(crate) fn climb(&self) {
        while self.state.get() != State::Closed {
            let next = self.ladder.borrow_mut().next(clock::now());
            let Some((place, rung)) = next else { return };
            self.open(place, rung);
        }
    }

    /// Introduces the session on every open transport, unless a better one is waiting for its welcome: a later hello would
    /// overtake that one's.
    pub(crate) fn greet(&self) {
        let attempts = self.attempts();
        let greeted = |place| attempts.iter().any(|each| each.stage.get() == Stage::Greeted && each.place < place);
        for attempt in &attempts {
            if attempt.stage.get() == Stage::Ready && !greeted(attempt.place) {
                attempt.stage.set(Stage::Greeted);
                // Over HTTP the key has been sent already.
                let bearer = self.options.key.as_deref().filter(|_| attempt.rung != Rung::WebRtc);
                self.input(Input::Opened { connection: attempt.connection, bearer });
                if attempt.rung == Rung::Native {
                    self.driver.endpoint.borrow_mut().confine(attempt.connection, NATIVE_BYTES);
                }
            }
        }
    }

    /// The transport that carries the session.
    pub(crate) fn carrier(&self) -> Option<Rc<Attempt>> {
        self.driver.attempts.borrow().iter().find(|attempt| attempt.stage.get() == Stage::Carrying).cloned()
    }

    /// The endpoint goes on over another transport: this one carries the session, and the others that are no better go.
    pub(crate) fn moved(&self) {
        let sending = self.driver.endpoint.borrow().sending();
        let Some(attempt) = sending.and_then(|connection| self.attempt(connection.0)) else { return };
        let reason = match (self.carrier(), self.state.get()) {
            (_, State::Connecting) => "connected",
            (Some(before), _) if attempt.place < before.place => "preferred",
            (Some(_), _) => "replaced",
            (None, State::Connected) => "lost",
            (None, _) => "reconnected",
        };
        attempt.stage.set(Stage::Greeted);
        self.call_off(attempt.place, attempt.connection.0, true);
        let now = clock::now();
        self.verdict.take();
        self.ladder.borrow_mut().carried(attempt.place, now);
        self.vigil.begin(now);
        attempt.stage.set(Stage::Carrying);
        self.done(&attempt, Step::Welcome);
        // The listener may have closed it, just now.
        if self.state.get() != State::Closed {
            self.tell_transport(reason);
        }
    }

    /// Ends what is no better than a place and is being opened, and with `carrier` what has carried the session.
    fn call_off(&self, place: usize, but: u32, carrier: bool) {
        for each in self.attempts() {
            let unwanted = match each.stage.get() {
                Stage::Carrying => carrier,
                Stage::Closing => false,
                _ => each.place >= place,
            };
            if unwanted && each.connection.0 != but {
                self.ladder.borrow_mut().cancelled(each.place, each.stage.get() == Stage::Carrying);
                self.detach(&each);
                self.input(Input::Closed { connection: each.connection });
            }
        }
    }

    /// Ends all that are left, but for those that are closing politely.
    pub(crate) fn end_attempts(&self) {
        self.call_off(0, NONE, true);
    }

    /// A transport broke, or came to nothing.
    pub(crate) fn lose(&self, attempt: &Rc<Attempt>, fault: Fault) {
        if attempt.stage.get() != Stage::Closing {
            self.gone(attempt, fault);
            self.detach(attempt);
        }
    }

    /// A transport is no longer of use: the ladder decides what is next.
    pub(crate) fn gone(&self, attempt: &Rc<Attempt>, fault: Fault) {
        let (now, chance) = (clock::now(), js::random());
        let carried = attempt.stage.replace(Stage::Closing) == Stage::Carrying;
        self.input(Input::Closed { connection: attempt.connection });
        if carried {
            self.ladder.borrow_mut().lost(now, chance);
            if !self.options.reconnect {
                return self.fail(fault);
            }
        } else {
            self.ladder.borrow_mut().failed(attempt.place, now, &fault, chance);
            self.failed(attempt, fault);
        }
        let exhausted = self.ladder.borrow().is_exhausted();
        if exhausted {
            return self.fail(self.verdict());
        }
        self.greet();
    }

    fn failed(&self, attempt: &Attempt, mut fault: Fault) {
        let step = attempt.awaited.get().unwrap_or(Step::Welcome);
        let telling = (fault.code == Code::TRANSPORT_FAILED, attempt.place);
        self.tell(News::Failed { transport: attempt.rung, step, fault: fault.clone() });
        let mut verdict = self.verdict.borrow_mut();
        if verdict.as_ref().is_none_or(|(told, _)| telling <= *told) {
            error::stopped(step, &mut fault);
            *verdict = Some((telling, fault));
        }
    }

    /// The server does not want the session on the transport that just spoke: in answer to the hello, or because it will close it.
    pub(crate) fn sent_away(&self, reason: &Fault) {
        let Some(attempt) = self.attempt(self.driver.speaking.get()) else { return };
        match attempt.stage.get() {
            Stage::Greeted => self.lose(&attempt, reason.clone()),
            Stage::Carrying => self.ladder.borrow_mut().leave(clock::now(), js::random()),
            _ => {} // it has been left
        }
    }

    /// A packet came.
    pub(crate) fn heard(&self, attempt: &Attempt) {
        if attempt.stage.get() == Stage::Carrying {
            self.vigil.heard(clock::now());
            if self.ladder.borrow().wants_proof() {
                self.ask();
            }
        }
    }

    /// What carries the session may be dead: others are raced beside it, until it answers.
    pub(crate) fn doubt(&self) {
        self.ladder.borrow_mut().doubt(clock::now(), js::random());
        self.ask();
    }

    /// Asks the server for a sign of life.
    fn ask(&self) {
        self.vigil.asked(clock::now());
        self.driver.endpoint.borrow_mut().ping(TOKEN);
    }

    /// The sign of life came: whatever was raced because it did not is called off.
    pub(crate) fn answered(&self) {
        self.vigil.answered();
        let doubted = self.ladder.borrow_mut().trust();
        if let (Some(carrier), true) = (self.carrier(), doubted) {
            self.call_off(carrier.place, carrier.connection.0, false);
        }
    }

    /// Looks after what carries the session.
    pub(crate) fn watch(&self) {
        let Some(carrier) = self.carrier() else { return };
        let doubted = self.ladder.borrow().is_doubted();
        match self.vigil.watch(clock::now(), doubted) {
            Watch::Wait => {}
            Watch::Ask => self.ask(),
            Watch::Doubt => self.doubt(),
            Watch::GiveUp => self.lose(&carrier, *error::given_up(carrier.rung)),
        }
    }

    /// When to look, and to climb, again.
    pub(crate) fn next_look(&self) -> Millis {
        if self.state.get() == State::Closed {
            return NEVER;
        }
        let ladder = self.ladder.borrow();
        let watch = if self.carrier().is_some() { self.vigil.deadline(ladder.is_doubted()) } else { NEVER };
        ladder.deadline().min(watch)
    }

    /// The page goes into the browser's cache of pages, where nothing may be open, and perhaps comes back: the session waits without
    /// a transport until it is woken.
    pub(crate) fn sleep(&self) {
        self.end_attempts();
        self.ladder.borrow_mut().sleep();
        self.tell_transport("sleeping");
        self.schedule();
    }

    /// The page is looked at again after it slept, or, with `network`, its way to the server has changed: what waits is tried at
    /// once, what carries is asked whether it still does.
    pub(crate) fn wake(&self, network: bool) {
        if network {
            // It began on the way that is no more.
            self.call_off(0, NONE, false);
        }
        self.ladder.borrow_mut().wake(clock::now(), network);
        if self.carrier().is_some() {
            self.ask();
        }
        self.schedule();
    }
}

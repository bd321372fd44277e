//! One attempt to connect: the steps from nothing to welcome, each timed, each with a bound.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Array;
use tabagent_protocol::{Fault, Millis};
use wasm_bindgen::JsValue;

use crate::{
    clock::Timer,
    error::{self, Failure},
    js,
    options::{Negotiation, Options},
    session::{News, Session},
    signaling::{Reply, Signaling},
    transport::{self, Kind, Peer, Step},
};

/// Milliseconds that ICE gets to move without a single candidate of ours. Where it can work without, it needs 10.
const STRANDED_AFTER: Millis = 1_000;
/// Candidates told to the server. It takes no more of one connection; a machine with so many interfaces needs no more.
const MAX_CANDIDATES: u32 = 64;

/// From the first request to the welcome.
pub(crate) struct Attempt {
    signaling: Signaling,
    options: Options,
    /// When it began, on the clock of [`js::performance_now`].
    started: f64,
    /// The step that is waited for; none when there is nothing to wait for any more.
    awaited: Cell<Option<Step>>,
    /// The server's id of the connection, empty until it is known.
    pub(crate) id: RefCell<String>,
    /// Candidates that the server has not been told of.
    candidates: RefCell<Array>,
    found: Cell<u32>,
    /// Candidates are on their way to the server.
    telling: Cell<bool>,
    /// ICE has had its time.
    probed: Cell<bool>,
    timers: RefCell<Vec<Timer>>,
}

impl Attempt {
    /// Nothing happens before [`Session::connect`].
    pub(crate) fn new(server: &str, options: Options) -> Self {
        Self {
            signaling: Signaling::new(server, options.key.as_deref()),
            options,
            started: js::performance_now(),
            awaited: Cell::new(Some(Step::Signaling)),
            id: RefCell::default(),
            candidates: RefCell::default(),
            found: Cell::new(0),
            telling: Cell::new(false),
            probed: Cell::new(false),
            timers: RefCell::default(),
        }
    }
}

impl Session {
    /// Begins. The session hears what comes of it.
    pub(crate) fn connect(self: &Rc<Self>) {
        self.after(self.attempt.options.connect_timeout, |session, _| {
            if let Some(step) = session.attempt.awaited.get() {
                session.fail(*error::timed_out(step, session.attempt.options.connect_timeout));
            }
        });
        let session = self.clone();
        js::spawn(async move {
            match session.negotiate().await {
                Ok(()) => session.negotiated(),
                Err(failure) => session.fail(*failure),
            }
        });
    }

    /// A step is done, and with it all before it: their events may come late.
    pub(crate) fn done(&self, step: Step) {
        let ms = self.elapsed();
        while let Some(next) = self.attempt.awaited.get().filter(|awaited| *awaited <= step) {
            // First of all: the listener may end the session.
            self.attempt.awaited.set(Step::all().find(|each| *each > next));
            (self.listener)(self, News::Step { name: next.name(), ms, count: 0 });
        }
        if step == Step::Welcome {
            self.attempt.timers.take();
        }
    }

    /// One of our candidates, or `null` when there are no more.
    pub(crate) fn candidate(&self, candidate: &JsValue) {
        let attempt = &self.attempt;
        if candidate.is_null() {
            self.trace("candidates", attempt.found.get());
            self.check_stranded();
        } else {
            attempt.found.set(attempt.found.get() + 1);
        }
        // Behind an open channel nobody looks for a path any more.
        let wanted = attempt.awaited.get().is_some_and(|step| step < Step::Welcome);
        if wanted && attempt.found.get() <= MAX_CANDIDATES {
            attempt.candidates.borrow().push(candidate);
            self.tell_candidates();
        }
    }

    /// The transport broke; without a session yet, that is the end of it.
    pub(crate) fn broke(&self, why: &str) {
        if let Some(step) = self.attempt.awaited.get() {
            self.fail(*error::broke(step, why));
        }
    }

    /// The session ended: calls off what is under way, tells the server not to wait, and says of the failure where it stopped.
    pub(crate) fn abandon(&self, fault: &mut Fault) {
        self.attempt.timers.take();
        let Some(step) = self.attempt.awaited.take() else { return };
        error::stopped(step, fault);
        self.forget();
    }

    /// Exchanges descriptions with the server, in one round trip or in two.
    async fn negotiate(&self) -> Result<(), Failure> {
        let Attempt { signaling, options, .. } = &self.attempt;
        // `kind` is what the server's description is: an answer to ours, or an offer that we answer.
        let (kind, reply, negotiation);
        if options.negotiation == Negotiation::ServerOffers {
            kind = "offer";
            reply = self.negotiating(&signaling.invite().await?)?;
            negotiation = self.open(&options.ice_servers.concat(&reply.ice_servers))?;
            self.trace("offer", 0);
        } else {
            kind = "answer";
            negotiation = self.open(&options.ice_servers)?;
            self.peer(Peer::open_lanes);
            let sdp = negotiation.describe(Kind::Offer).await?;
            self.trace("offer", 0);
            reply = self.negotiating(&signaling.offer(&sdp).await?)?;
            self.trace("answer", 0);
        }
        negotiation.accept(kind, &reply.sdp).await?;
        if kind == "offer" {
            let sdp = negotiation.describe(Kind::Answer).await?;
            signaling.answer(&reply.id, &sdp).await?;
            self.trace("answer", 0);
        }
        Ok(())
    }

    fn open(&self, ice_servers: &Array) -> Result<transport::Negotiation, Failure> {
        if self.attempt.awaited.get().is_none() {
            return Err(error::over());
        }
        let policy = if self.attempt.options.relay_only { "relay" } else { "all" };
        self.attach(js::object(&[("iceServers", ice_servers), ("iceTransportPolicy", &policy.into())]))
    }

    /// The server knows this connection from now on, and may be told of candidates, or that nobody waits for it any more.
    fn negotiating(&self, reply: &JsValue) -> Result<Reply, Failure> {
        let reply = self.attempt.signaling.read(reply)?;
        self.attempt.id.replace(reply.id.clone());
        if self.attempt.awaited.get().is_none() {
            self.forget();
            return Err(error::over());
        }
        self.tell_candidates();
        Ok(reply)
    }

    /// Tells the server not to wait for a connection that will not come about. It would notice by itself.
    fn forget(&self) {
        let id = self.attempt.id.borrow();
        if !id.is_empty() {
            let told = self.attempt.signaling.end(&id);
            js::spawn(async move { drop(told.await) });
        }
    }

    fn negotiated(&self) {
        self.done(Step::Signaling);
        self.after(STRANDED_AFTER, |session, _| {
            session.attempt.probed.set(true);
            session.check_stranded();
        });
    }

    /// Tells the server of the candidates found so far; those found meanwhile go with the next request.
    fn tell_candidates(&self) {
        let attempt = &self.attempt;
        if attempt.id.borrow().is_empty() || attempt.candidates.borrow().length() == 0 || attempt.telling.replace(true) {
            return;
        }
        let Some(session) = self.this.upgrade() else { return };
        let told = attempt.signaling.candidates(&attempt.id.borrow(), &attempt.candidates.take());
        js::spawn(async move {
            // The server also finds a path by the packets that reach it, so a failure here is not the end.
            drop(told.await);
            session.attempt.telling.set(false);
            session.tell_candidates();
        });
    }

    /// Without a network interface ICE waits for ever: better to say so.
    fn check_stranded(&self) {
        let relay_only = self.attempt.options.relay_only;
        if self.peer(|peer| peer.is_stranded(relay_only)) == Some(true)
            && self.attempt.probed.get()
            && self.attempt.awaited.get() == Some(Step::Ice)
        {
            self.fail(*error::stranded());
        }
    }

    /// Ends the session for this reason.
    pub(crate) fn fail(&self, fault: Fault) {
        self.wish().close(fault);
    }

    fn trace(&self, name: &'static str, count: u32) {
        (self.listener)(self, News::Step { name, ms: self.elapsed(), count });
    }

    fn elapsed(&self) -> f64 {
        js::performance_now() - self.attempt.started
    }

    fn after(&self, ms: Millis, then: fn(&Self, JsValue)) {
        self.attempt.timers.borrow_mut().push(Timer::after(ms, self.callback(then)));
    }
}

//! One attempt to connect: the steps from nothing to welcome, each timed, each with a bound.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use js_sys::Array;
use tabagent_protocol::{Fault, Millis};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::{
    client::{ClientEvent, Listener},
    clock::Timer,
    driver::Driver,
    error, js,
    options::{Negotiation, Options},
    signaling::Signaling,
    transport::{Peer, Step},
};

/// Milliseconds that ICE gets to move without a single candidate of ours. Where it can work without, it needs 10.
const STRANDED_AFTER: Millis = 1_500;
/// Candidates told to the server. It takes no more of one connection; a machine with so many interfaces needs no more.
const MAX_CANDIDATES: u32 = 64;

/// From the first request to the welcome. Dropped then, or when the session ends before.
pub(crate) struct Attempt {
    driver: Rc<Driver>,
    signaling: Signaling,
    options: Options,
    listener: Listener,
    /// When it began, on the clock of [`js::performance_now`].
    started: f64,
    /// The step that is waited for.
    awaited: Cell<Step>,
    /// The server's id of the connection, once it is known.
    id: RefCell<String>,
    /// Candidates that the server has not been told of.
    candidates: RefCell<Array>,
    found: Cell<u32>,
    /// Candidates are on their way to the server.
    telling: Cell<bool>,
    /// The probe for a browser without network has run.
    probed: Cell<bool>,
    timers: RefCell<Vec<Timer>>,
    this: Weak<Self>,
}

impl Attempt {
    /// Begins. What comes of it is heard through `driver` and `listener`.
    pub(crate) fn start(driver: Rc<Driver>, server: &str, options: Options, listener: Listener) -> Rc<Self> {
        let attempt = Rc::new_cyclic(|this| Self {
            driver,
            signaling: Signaling::new(server, options.key.as_deref()),
            options,
            listener,
            started: js::performance_now(),
            awaited: Cell::new(Step::Signaling),
            id: RefCell::default(),
            candidates: RefCell::default(),
            found: Cell::new(0),
            telling: Cell::new(false),
            probed: Cell::new(false),
            timers: RefCell::default(),
            this: Weak::clone(this),
        });
        let limit = attempt.options.connect_timeout;
        attempt.after(limit, move |attempt| attempt.fail(error::timed_out(attempt.awaited.get(), limit)));
        spawn_local(attempt.clone().run());
        attempt
    }

    /// The server's id of the connection; empty while it is not known.
    pub(crate) fn id(&self) -> String {
        self.id.borrow().clone()
    }

    /// A step is done, and with it all before it: their events may come late.
    pub(crate) fn done(&self, step: Step) {
        let ms = self.elapsed();
        for done in Step::ALL.into_iter().filter(|each| (self.awaited.get()..=step).contains(each)) {
            (self.listener)(ClientEvent::Step { step: done, ms });
        }
        let next = Step::ALL.into_iter().find(|each| *each > step);
        self.awaited.set(self.awaited.get().max(next.unwrap_or(Step::Welcome)));
    }

    /// One of our candidates, or `null` when there are no more.
    pub(crate) fn candidate(&self, candidate: &JsValue) {
        if candidate.is_null() {
            self.trace("candidates", self.found.get());
            self.check_stranded();
        } else {
            self.found.set(self.found.get() + 1);
        }
        // Behind an open channel nobody looks for a path any more.
        if self.awaited.get() < Step::Welcome && self.found.get() <= MAX_CANDIDATES {
            self.candidates.borrow().push(candidate);
            self.tell_candidates();
        }
    }

    /// The transport broke before there was a session.
    pub(crate) fn broke(&self, why: &str) {
        self.fail(error::broke(self.awaited.get(), why));
    }

    /// Says of a failure which step it happened at.
    pub(crate) fn explain(&self, fault: Fault) -> Fault {
        error::stopped(self.awaited.get(), fault)
    }

    /// Gives up: the session ends for this reason.
    pub(crate) fn fail(&self, fault: Fault) {
        self.driver.wish(|endpoint, _| endpoint.close(fault));
    }

    /// The session ended before its welcome: calls off what is under way, and tells the server not to wait.
    pub(crate) fn abandon(self: Rc<Self>) {
        self.timers.take();
        self.signaling.abort();
        if !self.id.borrow().is_empty() {
            spawn_local(async move { self.signaling.end(&self.id()).await });
        }
    }

    async fn run(self: Rc<Self>) {
        let outcome = match self.options.negotiation {
            Negotiation::ClientOffers => self.offer().await,
            Negotiation::ServerOffers => self.answer().await,
        };
        match outcome {
            Ok(()) => {
                self.done(Step::Signaling);
                self.after(STRANDED_AFTER, |attempt| {
                    attempt.probed.set(true);
                    attempt.check_stranded();
                });
            }
            Err(fault) => self.fail(fault),
        }
    }

    /// Client offers: one round trip.
    async fn offer(&self) -> Result<(), Fault> {
        let peer = self.peer(&self.options.ice_servers)?;
        let sdp = peer.offer().await?;
        self.trace("offer", 0);
        let reply = self.signaling.offer(&sdp).await?;
        self.negotiating(reply.id);
        peer.accept(&reply.sdp).await
    }

    /// Server offers: two round trips.
    async fn answer(&self) -> Result<(), Fault> {
        let reply = self.signaling.invite().await?;
        self.negotiating(reply.id);
        self.trace("offer", 0);
        let peer = self.peer(&self.options.ice_servers.concat(&reply.ice_servers))?;
        let sdp = peer.answer(&reply.sdp).await?;
        self.signaling.answer(&self.id(), &sdp).await
    }

    fn peer(&self, ice_servers: &Array) -> Result<Rc<Peer>, Fault> {
        let policy = if self.options.relay_only { "relay" } else { "all" };
        let configuration = js::object([("iceServers", ice_servers.into()), ("iceTransportPolicy", policy.into())]);
        let peer = Peer::new(configuration, self.driver.notify())?;
        self.driver.attach(peer.clone());
        Ok(peer)
    }

    /// The server knows this connection from now on, and may be told of candidates.
    fn negotiating(&self, id: String) {
        self.id.replace(id);
        self.tell_candidates();
    }

    /// Tells the server of the candidates found so far; those found meanwhile go with the next request.
    fn tell_candidates(&self) {
        if self.id.borrow().is_empty() || self.candidates.borrow().length() == 0 || self.telling.replace(true) {
            return;
        }
        let Some(attempt) = self.this.upgrade() else { return };
        spawn_local(async move {
            let candidates = attempt.candidates.take();
            // The server also finds a path by the packets that reach it, so a failure here is not the end.
            let _ = attempt.signaling.candidates(&attempt.id(), &candidates).await;
            attempt.telling.set(false);
            attempt.tell_candidates();
        });
    }

    /// Without a network interface ICE waits for ever: better to say so.
    fn check_stranded(&self) {
        let stranded = self.probed.get() && self.driver.transport().is_some_and(|peer| peer.is_stranded());
        if stranded && self.awaited.get() <= Step::Ice {
            self.fail(error::stranded());
        }
    }

    fn trace(&self, what: &'static str, count: u32) {
        (self.listener)(ClientEvent::Trace { what, count, ms: self.elapsed() });
    }

    fn elapsed(&self) -> f64 {
        js::performance_now() - self.started
    }

    fn after(&self, ms: Millis, then: impl Fn(&Self) + 'static) {
        let this = self.this.clone();
        let timer = Timer::after(ms, move || {
            if let Some(attempt) = this.upgrade() {
                then(&attempt);
            }
        });
        self.timers.borrow_mut().push(timer);
    }
}

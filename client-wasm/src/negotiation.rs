//! How a WebRTC connection comes about: descriptions and candidates, there and back over HTTP.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Array;
use tabagent_protocol::Millis;
use wasm_bindgen::JsValue;

use crate::{
    attempt::Attempt,
    error::{self, Failure},
    js,
    options::Negotiation,
    session::Session,
    signaling::Reply,
    transport::{self, Kind, Peer, Step, Transport},
};

/// Milliseconds that ICE gets to move without a single candidate of ours. Where it can work without, it needs 10.
const STRANDED_AFTER: Millis = 1_000;
/// Candidates told to the server. It takes no more of one connection; a machine with so many interfaces needs no more.
const MAX_CANDIDATES: u32 = 64;

/// Where a negotiation stands.
#[derive(Default)]
pub(crate) struct Negotiating {
    /// The server's id of the connection, empty until it is known.
    id: RefCell<String>,
    /// Candidates that the server has not been told of.
    candidates: RefCell<Array>,
    found: Cell<u32>,
    /// Candidates are on their way to the server.
    telling: Cell<bool>,
    /// ICE has had its time.
    probed: Cell<bool>,
}

impl Attempt {
    /// The server's id of the connection; empty while it is not known, and where it has none.
    pub(crate) fn id(&self) -> String {
        self.negotiating.id.borrow().clone()
    }

    fn peer(&self) -> Option<&Peer> {
        self.transport.get()?.peer()
    }
}

impl Session {
    /// Begins to negotiate.
    pub(crate) fn negotiate_soon(&self, attempt: Rc<Attempt>) {
        let Some(session) = self.this.upgrade() else { return };
        js::spawn(async move {
            match session.negotiate(&attempt).await {
                Ok(()) => session.negotiated(&attempt),
                Err(failure) => session.fail_attempt(&attempt, *failure),
            }
        });
    }

    /// Exchanges descriptions with the server, in one round trip or in two.
    async fn negotiate(&self, attempt: &Rc<Attempt>) -> Result<(), Failure> {
        let Self { signaling, options, .. } = self;
        // `kind` is what the server's description is: an answer to ours, or an offer that we answer.
        let (kind, reply, negotiation);
        if options.negotiation == Negotiation::ServerOffers {
            kind = "offer";
            reply = self.negotiating(attempt, &signaling.invite().await?)?;
            negotiation = self.open_peer(attempt, &options.ice_servers.concat(&reply.ice_servers))?;
            self.trace(attempt, "offer", 0);
        } else {
            kind = "answer";
            negotiation = self.open_peer(attempt, &options.ice_servers)?;
            if let Some(peer) = attempt.peer() {
                peer.open_lanes();
            }
            let sdp = negotiation.describe(Kind::Offer).await?;
            self.trace(attempt, "offer", 0);
            reply = self.negotiating(attempt, &signaling.offer(&sdp).await?)?;
            self.trace(attempt, "answer", 0);
        }
        negotiation.accept(kind, &reply.sdp).await?;
        if kind == "offer" {
            let sdp = negotiation.describe(Kind::Answer).await?;
            signaling.answer(&reply.id, &sdp).await?;
            self.trace(attempt, "answer", 0);
        }
        Ok(())
    }

    fn open_peer(&self, attempt: &Attempt, ice_servers: &Array) -> Result<transport::Negotiation, Failure> {
        if attempt.awaited.get().is_none() {
            return Err(error::over());
        }
        let policy = if self.options.relay_only { "relay" } else { "all" };
        let configuration = js::object(&[("iceServers", ice_servers), ("iceTransportPolicy", &policy.into())]);
        let peer =
            Peer::new(&self.options.constructors, &configuration, attempt.listener.function().clone(), self.stranded.get())?;
        let negotiation = peer.negotiation();
        // There is none yet.
        let _ = attempt.transport.set(Transport::WebRtc(peer));
        Ok(negotiation)
    }

    /// The server knows this connection from now on, and may be told of candidates, or that nobody waits for it any more.
    fn negotiating(&self, attempt: &Rc<Attempt>, reply: &JsValue) -> Result<Reply, Failure> {
        let reply = self.signaling.read(reply)?;
        attempt.negotiating.id.replace(reply.id.clone());
        if attempt.awaited.get().is_none() {
            self.forget(attempt);
            return Err(error::over());
        }
        self.tell_candidates(attempt);
        Ok(reply)
    }

    /// Tells the server not to wait for a connection that will not come about. It would notice by itself.
    pub(crate) fn forget(&self, attempt: &Attempt) {
        let id = attempt.negotiating.id.borrow();
        if !id.is_empty() {
            let told = self.signaling.end(&id);
            js::spawn(async move { drop(told.await) });
        }
    }

    fn negotiated(&self, attempt: &Rc<Attempt>) {
        self.done(attempt, Step::Signaling);
        self.after(attempt, STRANDED_AFTER, |session, connection, _| {
            if let Some(attempt) = session.attempt(connection) {
                attempt.negotiating.probed.set(true);
                session.check_stranded(&attempt);
            }
        });
    }

    /// One of our candidates, or `null` when there are no more.
    pub(crate) fn candidate(&self, attempt: &Rc<Attempt>, candidate: &JsValue) {
        let state = &attempt.negotiating;
        if candidate.is_null() {
            self.trace(attempt, "candidates", state.found.get());
            self.check_stranded(attempt);
        } else {
            state.found.set(state.found.get() + 1);
        }
        // Behind an open channel nobody looks for a path any more.
        let wanted = attempt.awaited.get().is_some_and(|step| step < Step::Welcome);
        if wanted && state.found.get() <= MAX_CANDIDATES {
            state.candidates.borrow().push(candidate);
            self.tell_candidates(attempt);
        }
    }

    /// Tells the server of the candidates found so far; those found meanwhile go with the next request.
    fn tell_candidates(&self, attempt: &Rc<Attempt>) {
        let state = &attempt.negotiating;
        if state.id.borrow().is_empty() || state.candidates.borrow().length() == 0 || state.telling.replace(true) {
            return;
        }
        let (Some(session), attempt) = (self.this.upgrade(), attempt.clone()) else { return };
        let told = self.signaling.candidates(&state.id.borrow(), &state.candidates.take());
        js::spawn(async move {
            // The server also finds a path by the packets that reach it, so a failure here is not the end.
            drop(told.await);
            attempt.negotiating.telling.set(false);
            session.tell_candidates(&attempt);
        });
    }

    /// Without a network interface ICE waits for ever: better to say so.
    fn check_stranded(&self, attempt: &Rc<Attempt>) {
        let stranded = attempt.peer().is_some_and(|peer| peer.is_stranded(self.options.relay_only));
        if stranded && attempt.negotiating.probed.get() && attempt.awaited.get() == Some(Step::Ice) {
            self.stranded.set(true);
            self.fail_attempt(attempt, *error::stranded());
        }
    }
}

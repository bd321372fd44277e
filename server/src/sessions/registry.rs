//! Which sessions there are: found by the hash of their secret, bounded in number and, without a connection, in bytes.

use std::{collections::HashMap, time::Duration};

use sha2::{Digest, Sha256};
use tabagent_protocol::{Code, Fault, frame::hello::Hello};
use tokio::{sync::mpsc, time::Instant};

use super::{Arrival, SessionKey, over::Over};
use crate::{limits::ServerLimits, service::Principal};

/// Hellos that wait for a session's driver; one more waits in its connection's task.
const ARRIVALS: usize = 4;

/// The key of a session. Another principal's session with the same secret is another one.
pub(super) fn key(principal: &Principal, secret: &[u8; 32]) -> SessionKey {
    let owner = Sha256::digest(principal.as_str());
    Sha256::new().chain_update(owner).chain_update(secret).finalize().into()
}

/// All sessions.
pub(super) struct Registry {
    limits: ServerLimits,
    entries: HashMap<SessionKey, Entry>,
    over: Over,
}

struct Entry {
    number: u64,
    principal: Principal,
    arrivals: mpsc::Sender<Arrival>,
    /// Ends it from outside, for this reason.
    end: mpsc::Sender<Fault>,
    /// While it has no connection.
    rest: Option<Rest>,
}

/// What a session without a connection keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// When it lost its last connection.
    pub(super) since: Instant,
    /// Bytes that it holds.
    pub(super) bytes: usize,
    /// Whether calls of it are under way.
    pub(super) busy: bool,
}

/// What a hello leads to.
pub(super) enum Found {
    /// A session that stands: where its driver takes further connections.
    Here(mpsc::Sender<Arrival>),
    /// One that is to begin.
    New(Birth),
}

/// What the driver of a new session is given.
pub(super) struct Birth {
    pub(super) key: SessionKey,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    /// Why it must end, when something outside says so.
    pub(super) ended: mpsc::Receiver<Fault>,
}

impl Registry {
    pub(super) fn new(limits: &ServerLimits) -> Self {
        let window = Duration::from_millis(limits.session.window);
        Self { limits: limits.clone(), entries: HashMap::new(), over: Over::new(Instant::now(), window) }
    }

    /// Whether a hello of this principal would resume a session.
    pub(super) fn knows(&self, key: &SessionKey) -> bool {
        self.entries.contains_key(key)
    }

    /// Finds the session of a hello, or makes it under this number. Wrong, foreign and expired secrets look the same.
    ///
    /// # Errors
    /// `session_expired`; `limit_reached` when the principal has too many sessions that are in use.
    pub(super) fn find(&mut self, principal: &Principal, hello: &Hello, number: u64) -> Result<Found, Fault> {
        let key = key(principal, &hello.secret);
        if let Some(entry) = self.entries.get(&key) {
            return Ok(Found::Here(entry.arrivals.clone()));
        }
        let sent = hello.sent != [0; 2];
        if hello.welcomed || sent && self.over.may_have_stood(Instant::now(), &key) {
            return Err(expired());
        }
        for secret in &hello.replaces {
            self.end(&self::key(principal, secret), replaced());
        }
        self.make_room(principal)?;
        let ((arrivals, receiver), (end, ended)) = (mpsc::channel(ARRIVALS), mpsc::channel(1));
        self.entries.insert(key, Entry { number, principal: principal.clone(), arrivals, end, rest: None });
        Ok(Found::New(Birth { key, arrivals: receiver, ended }))
    }

    /// A session has lost its last connection, holds another number of bytes meanwhile, or (none) has a connection again.
    pub(super) fn rests(&mut self, key: &SessionKey, number: u64, rest: Option<Rest>) {
        if let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.number == number) {
            entry.rest = rest;
        }
        while let Some(victim) = self.victim() {
            self.end(&victim, evicted());
        }
    }

    /// A session is over.
    pub(super) fn remove(&mut self, key: &SessionKey, number: u64) {
        // It may have been evicted, and its place taken.
        if self.entries.get(key).is_some_and(|entry| entry.number == number) {
            self.entries.remove(key);
            self.over.add(Instant::now(), *key);
        }
    }

    /// Makes room for one more session of this principal.
    fn make_room(&mut self, principal: &Principal) -> Result<(), Fault> {
        let max = self.limits.sessions_per_principal;
        let own = || self.entries.iter().filter(|(_, entry)| entry.principal == *principal);
        if own().count() < max {
            return Ok(());
        }
        let idle = own().filter_map(|(key, entry)| Some((key, entry.rest.filter(|rest| !rest.busy)?.since)));
        let Some((victim, _)) = idle.min_by_key(|(_, since)| *since) else {
            let message = format!("there may be {max} sessions of one principal here (limit sessions_per_principal)");
            let details = format!(r#"{{"limit":"sessions_per_principal","max":{max}}}"#);
            return Err(Fault::new(Code::LIMIT_REACHED, message).with_details(details));
        };
        let victim = *victim;
        self.end(&victim, evicted());
        Ok(())
    }

    /// The session that has to go, when those without a connection are too many or hold too much: one without calls, and of
    /// these the one that has waited longest.
    fn victim(&self) -> Option<SessionKey> {
        let resting = || self.entries.iter().filter_map(|(key, entry)| Some((key, &entry.principal, entry.rest?)));
        let mut owned: HashMap<&Principal, usize> = HashMap::new();
        resting().for_each(|(_, principal, rest)| *owned.entry(principal).or_default() += rest.bytes);
        let limits = &self.limits;
        let too_many = resting().count() > limits.disconnected_sessions;
        let too_large = owned.values().sum::<usize>() > limits.disconnected_bytes;
        let greedy = owned.iter().find(|(_, bytes)| **bytes > limits.disconnected_bytes_per_principal).map(|(who, _)| *who);
        let concerned = |principal, rest: Rest| match (too_many, too_large) {
            (true, _) => true,
            (_, true) => rest.bytes > 0,
            _ => Some(principal) == greedy && rest.bytes > 0,
        };
        let candidates = resting().filter(|(_, principal, rest)| concerned(*principal, *rest));
        candidates.min_by_key(|(.., rest)| (rest.busy, rest.since)).map(|(key, ..)| *key)
    }

    /// Takes a session out, if there is one, and tells its driver why.
    fn end(&mut self, key: &SessionKey, reason: Fault) {
        if let Some(entry) = self.entries.remove(key) {
            tracing::info!(session = entry.number, reason = %reason.message, "a session must end");
            // Nobody has told it anything before, so there is room; it may have ended in this moment.
            drop(entry.end.try_send(reason));
            self.over.add(Instant::now(), *key);
        }
    }
}

fn evicted() -> Fault {
    Fault::new(Code::SESSION_EXPIRED, "a session without a connection made room for others (limits disconnected_…)")
}

fn replaced() -> Fault {
    Fault::new(Code::CLIENT_CRASHED, "its client crashed and has begun another session in its place")
}

/// What is said of a session that is gone, never was, or is somebody else's.
pub(super) fn expired() -> Fault {
    Fault::new(Code::SESSION_EXPIRED, "this session is gone; connect anew")
}

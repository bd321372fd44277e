//! Which sessions there are: found by the hash of their secret, bounded in number and, without a connection, in bytes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use tabagent_protocol::{Code, Fault, frame::hello::Hello};
use tokio::{sync::mpsc, time::Instant};

use super::{Arrival, SessionKey, over::Over};
use crate::{
    drain::Drain,
    limits::ServerLimits,
    minute::{LastMinute, wait_ms},
    service::Principal,
};

/// Hellos that wait for a session's driver; one more waits in its connection's task.
const ARRIVALS: usize = 4;
/// Told to a client whose principal has too many sessions: they come and go, but nobody knows when.
const FULL_RETRY_MS: u32 = 5_000;

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
    /// Its hellos after the first.
    resumes: LastMinute,
    /// Told by its driver once the server's end was announced.
    settled: Arc<AtomicBool>,
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
    /// For the driver to say, once the server's end was announced, whether nothing of it is under way.
    pub(super) settled: Arc<AtomicBool>,
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

    /// Whether this principal has a session.
    pub(super) fn any_of(&self, principal: &Principal) -> bool {
        self.entries.values().any(|entry| entry.principal == *principal)
    }

    /// How many sessions wait for another connection.
    pub(super) fn resting(&self) -> usize {
        self.entries.values().filter(|entry| entry.rest.is_some()).count()
    }

    /// Whether there is a session whose driver has not said that nothing is under way.
    pub(super) fn any_busy(&self) -> bool {
        self.entries.values().any(|entry| !entry.settled.load(Ordering::Relaxed))
    }

    /// Finds the session of a hello, or makes it under this number. Wrong, foreign and expired secrets look the same.
    ///
    /// # Errors
    /// `session_expired`; `draining` when a new one would begin while the server ends; `limit_reached` when the session was resumed
    /// too often, or the principal has too many that are in use.
    pub(super) fn find(&mut self, principal: &Principal, hello: &Hello, number: u64, drain: &Drain) -> Result<Found, Fault> {
        let key = key(principal, &hello.secret);
        if let Some(entry) = self.entries.get_mut(&key) {
            let (now, max) = (Instant::now().into_std(), self.limits.resumes_per_minute);
            entry.resumes.check(now, max).map_err(|wait| too_often(max, wait))?;
            entry.resumes.note(now);
            return Ok(Found::Here(entry.arrivals.clone()));
        }
        let sent = hello.sent != [0; 2];
        if hello.welcomed || sent && self.over.may_have_stood(Instant::now(), &key) {
            return Err(expired());
        }
        if drain.has_begun() {
            return Err(drain.refusal());
        }
        for secret in &hello.replaces {
            self.end(&self::key(principal, secret), replaced());
        }
        self.make_room(principal)?;
        let ((arrivals, receiver), (end, ended)) = (mpsc::channel(ARRIVALS), mpsc::channel(1));
        let birth = Birth { key, arrivals: receiver, ended, settled: Arc::default() };
        let (principal, settled) = (principal.clone(), Arc::clone(&birth.settled));
        let entry = Entry { number, principal, arrivals, end, rest: None, resumes: LastMinute::default(), settled };
        self.entries.insert(key, entry);
        Ok(Found::New(birth))
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
            return Err(limit_reached("sessions_per_principal", max, message).retry_after(FULL_RETRY_MS));
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

fn too_often(max: usize, wait: Duration) -> Fault {
    let message = format!("a session may be resumed {max} times a minute here (limit resumes_per_minute)");
    limit_reached("resumes_per_minute", max, message).retry_after(wait_ms(wait))
}

fn limit_reached(limit: &str, max: usize, message: String) -> Fault {
    Fault::new(Code::LIMIT_REACHED, message).with_details(format!(r#"{{"limit":"{limit}","max":{max}}}"#))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(secret: u8) -> Hello {
        Hello {
            versions: (1, 1),
            epoch: 1,
            secret: [secret; 32],
            welcomed: false,
            sent: [0; 2],
            received: [0; 2],
            bearer: None,
            replaces: Vec::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_resumed_as_often_as_the_limit_says_and_again_after_the_wait() {
        const MAX: usize = 3;
        let mut registry = Registry::new(&ServerLimits { resumes_per_minute: MAX, ..ServerLimits::default() });
        let (who, drain) = (Principal::local(), Drain::default());
        let begun = registry.find(&who, &hello(1), 1, &drain);
        assert!(matches!(begun, Ok(Found::New(_))), "the first hello resumes nothing");
        for second in 0..MAX {
            assert!(matches!(registry.find(&who, &hello(1), 9, &drain), Ok(Found::Here(_))), "resume {second}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let Err(refused) = registry.find(&who, &hello(1), 9, &drain) else { unreachable!("one more than the limit") };
        assert_eq!((refused.code, refused.retry_after_ms), (Code::LIMIT_REACHED, Some(57_000)));
        assert_eq!(refused.details, br#"{"limit":"resumes_per_minute","max":3}"#);
        assert!(matches!(registry.find(&who, &hello(2), 2, &drain), Ok(Found::New(_))), "another session is another matter");
        tokio::time::advance(Duration::from_millis(57_000)).await;
        assert!(matches!(registry.find(&who, &hello(1), 9, &drain), Ok(Found::Here(_))));
        assert!(registry.find(&who, &hello(1), 9, &drain).is_err(), "one place was free");
    }

    #[test]
    fn a_server_that_ends_begins_no_session_and_knows_those_it_has() {
        let mut registry = Registry::new(&ServerLimits::default());
        let (who, drain) = (Principal::local(), Drain::default());
        let birth = registry.find(&who, &hello(1), 1, &drain);
        drain.begin(Duration::from_secs(9));
        assert!(matches!(registry.find(&who, &hello(1), 2, &drain), Ok(Found::Here(_))));
        let Err(refused) = registry.find(&who, &hello(2), 3, &drain) else { unreachable!("a new one") };
        assert!(refused.code == Code::DRAINING && refused.retry_after_ms.is_some_and(|ms| ms > 8_000), "{refused:?}");
        assert!(registry.any_of(&who) && !registry.any_of(&Principal::new("another")));
        assert!(registry.any_busy(), "its driver has not said otherwise");
        let Ok(Found::New(birth)) = birth else { unreachable!("a new one") };
        birth.settled.store(true, Ordering::Relaxed);
        assert!(!registry.any_busy());
    }
}

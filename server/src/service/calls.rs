//! Which calls are running, under which names: for limits, for duplicates, for `stop_generation`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use tabagent_protocol::{Code, Fault};
use tokio_util::sync::CancellationToken;

use super::{Shared, asked::Principal, codec::short};

/// The register of running calls.
pub(crate) struct Calls {
    per_principal: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Number given to the last call.
    last: u64,
    running: HashMap<u64, Entry>,
    /// Names in use per session. Calls without a session do not claim theirs: they have nobody to be unique among.
    names: HashMap<(u64, String), u64>,
    /// Running calls per principal; rows of zero are removed.
    counts: HashMap<Principal, usize>,
}

struct Entry {
    principal: Principal,
    session: Option<u64>,
    request_id: String,
    stop: CancellationToken,
}

/// A call's place in the register; dropping it gives the place back.
pub(super) struct Admitted {
    pub(super) shared: Arc<Shared>,
    pub(super) request_id: String,
    /// Cancelled when `stop_generation` names the call.
    pub(super) stop: CancellationToken,
    /// Its handler was dropped because nobody wants an answer.
    pub(super) cancelled: AtomicBool,
    number: u64,
}

impl Admitted {
    /// Gives the place back before the drop: the call is settled and can be stopped no more.
    pub(super) fn release(&self) {
        self.shared.calls.lock().remove(self.number);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.release();
    }
}

impl Calls {
    pub(super) fn new(per_principal: usize) -> Self {
        Self { per_principal, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().running.len()
    }

    /// Takes a place for a call, or says why there is none.
    pub(super) fn admit(
        shared: &Arc<Shared>,
        principal: &Principal,
        session: Option<u64>,
        name: Option<String>,
    ) -> Result<Admitted, Fault> {
        let calls = &shared.calls;
        let mut inner = calls.lock();
        let count = inner.counts.get(principal).copied().unwrap_or(0);
        if count >= calls.per_principal {
            let text = format!("calls_per_principal: {count} calls of {principal} are in flight; wait for one to end");
            return Err(Fault::new(Code::LIMIT_REACHED, text).with_details(r#"{"limit":"calls_per_principal"}"#));
        }
        let number = inner.last + 1;
        let request_id = name.unwrap_or_else(|| format!("call-{number}"));
        if let Some(session) = session
            && inner.names.contains_key(&(session, request_id.clone()))
        {
            let text = format!("a call named {:?} is running in this session; name each call anew", short(&request_id));
            return Err(Fault::new(Code::INVALID_STATE, text).with_details(r#"{"field":"request_id"}"#));
        }
        let stop = CancellationToken::new();
        let entry = Entry { principal: principal.clone(), session, request_id: request_id.clone(), stop: stop.clone() };
        inner.insert(number, entry);
        Ok(Admitted { shared: Arc::clone(shared), request_id, stop, cancelled: AtomicBool::new(false), number })
    }

    /// Tells the calls of this name to stop: those of the session, or else all of the principal. Answers how many.
    pub(super) fn stop(&self, principal: &Principal, session: Option<u64>, request_id: &str) -> Stopped {
        let inner = self.lock();
        let named = |entry: &&Entry| entry.principal == *principal && entry.request_id == request_id;
        let own = |entry: &&Entry| session.is_some() && entry.session == session;
        let mut stopped: Vec<_> = inner.running.values().filter(named).filter(own).collect();
        if stopped.is_empty() {
            stopped = inner.running.values().filter(named).collect();
        }
        stopped.iter().for_each(|entry| entry.stop.cancel());
        Stopped { sessions: stopped.iter().map(|entry| entry.session).collect() }
    }
}

/// The calls that were told to stop.
pub(super) struct Stopped {
    /// The session of each.
    pub(super) sessions: Vec<Option<u64>>,
}

impl Inner {
    fn insert(&mut self, number: u64, entry: Entry) {
        self.last = number;
        *self.counts.entry(entry.principal.clone()).or_default() += 1;
        if let Some(session) = entry.session {
            self.names.insert((session, entry.request_id.clone()), number);
        }
        self.running.insert(number, entry);
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.running.remove(&number) else { return };
        if let Some(session) = entry.session {
            self.names.remove(&(session, entry.request_id));
        }
        if let Some(count) = self.counts.get_mut(&entry.principal) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&entry.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Service, ServiceLimits};

    fn shared(calls_per_principal: usize) -> Arc<Shared> {
        Service::with_limits(ServiceLimits { calls_per_principal, ..ServiceLimits::default() }).shared
    }

    fn admit(shared: &Arc<Shared>, who: &str, session: Option<u64>, name: &str) -> Result<Admitted, Fault> {
        Calls::admit(shared, &Principal::new(who), session, Some(name.to_owned()))
    }

    #[test]
    fn a_name_is_unique_in_its_session_while_its_call_runs() {
        let shared = shared(10);
        let first = admit(&shared, "a", Some(1), "x").expect("free");
        assert_eq!(admit(&shared, "a", Some(1), "x").err().expect("taken").code, Code::INVALID_STATE);
        assert!(admit(&shared, "a", Some(2), "x").is_ok());
        drop(first);
        assert!(admit(&shared, "a", Some(1), "x").is_ok());
    }

    #[test]
    fn each_principal_has_its_own_limit() {
        let shared = shared(2);
        let held = [admit(&shared, "a", None, "x"), admit(&shared, "a", None, "x")];
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(admit(&shared, "a", None, "x").err().expect("full").code, Code::LIMIT_REACHED);
        assert!(admit(&shared, "b", None, "x").is_ok());
        drop(held);
        assert_eq!(shared.calls.len(), 0);
        assert!(admit(&shared, "a", None, "x").is_ok());
    }

    #[test]
    fn stopping_looks_in_its_own_session_first_then_in_its_principals() {
        let shared = shared(10);
        let calls = [admit(&shared, "a", Some(1), "x"), admit(&shared, "a", Some(2), "x"), admit(&shared, "b", Some(3), "x")];
        let stopped = |session| shared.calls.stop(&Principal::new("a"), session, "x").sessions.len();
        assert_eq!(stopped(Some(1)), 1);
        let cancelled = |i: usize| calls[i].as_ref().is_ok_and(|call| call.stop.is_cancelled());
        assert!(cancelled(0) && !cancelled(1));
        assert_eq!(stopped(None), 2);
        assert!(cancelled(1) && !cancelled(2));
        assert_eq!(shared.calls.stop(&Principal::new("a"), None, "y").sessions.len(), 0);
    }
}

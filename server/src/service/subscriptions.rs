//! Who wants which events: a set of names and a bounded queue per session.
//!
//! A publisher never waits. A queue that is full drops its oldest event and counts it; the reader learns the count as an
//! `events_lost` event, in the place where the lost ones would have been.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tabagent_protocol::{Body, Code, Fault, api::EventsLost};
use tokio::sync::Notify;

use super::{asked::Principal, codec, limits::ServiceLimits};

/// Whom an event is for, among those who subscribed to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct To {
    principal: Option<Principal>,
    session: Option<u64>,
    except: Vec<u64>,
}

impl To {
    /// Every subscriber.
    #[must_use]
    pub fn everyone() -> Self {
        Self::default()
    }

    /// One caller's sessions.
    #[must_use]
    pub fn principal(principal: &Principal) -> Self {
        Self { principal: Some(principal.clone()), ..Self::default() }
    }

    /// One session.
    #[must_use]
    pub fn session(session: u64) -> Self {
        Self { session: Some(session), ..Self::default() }
    }

    /// The same without this session too: it knows already.
    #[must_use]
    pub fn except(mut self, session: Option<u64>) -> Self {
        self.except.extend(session);
        self
    }

    fn includes(&self, session: u64, principal: &Principal) -> bool {
        self.principal.as_ref().is_none_or(|one| one == principal)
            && self.session.is_none_or(|one| one == session)
            && !self.except.contains(&session)
    }
}

/// All sessions' subscriptions.
pub(crate) struct Subscriptions {
    names: usize,
    name_bytes: usize,
    waiting: usize,
    sessions: Mutex<HashMap<u64, Subscriber>>,
}

struct Subscriber {
    principal: Principal,
    names: BTreeSet<String>,
    queue: Arc<Queue>,
}

/// Events waiting for one session.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Vec<u8>>,
    /// Dropped since the reader was last told.
    lost: u64,
}

impl Subscriptions {
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        Self {
            names: limits.subscribed_events,
            name_bytes: limits.event_name_bytes,
            waiting: limits.waiting_events.max(1),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn open(this: &Arc<Self>, session: u64, principal: &Principal) -> EventStream {
        let queue = Arc::new(Queue::default());
        let subscriber = Subscriber { principal: principal.clone(), names: BTreeSet::new(), queue: Arc::clone(&queue) };
        this.lock().insert(session, subscriber);
        EventStream { subscriptions: Arc::clone(this), session, queue }
    }

    /// Adds names to a session's subscription and answers all of them.
    pub(super) fn subscribe(&self, session: Option<u64>, names: &[String]) -> Result<Vec<String>, Fault> {
        self.change(session, |subscribed| {
            let mut wanted = subscribed.clone();
            wanted.extend(names.iter().cloned());
            if wanted.len() > self.names {
                let text = format!("subscribed_events: a session can subscribe to {} events", self.names);
                return Err(Fault::new(Code::LIMIT_REACHED, text).with_details(r#"{"limit":"subscribed_events"}"#));
            }
            if names.iter().any(|name| name.len() > self.name_bytes) {
                let text = format!("events: the name of an event has at most {} bytes", self.name_bytes);
                return Err(Fault::new(Code::VALIDATION_FAILED, text).with_details(r#"{"field":"events"}"#));
            }
            *subscribed = wanted;
            Ok(())
        })
    }

    /// Takes names out of a session's subscription and answers those left.
    pub(super) fn unsubscribe(&self, session: Option<u64>, names: &[String]) -> Result<Vec<String>, Fault> {
        self.change(session, |subscribed| {
            subscribed.retain(|name| !names.contains(name));
            Ok(())
        })
    }

    fn change(
        &self,
        session: Option<u64>,
        change: impl FnOnce(&mut BTreeSet<String>) -> Result<(), Fault>,
    ) -> Result<Vec<String>, Fault> {
        let mut sessions = self.lock();
        let Some(subscriber) = session.and_then(|session| sessions.get_mut(&session)) else {
            let text = "there is no session that events could be sent to; over HTTP, read GET /v1/events instead";
            return Err(Fault::new(Code::INVALID_STATE, text));
        };
        change(&mut subscriber.names)?;
        Ok(subscriber.names.iter().cloned().collect())
    }

    /// Queues an event for everybody it concerns; answers how many they are.
    pub(super) fn publish(&self, name: &str, event: &[u8], to: &To) -> usize {
        let sessions = self.lock();
        let concerned = sessions
            .iter()
            .filter(|(session, subscriber)| subscriber.names.contains(name) && to.includes(**session, &subscriber.principal));
        concerned.map(|(_, subscriber)| subscriber.queue.push(event.to_vec(), self.waiting)).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Subscriber>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&self, event: Vec<u8>, limit: usize) {
        let mut waiting = self.lock();
        if waiting.events.len() >= limit {
            waiting.events.pop_front();
            waiting.lost += 1;
        }
        waiting.events.push_back(event);
        self.arrived.notify_one();
    }

    fn pop(&self) -> Option<Body> {
        let mut waiting = self.lock();
        if waiting.lost > 0 {
            let count = std::mem::take(&mut waiting.lost);
            return codec::event(&EventsLost { count }).ok();
        }
        waiting.events.pop_front().map(Body::json)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's subscribed events. Whoever drives the session reads it; dropping it ends the subscription.
pub struct EventStream {
    subscriptions: Arc<Subscriptions>,
    session: u64,
    queue: Arc<Queue>,
}

impl EventStream {
    /// The next event, `{type:"event", event, …}`. May be dropped and asked again; nothing is lost by that.
    pub async fn next(&mut self) -> Body {
        loop {
            if let Some(event) = self.queue.pop() {
                return event;
            }
            self.queue.arrived.notified().await;
        }
    }

    /// Subscribes without the `subscribe` action, for ways in that name the events themselves.
    ///
    /// # Errors
    /// `limit_reached` or `validation_failed` when the names are too many or too long.
    pub fn subscribe(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        self.subscriptions.subscribe(Some(self.session), names)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.subscriptions.lock().remove(&self.session);
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;
    use schemars::JsonSchema;
    use serde::Serialize;
    use serde_json::{Value, json};
    use tabagent_protocol::api::Event;

    #[derive(Serialize, JsonSchema)]
    struct Tick {
        n: u32,
    }

    impl Event for Tick {
        const NAME: &'static str = "tick";
    }

    #[derive(Serialize, JsonSchema)]
    struct Tock {}

    impl Event for Tock {
        const NAME: &'static str = "tock";
    }

    fn service(waiting_events: usize) -> Service {
        Service::with_limits(ServiceLimits { waiting_events, subscribed_events: 2, ..ServiceLimits::default() })
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    async fn next(stream: &mut EventStream) -> Value {
        serde_json::from_slice(&stream.next().await.value).expect("json")
    }

    #[tokio::test]
    async fn a_session_gets_what_it_subscribed_to_and_nothing_else() {
        let service = service(10);
        let mut stream = service.events(1, &Principal::local());
        stream.subscribe(&names(&["tick"])).expect("within limits");
        assert_eq!(service.publish(&Tock {}, &To::everyone()), Ok(0));
        assert_eq!(service.publish(&Tick { n: 1 }, &To::everyone()), Ok(1));
        assert_eq!(next(&mut stream).await, json!({"type": "event", "event": "tick", "n": 1}));
    }

    #[tokio::test]
    async fn a_slow_reader_loses_the_oldest_and_is_told_how_many() {
        let service = service(2);
        let mut stream = service.events(1, &Principal::local());
        stream.subscribe(&names(&["tick"])).expect("within limits");
        for n in 1..=5 {
            service.publish(&Tick { n }, &To::everyone()).expect("an object");
        }
        assert_eq!(next(&mut stream).await, json!({"type": "event", "event": "events_lost", "count": 3}));
        assert_eq!(next(&mut stream).await["n"], 4);
        assert_eq!(next(&mut stream).await["n"], 5);
    }

    #[tokio::test]
    async fn an_event_reaches_whom_it_is_for() {
        let service = service(10);
        let (ann, bob) = (Principal::new("ann"), Principal::new("bob"));
        let streams = [service.events(1, &ann), service.events(2, &ann), service.events(3, &bob)];
        for stream in &streams {
            stream.subscribe(&names(&["tick"])).expect("within limits");
        }
        let reached = |to: &To| service.publish(&Tick { n: 0 }, to).expect("an object");
        assert_eq!(reached(&To::everyone()), 3);
        assert_eq!(reached(&To::principal(&ann)), 2);
        assert_eq!(reached(&To::principal(&ann).except(Some(1))), 1);
        assert_eq!(reached(&To::session(3)), 1);
        drop(streams);
        assert_eq!(reached(&To::everyone()), 0);
    }

    #[test]
    fn subscriptions_are_bounded_and_need_a_session() {
        let service = service(10);
        let stream = service.events(1, &Principal::local());
        let fault = stream.subscribe(&names(&["a", "b", "c"])).expect_err("too many");
        assert_eq!(fault.code, Code::LIMIT_REACHED);
        assert_eq!(stream.subscribe(&names(&["b", "a"])), Ok(names(&["a", "b"])));
        assert_eq!(stream.subscribe(&["x".repeat(65)]).expect_err("too many, too long").code, Code::LIMIT_REACHED);
        let subscriptions = &service.shared.subscriptions;
        assert_eq!(subscriptions.unsubscribe(Some(1), &names(&["a"])), Ok(names(&["b"])));
        assert_eq!(subscriptions.subscribe(None, &names(&["a"])).expect_err("no session").code, Code::INVALID_STATE);
    }
}

//! Typed actions: who may run, what they are given, how they end. No bytes of a wire and no session of one in here.
//!
//! A [`Service`] is a table of actions. Whatever the way in (a session, plain JSON, HTTP), it becomes an [`Asked`];
//! [`Service::start`] answers with a [`Running`] call whose [`Update`]s the way in carries back.

/// Who asks, and for what.
mod asked;
/// What a handler is given.
mod call;
/// Which calls are running, under which names.
mod calls;
/// JSON to request types and responses to JSON.
mod codec;
/// stop_generation, get_halt_status, subscribe, unsubscribe, routes.
mod control;
/// Whether generation was stopped.
mod halt;
/// What a caller streams up.
mod incoming;
/// First results of keyed calls.
mod journal;
/// Every number of a service.
mod limits;
/// Calls from the server to the client.
mod reverse;
/// A call under way.
mod running;
/// What the server has done.
mod stats;
/// Who wants which events.
mod subscriptions;

pub use asked::{Asked, Principal};
pub use call::Call;
pub use incoming::{Incoming, IncomingSender};
pub use limits::ServiceLimits;
pub use reverse::{Reverse, ReverseCaller};
pub use running::{Canceller, Running, Update};
pub use stats::{Count, Stats};
pub use subscriptions::{EventStream, To};

pub(crate) use codec::{event as event_body, short};

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;
use tabagent_protocol::{
    Body, Code, Fault,
    api::{Action, ActionInfo, Event, Health},
};

use crate::{
    api::{self, Api, Validator},
    drain::Drain,
};
use calls::Calls;
use halt::Halt;
use journal::{Found, Journal};
use subscriptions::Subscriptions;

/// What a handler's future comes to.
type Work = BoxFuture<'static, Result<Body, Fault>>;
/// Checks the request of an action, and hands out the work of answering it.
type Handler = Box<dyn Fn(Call, Value) -> Result<Work, Fault> + Send + Sync>;

/// A table of actions and the calls running on it.
pub struct Service {
    handlers: HashMap<&'static str, (ActionInfo, Handler)>,
    /// Shared with the calls, which may describe it.
    api: Arc<Api>,
    shared: Arc<Shared>,
}

/// What the service and its running calls both hold.
pub(crate) struct Shared {
    pub(crate) limits: ServiceLimits,
    pub(crate) stats: Arc<Stats>,
    pub(crate) calls: Calls,
    pub(crate) journal: Arc<Journal>,
    /// Names this server process, to clients and in the promise of keyed calls.
    pub(crate) boot: [u8; 16],
    halt: Halt,
    pub(crate) subscriptions: Arc<Subscriptions>,
    /// From its beginning on only `health` is started.
    pub(crate) drain: Drain,
    sessions: AtomicU64,
}

impl Shared {
    /// As [`Service::publish`], for handlers.
    pub(crate) fn publish<E: Event>(&self, event: &E, to: &To) -> Result<usize, Fault> {
        let body = codec::event(event)?;
        Ok(self.subscriptions.publish(E::NAME, &body.value, to))
    }
}

impl Service {
    /// A service without actions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(ServiceLimits::default())
    }

    /// A service without actions, under other limits.
    #[must_use]
    pub fn with_limits(limits: ServiceLimits) -> Self {
        let shared = Shared {
            stats: Arc::new(Stats::default()),
            calls: Calls::new(limits.calls_per_principal),
            journal: Arc::new(Journal::new(&limits)),
            boot: boot(),
            halt: Halt::default(),
            subscriptions: Arc::new(Subscriptions::new(&limits)),
            drain: Drain::default(),
            sessions: AtomicU64::new(1),
            limits,
        };
        Self { handlers: HashMap::new(), api: Arc::default(), shared: Arc::new(shared) }
    }

    /// Adds an action; one of the same name is replaced.
    ///
    /// ```
    /// use tabagent_server::{Action, Call, Deserialize, Fault, JsonSchema, NoItem, Serialize, Service};
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Roll { sides: u32 }
    ///
    /// #[derive(Serialize, JsonSchema)]
    /// struct Rolled { eyes: u32 }
    ///
    /// impl Action for Roll {
    ///     const NAME: &'static str = "roll";
    ///     type Response = Rolled;
    ///     type Item = NoItem;
    /// }
    ///
    /// async fn roll(_call: Call, request: Roll) -> Result<Rolled, Fault> {
    ///     Ok(Rolled { eyes: request.sides })
    /// }
    ///
    /// let service = Service::new().on(roll);
    /// assert!(service.serves("roll"));
    /// ```
    ///
    /// A request is read and held against the schema of its type before the handler sees it; see [`Action`].
    ///
    /// The handler is dropped in the middle of its work when the caller cancels or its deadline passes: what must be
    /// undone then belongs into `Drop` impls of what it holds.
    #[must_use]
    pub fn on<A, F, Fut>(mut self, handler: F) -> Self
    where
        A: Action,
        F: Fn(Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A::Response, Fault>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let validator = Validator::of::<A>();
        let start = move |call: Call, fields: Value| -> Result<Work, Fault> {
            let request: A = codec::decode(fields, &validator)?;
            let handler = Arc::clone(&handler);
            let work = async move {
                let response = handler(call.clone(), request).await?;
                Ok(Body { payload: call.take_attached(), ..codec::tagged(&A::INFO.response_type(), &response)? })
            };
            Ok(work.boxed())
        };
        self.handlers.insert(A::NAME, (A::INFO, Box::new(start)));
        Arc::make_mut(&mut self.api).add::<A>();
        self
    }

    /// Says that the service sends events of this type, for the descriptions made of it.
    #[must_use]
    pub fn sends<E: Event>(mut self) -> Self {
        Arc::make_mut(&mut self.api).add_event::<E>();
        self
    }

    /// Says that handlers ask clients for this action ([`Call::call_client`]), for the descriptions made of it.
    #[must_use]
    pub fn asks<A: Action>(mut self) -> Self {
        Arc::make_mut(&mut self.api).add_client_action::<A>();
        self
    }

    /// Starts a call. An unknown action, a refused request and a limit are answered at once, by the call's only update.
    ///
    /// Needs a tokio runtime; the handler runs as a task of its own.
    pub fn start(&self, asked: Asked) -> Running {
        self.shared.stats.arrived();
        self.try_start(asked).unwrap_or_else(|fault| {
            self.shared.stats.settled(false, None);
            Running::refused(fault)
        })
    }

    /// Starts a call, or finds what the same keyed call says.
    fn try_start(&self, mut asked: Asked) -> Result<Running, Fault> {
        asked.principal.check()?;
        let Some(key) = asked.take_key(&self.shared.limits)? else { return self.begin(asked) };
        if asked.boot.is_some_and(|boot| boot != self.shared.boot) {
            let text = "another server process had this idempotency key first; what became of the call is not known here";
            return Err(Fault::new(Code::OUTCOME_UNKNOWN, text));
        }
        let (principal, action) = (asked.principal.clone(), self.present_name(&asked.action).to_owned());
        let record = match self.shared.journal.find(&asked, &action, &key)? {
            Found::Known(reader) => {
                self.shared.stats.settled(true, None);
                return Ok(Running::kept(reader));
            }
            Found::First(record) => record,
        };
        let running = self.begin(asked).inspect_err(|_| self.shared.journal.forget(&principal, &action, &key))?;
        let reader = record.begin(&running)?;
        tokio::spawn(journal::record(Arc::clone(&self.shared.journal), principal, running, record));
        Ok(Running::kept(reader))
    }

    fn begin(&self, mut asked: Asked) -> Result<Running, Fault> {
        let Some((info, handler)) = self.handlers.get(self.present_name(&asked.action)) else {
            let name = short(&asked.action);
            return Err(Fault::new(Code::UNKNOWN_ACTION, format!("no action {name:?} is served here")));
        };
        if self.is_draining() && info.name != Health::NAME {
            return Err(self.shared.drain.refusal());
        }
        if info.needs_session && asked.session.is_none() {
            let text = format!("{} needs a session; over HTTP there is none, but there is GET /v1/events", info.name);
            return Err(Fault::new(Code::INVALID_STATE, text));
        }
        if let Value::Object(fields) = &mut asked.fields {
            api::rename_fields(info.name, fields)?;
        }
        let name = asked.name_of_call(info.name, &self.shared.limits)?;
        let admitted = Calls::admit(&self.shared, &asked.principal, asked.session, name)?;
        let (fields, call, updates) = Call::new(asked, *info, &admitted, &self.api);
        let work = handler(call.clone(), fields)?;
        if info.streams {
            self.shared.halt.began();
        }
        Ok(Running::spawn(work, &call, admitted, updates))
    }

    /// Whether an action of this name is served.
    #[must_use]
    pub fn serves(&self, action: &str) -> bool {
        self.handlers.contains_key(action)
    }

    /// What an action is called today: the name itself if it is served, or else what it is an alias of.
    #[must_use]
    pub fn present_name<'a>(&self, action: &'a str) -> &'a str {
        if self.serves(action) { action } else { api::present_action(action).unwrap_or(action) }
    }

    /// What the service says and hears, described.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The counters behind `get_stats`.
    #[must_use]
    pub fn stats(&self) -> &Arc<Stats> {
        &self.shared.stats
    }

    /// A number for a new session (or plain channel), never given out before by this service.
    #[must_use]
    pub fn new_session(&self) -> u64 {
        self.shared.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// Opens a session's queue of subscribed events. Dropping it ends the session's subscriptions.
    #[must_use]
    pub fn events(&self, session: u64, principal: &Principal) -> EventStream {
        Subscriptions::open(&self.shared.subscriptions, session, principal)
    }

    /// Sends an event to the sessions that subscribed to it; answers how many they are. Never waits: a queue that is full
    /// drops its oldest event.
    ///
    /// # Errors
    /// `internal` when the event is not a JSON object.
    pub fn publish<E: Event>(&self, event: &E, to: &To) -> Result<usize, Fault> {
        self.shared.publish(event, to)
    }

    /// Refuses new calls from now on, except `health`; running calls go on, for so long. Who is refused is told when this will be
    /// over.
    pub fn drain(&self, within: Duration) {
        self.shared.drain.begin(within);
    }

    /// The end of this service, for the rooms that share it.
    pub(crate) fn end(&self) -> &Drain {
        &self.shared.drain
    }

    /// Whether [`Service::drain`] was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.drain.has_begun()
    }

    /// Names this server process.
    #[must_use]
    pub fn boot(&self) -> [u8; 16] {
        self.shared.boot
    }

    /// Calls under way, of everybody.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.shared.calls.len()
    }
}

/// A name for this server process. It need not be secret, only unlike those of other processes.
fn boot() -> [u8; 16] {
    let mut name = [0; 16];
    if getrandom::fill(&mut name).is_err() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        name = now.as_nanos().to_le_bytes();
    }
    name
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.api.actions().map(|info| info.name).collect();
        f.debug_struct("Service").field("actions", &names).finish_non_exhaustive()
    }
}

//! What a handler is given: who asks, and the ways to say something before the answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tabagent_protocol::{
    Body, Code, Fault, Payload,
    api::{Action, ActionInfo, Event},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    asked::{Asked, Principal},
    calls::Admitted,
    codec,
    incoming::Incoming,
    reverse::ReverseCaller,
    running::Update,
    stats::Stats,
    subscriptions::To,
};
use crate::api::Api;

/// A call, as its handler sees it. Clones are the same call.
#[derive(Clone)]
pub struct Call {
    inner: Arc<Inner>,
}

struct Inner {
    principal: Principal,
    session: Option<u64>,
    request_id: String,
    action: ActionInfo,
    payload: Option<Payload>,
    /// Taken by the one who reads it.
    incoming: Mutex<Option<Incoming>>,
    deadline: Option<Instant>,
    reverse: Option<ReverseCaller>,
    stop: CancellationToken,
    /// Room for one: a reader that is slow makes the handler wait.
    updates: mpsc::Sender<Update>,
    /// Bytes that will travel beside the response.
    attached: Mutex<Option<Payload>>,
    shared: Arc<Shared>,
    api: Arc<Api>,
}

impl Call {
    /// Takes a request apart into its fields, the call, and the reading end of the call's updates.
    pub(super) fn new(
        asked: Asked,
        action: ActionInfo,
        admitted: &Admitted,
        api: &Arc<Api>,
    ) -> (Value, Self, mpsc::Receiver<Update>) {
        let (updates, receiver) = mpsc::channel(1);
        let inner = Inner {
            principal: asked.principal,
            session: asked.session,
            request_id: admitted.request_id.clone(),
            action,
            payload: asked.payload,
            incoming: Mutex::new(asked.incoming),
            deadline: asked.deadline.and_then(|wait| Instant::now().checked_add(wait)),
            reverse: asked.reverse,
            stop: admitted.stop.clone(),
            updates,
            attached: Mutex::default(),
            shared: Arc::clone(&admitted.shared),
            api: Arc::clone(api),
        };
        (asked.fields, Self { inner: Arc::new(inner) }, receiver)
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    /// The server's number of the session it came in by.
    #[must_use]
    pub fn session(&self) -> Option<u64> {
        self.inner.session
    }

    /// The name of the call: its caller's, or one the server made.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.inner.request_id
    }

    /// Raw bytes that came with the request.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        self.inner.payload.as_ref()
    }

    /// What the caller streams up, to be read by one; `None` where it streams nothing, and the second time.
    #[must_use]
    pub fn incoming(&self) -> Option<Incoming> {
        self.inner.incoming.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How long the call may still take; `None` without a deadline.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.inner.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Sends one part of the stream, waiting for the reader to have taken the one before.
    ///
    /// # Errors
    /// `cancelled` when nobody reads any more, `internal` when the item is not JSON.
    pub fn item<'c, T: Serialize>(&'c self, item: &T) -> impl Future<Output = Result<(), Fault>> + Send + use<'c, T> {
        // Written before the wait, so that the future borrows nothing but the call.
        self.say(self.written(item).map(Update::Item))
    }

    /// Sends one part of the stream that has raw bytes beside its JSON.
    ///
    /// # Errors
    /// As [`Call::item`].
    pub fn item_with<'c, T: Serialize>(
        &'c self,
        item: &T,
        payload: Payload,
    ) -> impl Future<Output = Result<(), Fault>> + Send + use<'c, T> {
        self.say(self.written(item).map(|body| Update::Item(Body { payload: Some(payload), ..body })))
    }

    /// Sends an event to the caller, subscribed or not.
    ///
    /// # Errors
    /// As [`Call::item`].
    pub fn event<'c, E: Event>(&'c self, event: &E) -> impl Future<Output = Result<(), Fault>> + Send + use<'c, E> {
        self.say(codec::event(event).map(Update::Event))
    }

    /// Sends an event to the sessions that subscribed to it, the caller's own among them; answers how many they are.
    ///
    /// # Errors
    /// `internal` when the event is not a JSON object.
    pub fn publish<E: Event>(&self, event: &E, to: &To) -> Result<usize, Fault> {
        self.inner.shared.publish(event, to)
    }

    /// Tells everybody: the caller, subscribed or not, and all others who subscribed. Each hears it once.
    ///
    /// # Errors
    /// As [`Call::event`].
    pub async fn announce<E: Event + Sync>(&self, event: &E) -> Result<(), Fault> {
        self.event(event).await?;
        self.publish(event, &To::everyone().except(self.inner.session)).map(|_| ())
    }

    /// Raw bytes that will travel beside the response; the last ones given count.
    pub fn attach(&self, payload: Payload) {
        *self.inner.attached.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
    }

    /// Ready when `stop_generation` named this call: finish early, with what there is. A handler that does not is dropped
    /// after a grace time. (Cancelling needs no such care: the handler is simply dropped.)
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.stop.clone().cancelled_owned()
    }

    /// Calls an action that the client serves and waits for its answer, no longer than this call's own deadline.
    ///
    /// # Errors
    /// The client's own fault; `not_supported` where the caller cannot be called; `outcome_unknown` when it vanished
    /// before it answered; `protocol_error` when its answer is not of the action's type.
    pub async fn call_client<A>(&self, request: &A) -> Result<A::Response, Fault>
    where
        A: Action + Serialize,
        A::Response: DeserializeOwned,
    {
        let Some(reverse) = &self.inner.reverse else {
            return Err(Fault::new(Code::NOT_SUPPORTED, "this caller cannot be called: it came in by HTTP or plain JSON"));
        };
        let answer = reverse.call(A::NAME, A::INFO.lane, codec::encode(request)?, self.time_left()).await?;
        serde_json::from_slice(&answer.value)
            .map_err(|error| Fault::new(Code::PROTOCOL_ERROR, format!("the client's answer to {}: {error}", A::NAME)))
    }

    /// The counters of the service, for backends that generate.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.inner.shared.stats
    }

    /// What the service says and hears, all of its actions included.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.inner.api
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.inner.deadline
    }

    pub(super) fn take_attached(&self) -> Option<Payload> {
        self.inner.attached.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn written(&self, item: &impl Serialize) -> Result<Body, Fault> {
        codec::tagged(&self.inner.action.item_type(), item)
    }

    async fn say(&self, update: Result<Update, Fault>) -> Result<(), Fault> {
        self.update(update?).await
    }

    pub(super) async fn update(&self, update: Update) -> Result<(), Fault> {
        let sent = self.inner.updates.send(update).await;
        sent.map_err(|_| Fault::new(Code::CANCELLED, "nobody reads this call any more"))
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { principal, session, request_id, .. } = &*self.inner;
        f.debug_struct("Call")
            .field("request_id", request_id)
            .field("principal", principal)
            .field("session", session)
            .finish_non_exhaustive()
    }
}

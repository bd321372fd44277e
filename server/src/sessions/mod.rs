//! Sessions over whatever carries their packets: who is here, and one driver task for each.
//!
//! A session is named by the hash of a secret that only its client knows. It outlives its connections: a hello that knows the
//! secret brings it another one, before or after the last was lost.

/// The calls of one session, both ways.
mod calls;
/// What a session must know of a connection.
mod carrier;
/// The dull loop between an endpoint, its connections and the service.
mod driver;
/// The connections of one session.
mod links;
/// What is remembered of sessions that are over.
mod over;
/// The pipes of one connection.
mod pipes;
/// Calls in flight: one task each, paced by the reader's credit.
mod pump;
/// Which sessions there are.
mod registry;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tabagent_protocol::{Code, Fault, Lane, frame::hello::Hello};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use self::{
    pipes::FAREWELL,
    registry::{Found, Registry},
};
use crate::{
    ServerLimits, Service,
    drain::Drain,
    service::Principal,
    signaling::{Connection, ConnectionId},
    transport::Channel,
};

#[cfg(feature = "testing")]
pub(crate) use self::pipes::Heard;
pub(crate) use self::{
    carrier::{Carrier, LocalPipe},
    pipes::Pipes,
};

/// SHA-256 of a session's principal and secret: all the server keeps of the secret.
type SessionKey = [u8; 32];

/// A connection that has said hello, on its way to its session.
struct Arrival {
    carrier: Arc<dyn Carrier>,
    hello: Hello,
    pipes: Pipes,
}

/// All sessions of a server.
pub(crate) struct Sessions {
    service: Arc<Service>,
    limits: ServerLimits,
    /// Names this server process in every welcome.
    boot: [u8; 16],
    registry: Mutex<Registry>,
    /// The end of the server: announced to every session, and then carried out.
    drain: Drain,
    /// Sent when every session is to leave its connections.
    moves: watch::Sender<()>,
    /// Drivers, and connections that are being closed.
    tasks: TaskTracker,
    /// Connections whose first channel has opened: where their other channels go.
    waiting: Mutex<HashMap<ConnectionId, mpsc::Sender<Channel>>>,
}

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub(crate) fn new(service: Arc<Service>, limits: ServerLimits) -> Arc<Self> {
        let (registry, boot, drain) = (Mutex::new(Registry::new(&limits)), service.boot(), service.end().clone());
        let (tasks, waiting) = (TaskTracker::new(), Mutex::default());
        Arc::new(Self { service, limits, boot, registry, drain, moves: watch::Sender::new(()), tasks, waiting })
    }

    /// Takes over an open data channel whose sub-protocol is a lane's.
    pub(crate) fn channel(self: &Arc<Self>, connection: &Arc<Connection>, channel: Channel) {
        let mut waiting = lock(&self.waiting);
        if let Some(others) = waiting.get(&connection.id) {
            if let Err(refused) = others.try_send(channel) {
                pipes::decline(&refused.into_inner().sender, &pipes::second_channel());
            }
            return;
        }
        let (others, receiver) = mpsc::channel(Lane::ALL.len());
        waiting.insert(connection.id, others);
        drop(waiting);
        let (sessions, connection) = (Arc::clone(self), Arc::clone(connection));
        tokio::spawn(async move {
            sessions.serve(&connection, Pipes::of_lanes(channel, receiver)).await;
            connection.closed.cancelled().await;
            lock(&sessions.waiting).remove(&connection.id);
        });
    }

    /// The hello on the pipes of a new connection, which must come in time.
    ///
    /// # Errors
    /// What came instead.
    pub(crate) async fn hello(&self, pipes: &mut Pipes) -> Result<Hello, Fault> {
        let in_time = tokio::time::timeout(Duration::from_millis(self.limits.hello), pipes.hello());
        let late = |_| Fault::new(Code::PROTOCOL_ERROR, "no hello came in time (limit hello)");
        tokio::select! {
            hello = in_time => hello.map_err(late)?,
            () = self.drain.over().cancelled() => Err(self.drain.refusal()),
        }
    }

    /// Whether this hello would resume a session.
    pub(crate) fn knows(&self, principal: &Principal, hello: &Hello) -> bool {
        lock(&self.registry).knows(&registry::key(principal, &hello.secret))
    }

    /// Whether a hello of this principal could resume a session.
    pub(crate) fn any_of(&self, principal: &Principal) -> bool {
        lock(&self.registry).any_of(principal)
    }

    /// How many sessions have no connection and wait for the next one.
    pub(crate) fn disconnected(&self) -> u64 {
        lock(&self.registry).resting() as u64
    }

    /// Whether sessions have something under way, once the end was announced: calls, or what their clients have not confirmed.
    pub(crate) fn are_busy(&self) -> bool {
        lock(&self.registry).any_busy()
    }

    /// Gives a connection to the session of its hello, which may begin with it.
    pub(crate) async fn join(self: &Arc<Self>, carrier: Arc<dyn Carrier>, hello: Hello, pipes: Pipes) {
        let number = self.service.new_session();
        let found = lock(&self.registry).find(carrier.principal(), &hello, number, &self.drain);
        let arrival = Arrival { carrier, hello, pipes };
        match found {
            Ok(Found::Here(arrivals)) => {
                // It ended in this moment.
                if let Err(mpsc::error::SendError(arrival)) = arrivals.send(arrival).await {
                    arrival.refuse(&registry::expired()).await;
                }
            }
            Ok(Found::New(birth)) => drop(self.tasks.spawn(driver::run(Arc::clone(self), number, birth, arrival))),
            Err(fault) => arrival.refuse(&fault).await,
        }
    }

    /// Asks all clients to come over new connections, and closes the present ones when they have, or a moment later.
    pub(crate) fn retire_connections(&self) {
        self.moves.send_replace(());
    }

    /// Ends all sessions, telling their clients that the server is going, and waits until they are gone, within a bound.
    pub(crate) async fn shutdown(&self) {
        self.drain.end();
        self.tasks.close();
        let _ = tokio::time::timeout(2 * FAREWELL, self.tasks.wait()).await;
    }

    /// From the first channel of a WebRTC connection to its session.
    async fn serve(self: &Arc<Self>, connection: &Arc<Connection>, mut pipes: Pipes) {
        let hello = tokio::select! {
            hello = self.hello(&mut pipes) => hello,
            () = connection.closed.cancelled() => return,
        };
        match hello {
            Ok(hello) => self.join(Arc::clone(connection) as Arc<dyn Carrier>, hello, pipes).await,
            Err(fault) => refuse(&**connection, None, pipes, &fault).await,
        }
    }
}

impl Arrival {
    async fn refuse(self, reason: &Fault) {
        refuse(&*self.carrier, Some(&self.hello), self.pipes, reason).await;
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// Tells a connection why it gets no session, and closes it.
async fn refuse(carrier: &dyn Carrier, hello: Option<&Hello>, pipes: Pipes, reason: &Fault) {
    tracing::info!(connection = %carrier.id(), transport = carrier.kind(), code = %reason.code, reason = %reason.message, "no session");
    carrier.leaving(&reason.code);
    pipes.refuse(hello, reason).await;
    carrier.close("it has no session");
}

/// None of these maps can be left half-changed, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Connections from the first request to the end: who may have one, how far it is, when it is over.
//!
//! HTTP is elsewhere: [`Signaling`] is told what a client said and says what to answer. Each connection has one task
//! (`task`) that reads what its transport reports and hands open channels to whoever was named for that.

mod admission;
mod connection;
mod handshake;
mod id;
mod table;
mod task;

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tabagent_protocol::{
    BULK_CHANNEL_PROTOCOL, CHANNEL_LABEL, CHANNEL_PROTOCOL, Code, Fault,
    signaling::{ConnectionInfo, ConnectionState},
};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use self::{admission::Visitor, handshake::Handshake, table::Table};
use crate::{
    drain::Drain,
    limits::ServerLimits,
    service::Principal,
    transport::{Channel, ChannelSpec, Peer, PeerEvent, PeerOptions},
};

pub use self::{
    connection::{Client, Connection},
    id::ConnectionId,
    table::ConnectionCounts,
};

/// What is done with a channel that opens. Must not block: the connection's task waits for it.
pub type OnChannel = Arc<dyn Fn(&Arc<Connection>, Channel) + Send + Sync>;

/// All connections. A cheap handle.
#[derive(Clone)]
pub struct Signaling {
    shared: Arc<Shared>,
}

struct Shared {
    limits: ServerLimits,
    peer_options: PeerOptions,
    on_channel: OnChannel,
    table: Mutex<Table>,
    /// The connections' tasks.
    tasks: TaskTracker,
    /// From its beginning on only those are admitted who come back to something.
    drain: Drain,
}

/// A place among the connections, given back when dropped.
pub(crate) struct Place {
    shared: Arc<Shared>,
    /// The name of the connection that has it.
    pub(crate) id: ConnectionId,
    /// It is not one that was negotiated here.
    foreign: bool,
}

impl Place {
    /// Its connection carries on a session of before, and does not count as a new one.
    fn resumes(&self) {
        self.shared.lock().admission.forgive(self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.lock().leave(self.id, self.foreign);
    }
}

impl Signaling {
    /// Admits connections under these limits; every channel that opens is given to `on_channel`.
    #[must_use]
    pub fn new(limits: ServerLimits, peer_options: PeerOptions, on_channel: OnChannel) -> Self {
        Self::ending_with(limits, peer_options, on_channel, Drain::default())
    }

    /// The same for one room of a server, all of which end together.
    pub(crate) fn ending_with(limits: ServerLimits, peer_options: PeerOptions, on_channel: OnChannel, drain: Drain) -> Self {
        let table = Mutex::new(Table::new(&limits));
        Self { shared: Arc::new(Shared { limits, peer_options, on_channel, table, tasks: TaskTracker::new(), drain }) }
    }

    /// The client offers; returns the connection and the answer, which holds all of the server's own addresses.
    ///
    /// # Errors
    /// When a limit is reached, the server is shutting down, or the offer cannot be answered.
    pub async fn answer(&self, client: Client, offer: &str) -> Result<(Arc<Connection>, String), Fault> {
        let handshake = Handshake::new();
        let place = self.place(&client)?;
        let (peer, answer, events) = self.timely(Peer::answering(&self.shared.peer_options, offer)).await?;
        Ok((self.begin(place, client, handshake, peer, events, true), answer))
    }

    /// The server offers a channel of this sub-protocol; returns the connection and the offer.
    ///
    /// # Errors
    /// When a limit is reached, the server is shutting down, or nothing of that sub-protocol is served.
    pub async fn offer(&self, client: Client, protocol: &str) -> Result<(Arc<Connection>, String), Fault> {
        let channels = channels(protocol)?;
        let handshake = Handshake::new();
        let place = self.place(&client)?;
        let (peer, offer, events) = self.timely(Peer::offering(&self.shared.peer_options, &channels)).await?;
        Ok((self.begin(place, client, handshake, peer, events, false), offer))
    }

    /// A principal's own connection that has not ended.
    ///
    /// # Errors
    /// `session_not_found` when there is none, or it is somebody else's: these look the same. `invalid_state` when it has ended.
    pub fn find(&self, principal: &Principal, id: &str) -> Result<Arc<Connection>, Fault> {
        let wanted = id.parse().map_err(|_| unknown())?;
        let table = self.shared.lock();
        match table.live(principal, wanted) {
            Some(connection) => Ok(Arc::clone(connection)),
            None => {
                let ended = table.ended(principal, wanted).ok_or_else(unknown)?;
                Err(connection::wrong_state(ConnectionState::Connected, ended.state))
            }
        }
    }

    /// What a principal may know about a connection of its own, ended ones included.
    ///
    /// # Errors
    /// `session_not_found` as in [`find`](Self::find).
    pub fn look(&self, principal: &Principal, id: &str) -> Result<ConnectionInfo, Fault> {
        let wanted = id.parse().map_err(|_| unknown())?;
        let mut table = self.shared.lock();
        table.sweep();
        match table.live(principal, wanted) {
            Some(connection) => Ok(connection.info()),
            None => table.ended(principal, wanted).cloned().ok_or_else(unknown),
        }
    }

    /// A principal's connections that have not ended.
    #[must_use]
    pub fn list(&self, principal: &Principal) -> Vec<ConnectionInfo> {
        let table = self.shared.lock();
        table.all().filter(|connection| connection.principal == *principal).map(|connection| connection.info()).collect()
    }

    /// Ends a connection and forgets it. A session on it has a moment to come over another one.
    ///
    /// # Errors
    /// `session_not_found` as in [`find`](Self::find).
    pub fn remove(&self, principal: &Principal, id: &str) -> Result<(), Fault> {
        let wanted = id.parse().map_err(|_| unknown())?;
        let mut table = self.shared.lock();
        let live = table.live(principal, wanted).cloned();
        if live.is_none() && table.ended(principal, wanted).is_none() {
            return Err(unknown());
        }
        table.forget(wanted);
        drop(table);
        if let Some(connection) = live {
            connection.retire("its client deleted it");
        }
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> ConnectionCounts {
        self.shared.lock().counts()
    }

    /// Admits no more connections, but for clients that come back to something ([`Client::returns`]), for so long.
    pub fn drain(&self, within: Duration) {
        self.shared.drain.begin(within);
    }

    /// Admits none at all, ends those there are, and returns when they have.
    pub async fn shutdown(&self) {
        self.drain(Duration::ZERO);
        self.shared.drain.end();
        let all: Vec<_> = self.shared.lock().all().cloned().collect();
        for connection in all {
            connection.close("the server shut down");
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// A place for a connection that is not negotiated here, such as a WebSocket. One that `resumes` a session is never a new
    /// one: only the number of all connections stands against it.
    ///
    /// # Errors
    /// When a limit is reached, or the server is shutting down.
    pub(crate) fn admit(&self, principal: &Principal, ip: Option<IpAddr>, resumes: bool) -> Result<Place, Fault> {
        self.check_open(resumes)?;
        let id = ConnectionId::random()?;
        self.shared.lock().admit_foreign(id, Visitor::new(principal, ip), resumes)?;
        Ok(Place { shared: Arc::clone(&self.shared), id, foreign: true })
    }

    fn place(&self, client: &Client) -> Result<Place, Fault> {
        self.check_open(client.returns)?;
        let id = ConnectionId::random()?;
        let mut table = self.shared.lock();
        table.sweep();
        table.admission.take(Instant::now(), id, Visitor::new(&client.principal, client.ip))?;
        drop(table);
        Ok(Place { shared: Arc::clone(&self.shared), id, foreign: false })
    }

    /// A server that ends lets only those in who come back to something, and in the end nobody.
    fn check_open(&self, returns: bool) -> Result<(), Fault> {
        let drain = &self.shared.drain;
        if drain.over().is_cancelled() || drain.has_begun() && !returns {
            return Err(drain.refusal());
        }
        Ok(())
    }

    async fn timely<T>(&self, negotiation: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let ms = self.shared.limits.negotiation;
        tokio::time::timeout(Duration::from_millis(ms), negotiation).await.unwrap_or_else(|_| {
            Err(Fault::new(Code::TRANSPORT_FAILED, format!("the negotiation took longer than {ms} ms (limit negotiation)")))
        })
    }

    fn begin(
        &self,
        place: Place,
        client: Client,
        handshake: Handshake,
        peer: Peer,
        events: mpsc::Receiver<PeerEvent>,
        answered: bool,
    ) -> Arc<Connection> {
        let limits = self.shared.limits.clone();
        let connection = Arc::new(Connection::new(place.id, client, peer, handshake, answered, limits));
        self.shared.lock().insert(&connection);
        // One that was being negotiated while the server shut down.
        if self.shared.drain.over().is_cancelled() {
            connection.close("the server shut down");
        }
        self.shared.tasks.spawn(task::run(Arc::clone(&connection), events, place));
        connection
    }
}

impl fmt::Debug for Signaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signaling").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channels of an offer that asks for this sub-protocol.
fn channels(protocol: &str) -> Result<Vec<ChannelSpec>, Fault> {
    let protocols: &[&str] = match protocol {
        "" => &[""],
        CHANNEL_PROTOCOL => &[CHANNEL_PROTOCOL, BULK_CHANNEL_PROTOCOL],
        other => {
            let message =
                format!("the sub-protocol {other:?} is not served: use an empty one for plain JSON, or {CHANNEL_PROTOCOL:?}");
            return Err(Fault::new(Code::VALIDATION_FAILED, message).with_details(r#"{"field":"protocol"}"#));
        }
    };
    let spec = |protocol: &&str| ChannelSpec { label: CHANNEL_LABEL.to_owned(), protocol: (*protocol).to_owned() };
    Ok(protocols.iter().map(spec).collect())
}

fn unknown() -> Fault {
    Fault::new(Code::SESSION_NOT_FOUND, "there is no connection of this id")
}

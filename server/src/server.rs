//! The server: options and a service become routes, connections and an end.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tabagent_protocol::api::{ServerDraining, SessionCounts};
use tokio::{net::TcpListener, time::Instant};

use crate::{
    channels::Channels,
    http::{self, App, Door, Table},
    native::door::Socket,
    options::ServerOptions,
    service::{Service, To},
    sessions::Sessions,
    signaling::Signaling,
    transport::{self, PeerOptions},
};

/// How often the end of what is under way is looked for while shutting down.
const LOOK: Duration = Duration::from_millis(20);

/// A service with its doors: HTTP, and connections made over HTTP. A cheap handle: clones are the same server.
///
/// Either it serves a listener itself ([`serve`](Self::serve)), or a program makes its [`router`](Self::router) part of its own.
/// Such a program should do two things that `axum::serve` does not do by itself:
/// - serve with `into_make_service_with_connect_info::<SocketAddr>()`; without the caller's address nobody counts as local and
///   all clients share the limits of one;
/// - give hyper a timer and a `header_read_timeout`, or a silent socket is held for ever.
#[derive(Clone, Debug)]
pub struct Server {
    options: Arc<ServerOptions>,
    service: Arc<Service>,
    sessions: Arc<Sessions>,
    signaling: Signaling,
}

impl Server {
    /// A server of this service.
    #[must_use]
    pub fn new(options: ServerOptions, service: Service) -> Self {
        let service = Arc::new(service);
        let sessions = Sessions::new(Arc::clone(&service), options.limits.clone());
        let doors = Channels::new(Arc::clone(&service), Arc::clone(&sessions), options.limits.clone());
        let on_channel = Arc::new(move |connection: &_, channel| doors.open(connection, channel));
        let drain = service.end().clone();
        let signaling = Signaling::ending_with(options.limits.clone(), peer_options(&options), on_channel, drain);
        let counted = (signaling.clone(), Arc::downgrade(&sessions));
        service.stats().count_sessions(move || session_counts(&counted.0, counted.1.upgrade().as_deref()));
        Self { options: Arc::new(options), service, sessions, signaling }
    }

    /// The routes with their door, for a program that has an axum server already.
    pub fn router(&self) -> Router {
        self.router_at(None)
    }

    /// Serves until `shutdown`, then lets what is under way finish for as long as the limit `drain` says. Meanwhile it listens on:
    /// clients whose connection breaks come back to their sessions, and whoever wants something new is refused.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let router = self.router_at(Some(listener.local_addr()?));
        let open = http::serve(listener, router, &self.options.limits, async {
            shutdown.await;
            self.drain().await;
        })
        .await;
        // The port is free from here on: who is told of the end finds the next process, or nobody.
        tokio::join!(open.finish(self.service.end().left()), self.close());
        Ok(())
    }

    /// Opens the private local socket in a data folder, where native-messaging hosts come ([`native`](crate::native)); the future lets
    /// them in until the server is over.
    ///
    /// # Errors
    /// When the socket cannot be opened; `AddrInUse` when another server has it.
    pub fn serve_native(&self, folder: &Path) -> io::Result<impl Future<Output = ()> + use<>> {
        let socket = Socket {
            service: Arc::clone(&self.service),
            sessions: Arc::clone(&self.sessions),
            signaling: self.signaling.clone(),
            limits: self.options.limits.clone(),
            door: Arc::new(Door::new(&self.options, None)),
            allow_local: self.options.allow_local,
        };
        socket.serve(folder)
    }

    /// Announces the end, refuses what is new from now on (`draining`, 503 with `Retry-After`), and returns when nothing is under way
    /// any more, or the limit `drain` has passed. For programs that serve the [`router`](Self::router) themselves: they should accept
    /// connections until this returns, so that clients can come back to sessions in which something is under way, and then stop and
    /// [`close`](Self::close).
    pub async fn drain(&self) {
        let within = Duration::from_millis(self.options.limits.drain);
        // First of all: whoever hears of it makes no call any more that would be refused.
        let deadline = self.service.end().begin(within);
        let news = ServerDraining { deadline_ms: self.options.limits.drain };
        if let Err(fault) = self.service.publish(&news, &To::everyone()) {
            tracing::error!(%fault, "the end could not be announced");
        }
        while (self.service.calls_in_flight() > 0 || self.sessions.are_busy()) && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks all clients to come over new connections, and closes the present ones when they have, or a few seconds later; calls go on
    /// all the while. For programs that know more than their sockets tell them: of a network that will go away, or of a better one
    /// that has come.
    pub fn retire_connections(&self) {
        self.sessions.retire_connections();
    }

    /// Ends all sessions, telling their clients, and all connections. Who comes after that is refused.
    pub async fn close(&self) {
        self.sessions.shutdown().await;
        self.signaling.shutdown().await;
    }

    /// What a way in needs that is no HTTP.
    #[cfg(feature = "testing")]
    pub(crate) fn rooms(&self) -> (&Arc<Sessions>, &Signaling) {
        (&self.sessions, &self.signaling)
    }

    /// What is served: to publish events, to look at its counters.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    fn router_at(&self, address: Option<SocketAddr>) -> Router {
        let app = App {
            table: Arc::new(Table::of(self.service.api())),
            console: self.options.www.is_some(),
            pairs: self.options.pairing.is_some(),
            documents: Arc::default(),
            service: Arc::clone(&self.service),
            signaling: self.signaling.clone(),
            sessions: Arc::clone(&self.sessions),
            limits: Arc::new(self.options.limits.clone()),
            ice_servers: self.options.ice_servers.clone().into(),
        };
        http::router(app, Door::new(&self.options, address), self.options.mode, self.options.www.as_deref())
    }
}

fn peer_options(options: &ServerOptions) -> PeerOptions {
    let ice_server = |server: &tabagent_protocol::signaling::IceServer| transport::IceServer {
        urls: server.urls.clone(),
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.clone().unwrap_or_default(),
    };
    let (bind, limits) = (&options.udp_bind, &options.limits);
    PeerOptions {
        udp_bind: if bind.is_empty() { vec![IpAddr::V4(Ipv4Addr::LOCALHOST)] } else { bind.clone() },
        udp_port: options.udp_port,
        ice_servers: options.ice_servers.iter().map(ice_server).collect(),
        remote_candidates: limits.candidates,
        sdp_bytes: limits.sdp_bytes,
        channels: limits.channels,
        send_buffer_bytes: limits.send_buffer,
        silence: Duration::from_millis(limits.ice_silence),
        disconnected: Duration::from_millis(limits.ice_disconnected),
        failed: Duration::from_millis(limits.ice_failed),
        ..PeerOptions::default()
    }
}

/// Connections, and the sessions that have none.
fn session_counts(signaling: &Signaling, sessions: Option<&Sessions>) -> SessionCounts {
    let (counts, disconnected) = (signaling.counts(), sessions.map_or(0, Sessions::disconnected));
    SessionCounts {
        total: counts.total,
        active: counts.active + disconnected,
        waiting: counts.waiting,
        connected: counts.connected,
        disconnected,
        cleaned_up: counts.cleaned_up,
    }
}

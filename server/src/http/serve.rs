//! The accept loop: time-outs from the first byte to the last, a cap on sockets, a bounded end.
//!
//! `axum::serve` installs no timer, so hyper's header time-out never fires there and a silent socket is held for ever. A program
//! that serves [`crate::Server::router`] itself should do what this loop does: give hyper a timer and `header_read_timeout`, cap
//! the sockets, and insert `ConnectInfo<SocketAddr>` into every request, without which nobody counts as local.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::strangers::Strangers;
use crate::limits::ServerLimits;

/// Bytes of a request's header; enough for every browser, and what a stranger may make the server hold.
const HEADER_BYTES: usize = 64 * 1024;
/// Wait after an accept that failed for want of file descriptors: until some are closed there is nothing else to do.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then listens no more. What is still open is answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> Sockets {
    let mut sockets = Sockets::new(limits);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = sockets.tasks.join_next() => {}
            accepted = accept(&listener, &sockets.room) => match accepted {
                Ok((stream, peer, permit)) => sockets.begin(stream, peer, permit, router.clone()),
                Err(error) => pause(&error).await,
            }
        }
    }
    sockets
}

/// The sockets being served.
pub(crate) struct Sockets {
    tasks: JoinSet<()>,
    /// A permit per socket: beyond the cap they wait in the operating system's queue.
    room: Arc<Semaphore>,
    strangers: Arc<Strangers>,
    per_ip: usize,
    times: Times,
    /// Cancelled when each is to close after the request it is at.
    ending: CancellationToken,
}

/// How long a socket is waited for.
#[derive(Clone, Copy)]
struct Times {
    header_read: Duration,
    write_stall: Duration,
}

impl Sockets {
    fn new(limits: &ServerLimits) -> Self {
        Self {
            tasks: JoinSet::new(),
            room: Arc::new(Semaphore::new(limits.http_connections.min(Semaphore::MAX_PERMITS))),
            strangers: Arc::default(),
            per_ip: limits.http_connections_per_ip,
            times: Times {
                header_read: Duration::from_millis(limits.header_read),
                write_stall: Duration::from_millis(limits.write_stall),
            },
            ending: CancellationToken::new(),
        }
    }

    /// Closes each after the request it is at, for which it has so long.
    pub(crate) async fn finish(mut self, within: Duration) {
        self.ending.cancel();
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(within, rest).await.is_err() {
            tracing::warn!("requests still under way are cut off");
        }
        self.tasks.shutdown().await;
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit, router: Router) {
        let Some(seat) = self.strangers.seat(peer.ip().to_canonical(), self.per_ip) else {
            tracing::debug!(%peer, "closed: limit http_connections_per_ip");
            return;
        };
        let (times, ending) = (self.times, self.ending.clone());
        self.tasks.spawn(async move {
            let _held = (permit, seat);
            connection(stream, peer, router, times, ending).await;
        });
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

async fn pause(error: &io::Error) {
    let of_the_peer = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if !of_the_peer.contains(&error.kind()) {
        tracing::error!(%error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// One socket until it closes. HTTP/1 alone: browsers speak nothing else without TLS, and the guess between versions has no time-out.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, times: Times, ending: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a socket closed at once");
        return;
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(times.write_stall));
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(times.header_read)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
            .with_upgrades()
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a socket ended early");
    }
}

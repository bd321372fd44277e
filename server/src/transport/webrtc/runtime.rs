//! The async runtime of one connection: tokio's, with what a quick handshake needs.
//!
//! The stack's driver leaves packets it has made (a DTLS ClientHello, an SCTP INIT) lying until its next timer, which is up
//! to 200 ms away. While a connection is young, a [`sleep`](Runtime::sleep) that follows a received packet returns at once, so the driver
//! runs its timers right after the packets that called for it. The second half of the cure is in [`socket`](super::socket).

use std::{
    future::{Future, ready},
    io,
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio_util::sync::CancellationToken;
use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime};

use super::{resolver, socket::HastySocket};

/// How long a handshake is hurried: many times what one takes, little enough to cost nothing later.
const HASTE: Duration = Duration::from_secs(3);

/// Asked of the kernel for each direction of a socket, in bytes. Six uploads at once drop no packet with this, hundreds with the
/// default of 208 KiB.
const SOCKET_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// Tokio, hurried at first.
#[derive(Debug)]
pub(super) struct EagerRuntime {
    haste: Arc<Haste>,
    /// Sockets handed to the driver, each of which gives a host candidate.
    sockets: AtomicUsize,
    /// Cancelled when the driver is gone, for whatever reason.
    driver_gone: CancellationToken,
    /// Whether the driver was started: the first task is.
    driver: OnceLock<()>,
    /// See [`HastySocket`].
    nominating: bool,
}

impl EagerRuntime {
    /// A runtime for one connection. `nominating` if this side offers, so that its ICE agent controls.
    pub(super) fn new(nominating: bool) -> Arc<Self> {
        Arc::new(Self {
            haste: Arc::new(Haste::new()),
            sockets: AtomicUsize::new(0),
            driver_gone: CancellationToken::new(),
            driver: OnceLock::new(),
            nominating,
        })
    }

    /// How many UDP sockets the connection has.
    pub(super) fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Acquire)
    }

    /// Begins the time of haste anew: the other side's description has arrived.
    pub(super) fn hurry(&self) {
        self.haste.begin();
    }

    /// Ends it, so that time-outs of a shutdown last as long as they say.
    pub(super) fn calm(&self) {
        self.haste.end();
    }

    /// Returns when the driver is gone.
    pub(super) async fn driver_gone(&self) {
        self.driver_gone.cancelled().await;
    }
}

impl Runtime for EagerRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        if self.driver.set(()).is_err() {
            return TokioRuntime.spawn(future);
        }
        let gone = self.driver_gone.clone().drop_guard();
        TokioRuntime.spawn(Box::pin(async move {
            let _gone = gone;
            future.await;
        }))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        enlarge(&socket);
        let inner = TokioRuntime.wrap_udp_socket(socket)?;
        self.sockets.fetch_add(1, Ordering::AcqRel);
        Ok(Arc::new(HastySocket::new(inner, self.haste.clone(), self.nominating)))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        // TCP candidates are never passed on, so this would be a bug that lets a client make us dial.
        Box::pin(ready(Err(io::Error::new(io::ErrorKind::Unsupported, format!("no ICE over TCP: {remote}")))))
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(resolver::resolve(host))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        if self.haste.due() { Box::pin(ready(())) } else { TokioRuntime.sleep(duration) }
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        "eager tokio"
    }
}

/// Whether a connection is still in its handshake, and whether a packet waits for the driver's timers.
#[derive(Debug)]
pub(super) struct Haste {
    born: Instant,
    /// End of the haste in milliseconds after `born`.
    until: AtomicU64,
    packet: AtomicBool,
}

impl Haste {
    pub(super) fn new() -> Self {
        let haste = Self { born: Instant::now(), until: AtomicU64::new(0), packet: AtomicBool::new(false) };
        haste.begin();
        haste
    }

    /// True while the connection is young.
    pub(super) fn lasts(&self) -> bool {
        self.age() < self.until.load(Ordering::Relaxed)
    }

    /// A packet arrived.
    pub(super) fn packet(&self) {
        self.packet.store(true, Ordering::Release);
    }

    fn begin(&self) {
        self.until.store(self.age() + u64::try_from(HASTE.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Relaxed);
    }

    /// True once for the packets since the last time.
    fn due(&self) -> bool {
        self.lasts() && self.packet.swap(false, Ordering::AcqRel)
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The kernel gives what its own limits allow; less is no failure.
fn enlarge(socket: &UdpSocket) {
    let socket = SockRef::from(socket);
    if let Err(error) =
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES).and_then(|()| socket.set_send_buffer_size(SOCKET_BUFFER_BYTES))
    {
        tracing::debug!(%error, "socket buffers stay as they are");
    }
}

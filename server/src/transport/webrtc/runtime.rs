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
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio_util::sync::CancellationToken;
use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime};

use super::{replay::Replay, resolver, socket::HastySocket};
use crate::transport::UDP_BUFFER_BYTES;

/// How long a handshake is hurried: many times what one takes, little enough to cost nothing later.
const HASTE: Duration = Duration::from_secs(3);

/// Tokio, hurried at first.
#[derive(Debug)]
pub(super) struct EagerRuntime {
    haste: Arc<Haste>,
    /// Sockets handed to the driver, each of which gives a host candidate. The driver holds them, so that they close with it.
    sockets: Mutex<Vec<Weak<HastySocket>>>,
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
            haste: Arc::new(Haste::new(nominating)),
            sockets: Mutex::default(),
            driver_gone: CancellationToken::new(),
            driver: OnceLock::new(),
            nominating,
        })
    }

    /// How many UDP sockets the connection has.
    pub(super) fn sockets(&self) -> usize {
        self.lock().len()
    }

    /// The other side's answer was given to the stack: haste begins now, with what came too early.
    pub(super) fn hurry(&self) {
        self.haste.begin();
        self.tell(Replay::answered);
    }

    /// ICE has a pair.
    pub(super) fn connected(&self) {
        self.tell(Replay::connected);
    }

    /// Ends it, so that time-outs of a shutdown last as long as they say.
    pub(super) fn calm(&self) {
        self.haste.end();
    }

    /// Returns when the driver is gone.
    pub(super) async fn driver_gone(&self) {
        self.driver_gone.cancelled().await;
    }

    fn tell(&self, what: fn(&mut Replay)) {
        self.lock().iter().filter_map(Weak::upgrade).for_each(|socket| socket.happened(what));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<HastySocket>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
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
        let socket = Arc::new(HastySocket::new(inner, self.haste.clone(), self.nominating));
        self.lock().push(Arc::downgrade(&socket));
        Ok(socket)
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
    /// Begins now, or waits for the answer to an offer, as long as that takes.
    fn new(waits: bool) -> Self {
        let haste = Self { born: Instant::now(), until: AtomicU64::new(u64::MAX), packet: AtomicBool::new(false) };
        if !waits {
            haste.begin();
        }
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
    if let Err(error) = socket.set_recv_buffer_size(UDP_BUFFER_BYTES).and_then(|()| socket.set_send_buffer_size(UDP_BUFFER_BYTES))
    {
        tracing::debug!(%error, "socket buffers stay as they are");
    }
}

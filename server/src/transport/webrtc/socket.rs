//! A UDP socket that helps a handshake along, and is a plain one afterwards.
//!
//! * It says when packets arrive, for the haste of [`runtime`](super::runtime).
//! * It delivers what [`replay`](super::replay) says once more.
//! * After an ICE packet the driver's burst ends, so that it opens DTLS on a new pair before it reads what the other side
//!   already sent there.
//! * Whoever has the credentials can make the ICE agent remember any address it sends from; their number is bounded.

use std::{
    collections::HashSet,
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::{packet::Kind, replay::Replay, runtime::Haste};

/// Addresses from which a socket takes ICE requests: far beyond the rebindings of any one client's router.
const SOURCES: usize = 256;

/// A socket of tokio's, observed.
#[derive(Debug)]
pub(super) struct HastySocket {
    inner: Arc<dyn AsyncUdpSocket>,
    haste: Arc<Haste>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    replay: Replay,
    /// An ICE packet was delivered: end the burst once.
    pause: bool,
    sources: HashSet<SocketAddr>,
    /// Who waits for packets, to be woken for one that does not come from the network.
    waiting: Option<Waker>,
}

impl HastySocket {
    /// `nominating` if this side's ICE agent controls.
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, haste: Arc<Haste>, nominating: bool) -> Self {
        let replay = Replay::new(nominating);
        let state = State { replay, pause: false, sources: HashSet::new(), waiting: None };
        Self { inner, haste, state: Mutex::new(state) }
    }

    /// Tells the replay what has happened, and delivers what is due.
    pub(super) fn happened(&self, what: fn(&mut Replay)) {
        let mut state = self.lock();
        what(&mut state.replay);
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes instead of the next packet of the network, if anything.
    fn instead(&self, cx: &mut Context<'_>, buffer: &mut [u8], meta: &mut RecvMeta) -> Option<Poll<io::Result<usize>>> {
        let mut state = self.lock();
        if let Some((packet, source)) = state.replay.next()
            && let Some(room) = buffer.get_mut(..packet.len())
        {
            room.copy_from_slice(&packet);
            (meta.len, meta.stride, meta.addr) = (packet.len(), packet.len().max(1), source);
            self.haste.packet();
            return Some(Poll::Ready(Ok(1)));
        }
        if std::mem::take(&mut state.pause) {
            cx.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        None
    }

    /// Looks at what arrived. A request of one address too many is emptied, which the driver takes for nothing.
    fn observe(&self, buffer: &[u8], meta: &mut RecvMeta) {
        let young = self.haste.lasts();
        if young {
            self.haste.packet();
        }
        for packet in buffer.get(..meta.len).unwrap_or_default().chunks(meta.stride.max(1)) {
            match Kind::of(packet) {
                Kind::Request { nominates } => {
                    let mut state = self.lock();
                    if !state.admits(meta.addr) {
                        (meta.len, meta.stride) = (0, 1);
                        return;
                    }
                    if young {
                        state.replay.request(packet, meta.addr, nominates);
                    }
                    state.pause = young;
                }
                Kind::Success if young => {
                    let mut state = self.lock();
                    state.replay.success(meta.addr);
                    state.pause = true;
                }
                Kind::Handshake if young => self.lock().replay.handshake(packet, meta.addr),
                _ => {}
            }
        }
    }
}

impl AsyncUdpSocket for HastySocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.inner.poll_send(cx, transmit)
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        let young = self.haste.lasts();
        if young
            && let (Some(buffer), Some(meta)) = (buffers.first_mut(), metas.first_mut())
            && let Some(instead) = self.instead(cx, buffer, meta)
        {
            return instead;
        }
        let received = self.inner.poll_recv(cx, buffers, metas);
        match received {
            Poll::Ready(Ok(messages)) => {
                buffers.iter().zip(metas.iter_mut()).take(messages).for_each(|(buffer, meta)| self.observe(buffer, meta));
            }
            Poll::Pending if young => self.lock().waiting = Some(cx.waker().clone()),
            _ => {}
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}

impl State {
    fn admits(&mut self, source: SocketAddr) -> bool {
        self.sources.contains(&source) || (self.sources.len() < SOURCES && self.sources.insert(source))
    }
}

//! A UDP socket that helps a handshake along, and is a plain one afterwards.
//!
//! * It says when packets arrive, for the haste of [`runtime`](super::runtime).
//! * **Replay.** The ICE agent does not answer the first request that nominates a pair (or, when it nominates itself, does not
//!   act on the request that revealed one) while its own check is under way, and browsers repeat themselves 50 ms later. So
//!   the first such request is kept and delivered once more right after the first successful check. A repeated request is
//!   answered again and harmless.
//! * **Order.** After a STUN packet the driver's burst ends, so that it opens DTLS on a new pair before it reads what the
//!   other side already sent there; else that is thrown away and comes again a second later.
//! * **Sources.** Whoever has the credentials can make the agent remember any address it sends from; their number is bounded.

use std::{
    collections::HashSet,
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::runtime::Haste;

/// Addresses from which a socket takes ICE requests: far beyond the rebindings of any one client's router.
const SOURCES: usize = 256;

/// The largest request kept for replay, in bytes; real ones have about 100.
const REQUEST_BYTES: usize = 512;

/// A socket of tokio's, observed.
#[derive(Debug)]
pub(super) struct HastySocket {
    inner: Arc<dyn AsyncUdpSocket>,
    haste: Arc<Haste>,
    /// This side nominates, so every request is worth keeping; otherwise those that nominate.
    nominating: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    replay: Replay,
    /// A STUN packet was delivered: end the burst once.
    pause: bool,
    sources: HashSet<SocketAddr>,
}

#[derive(Debug, Default)]
enum Replay {
    /// Nothing worth repeating yet.
    #[default]
    Waiting,
    /// This request will be repeated when a check of ours succeeds.
    Kept(Vec<u8>, SocketAddr),
    /// It is to be delivered now.
    Due(Vec<u8>, SocketAddr),
    /// Once is enough.
    Done,
}

impl HastySocket {
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, haste: Arc<Haste>, nominating: bool) -> Self {
        Self { inner, haste, nominating, state: Mutex::default() }
    }

    /// What comes instead of the next packet of the network, if anything.
    fn instead(&self, cx: &mut Context<'_>, buffer: &mut [u8], meta: &mut RecvMeta) -> Option<Poll<io::Result<usize>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Replay::Due(..) = state.replay
            && let Replay::Due(request, source) = std::mem::replace(&mut state.replay, Replay::Done)
            && let Some(room) = buffer.get_mut(..request.len())
        {
            room.copy_from_slice(&request);
            (meta.len, meta.stride, meta.addr) = (request.len(), request.len(), source);
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
        let packets = buffer.get(..meta.len).unwrap_or_default().chunks(meta.stride.max(1));
        let young = self.haste.lasts();
        if young {
            self.haste.packet();
        }
        for packet in packets {
            let Some(stun) = Stun::of(packet) else { continue };
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if stun == Stun::Success {
                state.succeeded(meta.addr);
            } else if !state.admits(meta.addr) {
                (meta.len, meta.stride) = (0, 1);
                return;
            } else if young && (self.nominating || stun == Stun::Nomination) {
                state.keep(packet, meta.addr);
            }
            state.pause = young;
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
        if self.haste.lasts()
            && let (Some(buffer), Some(meta)) = (buffers.first_mut(), metas.first_mut())
            && let Some(instead) = self.instead(cx, buffer, meta)
        {
            return instead;
        }
        let received = self.inner.poll_recv(cx, buffers, metas);
        if let Poll::Ready(Ok(messages)) = received {
            buffers.iter().zip(metas.iter_mut()).take(messages).for_each(|(buffer, meta)| self.observe(buffer, meta));
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

    fn keep(&mut self, request: &[u8], source: SocketAddr) {
        if matches!(self.replay, Replay::Waiting) && request.len() <= REQUEST_BYTES {
            self.replay = Replay::Kept(request.to_vec(), source);
        }
    }

    fn succeeded(&mut self, source: SocketAddr) {
        if let Replay::Kept(request, from) = &mut self.replay
            && *from == source
        {
            self.replay = Replay::Due(std::mem::take(request), source);
        }
    }
}

/// The STUN packets that matter here (RFC 8489 §5, RFC 8445 §7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stun {
    Request,
    /// A request with USE-CANDIDATE.
    Nomination,
    Success,
}

impl Stun {
    const HEADER_BYTES: usize = 20;
    const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USE_CANDIDATE: [u8; 2] = [0x00, 0x25];

    fn of(packet: &[u8]) -> Option<Self> {
        if packet.len() < Self::HEADER_BYTES || packet[4..8] != Self::MAGIC {
            return None;
        }
        match packet[..2] {
            [0x01, 0x01] => Some(Self::Success),
            [0x00, 0x01] if Self::nominates(&packet[Self::HEADER_BYTES..]) => Some(Self::Nomination),
            [0x00, 0x01] => Some(Self::Request),
            _ => None,
        }
    }

    /// Walks the attributes: type, length, value padded to four bytes.
    fn nominates(mut attributes: &[u8]) -> bool {
        while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
            if [*kind_high, *kind_low] == Self::USE_CANDIDATE {
                return true;
            }
            let length = usize::from(u16::from_be_bytes([*length_high, *length_low])).next_multiple_of(4);
            attributes = rest.get(length..).unwrap_or_default();
        }
        false
    }
}

//! The seam between this server and whatever moves bytes: a [`Peer`] negotiates, a [`Channel`] carries.
//!
//! Nothing outside this folder knows which WebRTC stack is beneath, or which WebSockets. A peer's callbacks only enqueue
//! [`PeerEvent`]s; a channel is three verbs: [`ChannelSender::try_send`], [`ChannelReceiver::receive`], close (drop the sender,
//! or [`ChannelSender::close`]). Reading never waits for writing.

/// The private local socket.
pub(crate) mod native;
mod webrtc;
/// A WebSocket as a channel.
pub(crate) mod websocket;

pub use webrtc::{IceServer, Peer, PeerOptions};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Asked of the system for each direction of a UDP socket, in bytes. Six uploads at once drop no packet with this, hundreds with
/// Linux's default of 208 KiB.
pub(crate) const UDP_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// What one message of a channel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text, as plain JSON travels.
    Text(Bytes),
    /// Bytes, as packets travel.
    Binary(Bytes),
}

impl Message {
    /// Bytes of it.
    pub(crate) fn len(&self) -> usize {
        let (Self::Text(bytes) | Self::Binary(bytes)) = self;
        bytes.len()
    }
}

/// What a transport says after it took a message: it always takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Give more.
    Ready,
    /// Taken, but wait for [`ChannelSender::writable`] before the next.
    Full,
    /// Not taken: the channel is closed.
    Closed,
}

/// Reason of a [`PeerEvent::Closed`] when the other side ended the connection on purpose; all other reasons are losses.
pub const GOODBYE: &str = "closed by the other side";

/// What a negotiation reports. Bounded: at most one state or step each, candidates and channels up to their limits.
#[derive(Debug)]
pub enum PeerEvent {
    /// One of our candidates; `None` when there are no more.
    Candidate(Option<Candidate>),
    /// A step of the handshake is done.
    Step(Step),
    /// A data channel is open, made by either side.
    Channel(Channel),
    /// The connection is gone, for this reason. The last event.
    Closed(&'static str),
}

/// The handshake, step by step; logged on both sides under the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An offer was received (client offers) or made (server offers).
    Offer,
    /// The answer was made or received.
    Answer,
    /// ICE found a pair that works.
    Ice,
    /// DTLS agreed on keys.
    Dtls,
    /// A data channel is open.
    Channel,
    /// The session was welcomed, or a plain channel answered its first request.
    Welcome,
}

impl Step {
    /// The name in logs, errors and the page's timeline.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::Channel => "channel",
            Self::Welcome => "welcome",
        }
    }
}

/// An ICE candidate as signaling carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// `candidate:…`; empty means the end.
    pub candidate: String,
    /// Media section by name.
    pub sdp_mid: Option<String>,
    /// Media section by place.
    pub sdp_mline_index: Option<u16>,
    /// ICE generation it belongs to.
    pub username_fragment: Option<String>,
}

/// A data channel the server makes when it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSpec {
    /// Its label.
    pub label: String,
    /// Its sub-protocol: empty is plain JSON.
    pub protocol: String,
}

/// An open data channel.
#[derive(Debug)]
pub struct Channel {
    /// Its label.
    pub label: String,
    /// Its sub-protocol: empty is plain JSON.
    pub protocol: String,
    /// False when made with `maxRetransmits`, `maxPacketLifeTime` or unordered: wrong for calls, served with a warning.
    pub reliable: bool,
    /// Made by this side. Who makes a channel speaks first on it: the other side's browser may call it open too early.
    pub made_here: bool,
    /// The writing half.
    pub sender: ChannelSender,
    /// The reading half.
    pub receiver: ChannelReceiver,
}

/// Places in a full queue that are kept for last words: an answer to a hello, a goodbye.
const LAST_WORDS: usize = 2;

/// The two ends of a channel's outgoing queue, with room for this many messages before it is [`Sent::Full`].
pub(crate) fn outgoing(messages: usize) -> (ChannelSender, mpsc::Receiver<Message>) {
    let (queue, to_send) = mpsc::channel(messages.max(1) + LAST_WORDS);
    (ChannelSender { queue, closing: CancellationToken::new() }, to_send)
}

/// The writing half: one task per channel sends what is queued here, so that nobody checks and then sends.
#[derive(Clone, Debug)]
pub struct ChannelSender {
    pub(crate) queue: mpsc::Sender<Message>,
    /// Cancelled to close the channel: what is queued is sent first.
    pub(crate) closing: CancellationToken,
}

impl ChannelSender {
    /// Takes a message and says whether there is room for another. For one writer that heeds [`Sent::Full`]; several, or one
    /// that may wait, use [`send`](Self::send). A message that finds no room at all closes the channel: its order is lost.
    pub fn try_send(&self, message: Message) -> Sent {
        if self.closing.is_cancelled() {
            return Sent::Closed;
        }
        match self.queue.try_send(message) {
            Ok(()) if self.queue.capacity() > LAST_WORDS => Sent::Ready,
            Ok(()) => Sent::Full,
            Err(_) => {
                self.close();
                Sent::Closed
            }
        }
    }

    /// Whether the next message finds more than the last place, or the channel closed: what [`writable`](Self::writable) waits for.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.capacity() > LAST_WORDS || self.queue.is_closed()
    }

    /// Sends, waiting for room. `Closed` when the channel is.
    pub async fn send(&self, message: Message) -> Sent {
        match self.queue.send(message).await {
            Ok(()) => Sent::Ready,
            Err(_) => Sent::Closed,
        }
    }

    /// Returns when there is room again, or the channel is closed.
    pub async fn writable(&self) {
        drop(self.queue.reserve_many(LAST_WORDS + 1).await);
    }

    /// Closes the channel after what is queued was sent. Later messages are [`Sent::Closed`].
    pub fn close(&self) {
        self.closing.cancel();
    }
}

/// The reading half.
#[derive(Debug)]
pub struct ChannelReceiver {
    pub(crate) queue: mpsc::Receiver<Message>,
}

impl ChannelReceiver {
    /// The next message; `None` when the channel is closed.
    pub async fn receive(&mut self) -> Option<Message> {
        self.queue.recv().await
    }

    /// The next message if one is here already.
    pub fn try_receive(&mut self) -> Option<Message> {
        self.queue.try_recv().ok()
    }
}

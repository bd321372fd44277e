//! What carries a session: channels, and a token that ends them.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    sessions::Pipes,
    transport::{Channel, ChannelReceiver, Message, outgoing},
};

/// Messages that wait in each direction of a channel that is made here, as many as in front of a WebSocket.
const DEPTH: usize = 8;

/// What a [`Client`](super::Client) can be carried by. Dropping it ends it.
pub struct Transport {
    pub(super) pipes: Pipes,
    pub(super) over: CancellationToken,
}

impl Transport {
    /// One channel that carries both lanes, as a WebSocket does.
    #[must_use]
    pub fn shared(channel: Channel) -> Self {
        Self { pipes: Pipes::shared(channel.sender, channel.receiver), over: CancellationToken::new() }
    }

    /// A channel for each lane, as over WebRTC. They must have the lanes' sub-protocols.
    #[must_use]
    pub fn lanes(channels: [Channel; 2]) -> Self {
        Self { pipes: Pipes::lanes(channels), over: CancellationToken::new() }
    }

    /// Cancelled when the client has done with it, or cuts it: close what is beneath. Cancel it when that is gone: the client hears
    /// of it.
    #[must_use]
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// The same with another such token.
    #[must_use]
    pub(super) fn ending_with(self, over: CancellationToken) -> Self {
        Self { over, ..self }
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("over", &self.over).finish_non_exhaustive()
    }
}

/// The other side of a channel that was made with [`channel`]: who has a transport of its own carries messages between the two.
#[derive(Debug)]
pub struct FarEnd {
    /// What is to be sent. It ends when the channel is closed on this side.
    pub to_send: mpsc::Receiver<Message>,
    /// Where to put what arrives. Dropping it says that the other side has closed.
    pub received: mpsc::Sender<Message>,
    /// Cancelled to have what is queued sent, and nothing more.
    pub closing: CancellationToken,
}

/// A channel, and what is beneath it.
#[must_use]
pub fn channel() -> (Channel, FarEnd) {
    let (sender, to_send) = outgoing(DEPTH);
    let (received, queue) = mpsc::channel(DEPTH);
    let closing = sender.closing.clone();
    let channel = Channel {
        label: String::new(),
        protocol: tabagent_protocol::CHANNEL_PROTOCOL.to_owned(),
        reliable: true,
        made_here: false,
        sender,
        receiver: ChannelReceiver { queue },
    };
    (channel, FarEnd { to_send, received, closing })
}

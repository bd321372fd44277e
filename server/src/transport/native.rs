//! The private local socket: where it is, who may open it, and one of its connections as a channel.
//!
//! A connection begins with a message that names its sub-protocol, as a data channel has one: empty for plain JSON. Every message is
//! framed as native messaging frames them.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, ReadHalf, WriteHalf},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{ChannelReceiver, ChannelSender, Message, outgoing};
use crate::native::framing::{self, Framed};

#[cfg_attr(windows, path = "native/windows.rs")]
#[cfg_attr(not(windows), path = "native/unix.rs")]
mod socket;

pub(crate) use socket::{Listener, Stream, connect};

/// Messages waiting in each direction, in front of the system's own buffers: as many as in front of a WebSocket.
const QUEUE_MESSAGES: usize = 8;
/// How long the other side may take to close after this one did.
const GOODBYE: Duration = Duration::from_secs(1);

/// What messages of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// A connection as the two halves of a channel, and the work of carrying it, which ends when the connection has.
pub(crate) fn pipe<S: AsyncRead + AsyncWrite>(
    stream: S,
    (kind, largest): (Kind, usize),
    killed: CancellationToken,
) -> ((ChannelSender, ChannelReceiver), impl Future<Output = ()>) {
    let (sender, to_send) = outgoing(QUEUE_MESSAGES);
    let (received, queue) = mpsc::channel(QUEUE_MESSAGES);
    let (reading, writing) = tokio::io::split(stream);
    let closing = sender.closing.clone();
    let carried = async move {
        let mut reader = Reader { pipe: BufReader::new(reading), kind, largest, received };
        let both = async {
            let gone = tokio::select! {
                () = reader.read() => true,
                () = write(BufWriter::new(writing), to_send, closing) => false,
            };
            if !gone {
                let _ = timeout(GOODBYE, reader.read()).await;
            }
        };
        killed.run_until_cancelled(both).await;
    };
    ((sender, ChannelReceiver { queue }), carried)
}

struct Reader<S> {
    pipe: BufReader<ReadHalf<S>>,
    kind: Kind,
    largest: usize,
    received: mpsc::Sender<Message>,
}

impl<S: AsyncRead> Reader<S> {
    /// Moves messages to whoever reads, until the other side closes or breaks the rules. Without a reader they are dropped.
    async fn read(&mut self) {
        loop {
            let message = match framing::read(&mut self.pipe, self.largest).await {
                Ok(Framed::Message(message)) => Bytes::from(message),
                Ok(Framed::TooLong(bytes)) => {
                    tracing::debug!(bytes, "a message on the local socket is too long");
                    return;
                }
                Ok(Framed::End) => return,
                Err(error) => {
                    tracing::debug!(%error, "a connection of the local socket broke off");
                    return;
                }
            };
            let message = match self.kind {
                Kind::Text => Message::Text(message),
                Kind::Binary => Message::Binary(message),
            };
            drop(self.received.send(message).await);
        }
    }
}

/// Sends what is queued until nobody can queue any more, or the socket takes nothing. Each flush takes along what is there.
async fn write<S: AsyncWrite>(
    mut pipe: BufWriter<WriteHalf<S>>,
    mut to_send: mpsc::Receiver<Message>,
    closing: CancellationToken,
) {
    loop {
        let message = tokio::select! {
            message = to_send.recv() => message,
            () = closing.cancelled(), if !to_send.is_closed() => {
                to_send.close();
                continue;
            }
        };
        let Some(message) = message else { break };
        let mut sent = framing::write(&mut pipe, bytes(&message)).await;
        while sent.is_ok() {
            let Ok(more) = to_send.try_recv() else { break };
            sent = framing::write(&mut pipe, bytes(&more)).await;
        }
        if sent.is_err() || pipe.flush().await.is_err() {
            return;
        }
    }
    // Refused where the other side is gone.
    let _ = pipe.shutdown().await;
}

fn bytes(message: &Message) -> &Bytes {
    let (Message::Text(bytes) | Message::Binary(bytes)) = message;
    bytes
}

//! A WebSocket as a channel: binary messages in and out, neither waiting for the other. Who may open one is decided elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use axum::{
    Error,
    extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code},
};
use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tabagent_protocol::limits::PACKET_BYTES;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{ChannelReceiver, ChannelSender, Message, outgoing};

/// Packets waiting in each direction, in front of the system's own buffers: 128 KiB, so that what is urgent is not far behind.
const QUEUE_MESSAGES: usize = 8;
/// Bytes read from, and gathered for, the system in one go.
const BUFFER_BYTES: usize = 2 * PACKET_BYTES;
/// How long the other side may take to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// The sizes of a WebSocket of packets: one of the largest fits, and nothing larger is ever held.
pub(crate) fn sized(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(PACKET_BYTES)
        .max_frame_size(PACKET_BYTES)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(2 * BUFFER_BYTES + PACKET_BYTES)
}

/// An open WebSocket as the two halves of a channel.
pub(crate) struct Pipe {
    /// The writing half.
    pub(crate) sender: ChannelSender,
    /// The reading half.
    pub(crate) receiver: ChannelReceiver,
    /// Says why by a number, when the socket is closed.
    pub(crate) code: CloseCode,
}

/// The number that a WebSocket is closed with. People see it in their browser's tools; programs read the go-away.
#[derive(Clone, Debug)]
pub(crate) struct CloseCode(Arc<AtomicU16>);

impl CloseCode {
    /// Sets it; the last one set before the end counts.
    pub(crate) fn set(&self, code: u16) {
        self.0.store(code, Ordering::Relaxed);
    }
}

/// A pipe, and the work of carrying it, which ends when the socket has: the other side closed it, this side did and was heard,
/// or `killed`.
pub(crate) fn pipe(socket: WebSocket, killed: CancellationToken) -> (Pipe, impl Future<Output = ()>) {
    let (sender, to_send) = outgoing(QUEUE_MESSAGES);
    let (received, incoming) = mpsc::channel(QUEUE_MESSAGES);
    let code = CloseCode(Arc::new(AtomicU16::new(close_code::NORMAL)));
    let (sink, stream) = socket.split();
    let writer = Writer { sink, to_send, closing: sender.closing.clone(), code: code.clone() };
    let pipe = Pipe { sender, receiver: ChannelReceiver { queue: incoming }, code };
    let carried = async move {
        killed.run_until_cancelled(carry(writer, stream, received)).await;
    };
    (pipe, carried)
}

async fn carry(mut writer: Writer, mut stream: SplitStream<WebSocket>, received: mpsc::Sender<Message>) {
    let reading = read(&mut stream, &received);
    let broken = tokio::select! {
        broken = reading => broken,
        () = writer.write() => None,
    };
    if let Some(code) = broken {
        writer.code.set(code);
    }
    // The other side may be gone already, or not read any more.
    let goodbye = async {
        writer.close().await;
        if read(&mut stream, &received).await.is_some() {
            // What broke the rules is still in the way. To close now would reset the connection, and the goodbye be lost.
            std::future::pending().await
        }
    };
    let _ = timeout(GOODBYE, goodbye).await;
}

/// Moves messages to whoever reads, until the other side closes or breaks the rules; then with the code that says which one.
/// Without a reader they are dropped. While the reader's queue is full the socket is not read either.
async fn read(stream: &mut SplitStream<WebSocket>, received: &mpsc::Sender<Message>) -> Option<u16> {
    loop {
        let message = match stream.next().await? {
            Ok(Frame::Binary(bytes)) => Message::Binary(bytes),
            Ok(Frame::Text(text)) => Message::Text(Bytes::from(text)),
            // Answered beneath.
            Ok(Frame::Ping(_) | Frame::Pong(_)) => continue,
            Ok(Frame::Close(_)) => return None,
            Err(error) => return broken_rule(error),
        };
        drop(received.send(message).await);
    }
}

/// What is wrong with what the other side sent; none when the socket is just gone.
fn broken_rule(error: Error) -> Option<u16> {
    tracing::debug!(%error, "a WebSocket broke off");
    match error.into_inner().downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(_) => Some(close_code::SIZE),
        tungstenite::Error::Protocol(_) => Some(close_code::PROTOCOL),
        tungstenite::Error::Utf8(_) => Some(close_code::INVALID),
        _ => None,
    }
}

struct Writer {
    sink: SplitSink<WebSocket, Frame>,
    to_send: mpsc::Receiver<Message>,
    closing: CancellationToken,
    code: CloseCode,
}

impl Writer {
    /// Sends what is queued until nobody can queue any more, or the socket takes nothing. Each flush takes along what is there.
    async fn write(&mut self) {
        loop {
            let message = tokio::select! {
                message = self.to_send.recv() => message,
                () = self.closing.cancelled(), if !self.to_send.is_closed() => {
                    self.to_send.close();
                    continue;
                }
            };
            let Some(message) = message else { return };
            let mut sent = self.sink.feed(frame(message)).await;
            while sent.is_ok() {
                let Ok(more) = self.to_send.try_recv() else { break };
                sent = self.sink.feed(frame(more)).await;
            }
            if sent.is_err() || self.sink.flush().await.is_err() {
                return;
            }
        }
    }

    async fn close(&mut self) {
        let close = CloseFrame { code: self.code.0.load(Ordering::Relaxed), reason: "".into() };
        // Refused where the other side closed first.
        let _ = self.sink.send(Frame::Close(Some(close))).await;
    }
}

fn frame(message: Message) -> Frame {
    match message {
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Text(bytes) => Frame::Text(bytes.try_into().unwrap_or_default()),
    }
}

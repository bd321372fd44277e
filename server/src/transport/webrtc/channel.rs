//! One data channel of the stack as a [`Channel`] of the seam: a task that reads and a task that sends, neither waiting for the other.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use tabagent_protocol::BULK_CHANNEL_PROTOCOL;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage},
    error::Error,
};

use super::{
    super::{Channel, ChannelReceiver, ChannelSender, GOODBYE, Message, outgoing},
    allowance::Allowance,
    handler::Connection,
};

/// How long a channel that is being closed waits for the other side to take what is left.
const LINGER: Duration = Duration::from_secs(30);

/// How often it looks meanwhile.
const FLUSH_LOOK: Duration = Duration::from_millis(5);

/// Counts the channels of a connection.
pub(super) struct Seats {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    open: usize,
    refused: usize,
}

/// What [`Seats::take`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// There is room.
    Granted,
    /// All seats are taken: close the channel.
    Refused,
    /// As many were refused as are allowed: close the connection.
    Abused,
}

impl Seats {
    /// Room for this many.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, taken: Mutex::default() }
    }

    /// Asks for a seat.
    pub(super) fn take(&self) -> Admission {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.open < self.limit {
            taken.open += 1;
            return Admission::Granted;
        }
        taken.refused += 1;
        if taken.refused <= self.limit { Admission::Refused } else { Admission::Abused }
    }

    /// Gives one back and says whether it was the last.
    fn leave(&self) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.open = taken.open.saturating_sub(1);
        taken.open == 0
    }
}

/// Who ended a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// This side, after it sent what was queued.
    Here,
    /// The other side.
    There,
    /// The connection went, and the channel with it.
    Lost,
}

/// Carries a channel that has a seat from its opening to its end.
pub(super) async fn serve(data_channel: Arc<dyn DataChannel>, connection: Arc<Connection>, made_here: bool) {
    let end = carry(&data_channel, &connection, made_here).await;
    let last = connection.seats.leave();
    match end {
        End::Here => {}
        End::There if !last => {}
        End::There => connection.ending.begin(GOODBYE),
        End::Lost => connection.ending.begin("the connection was lost"),
    }
}

/// Closes a channel without a seat. What it still brings is thrown away: the stack would keep the messages of a channel
/// that nobody reads.
pub(super) async fn refuse(data_channel: Arc<dyn DataChannel>) {
    tracing::warn!("a data channel above the limit was closed");
    if data_channel.close().await.is_err() {
        return;
    }
    while !matches!(data_channel.poll().await, None | Some(DataChannelEvent::OnClose)) {}
}

async fn carry(data_channel: &Arc<dyn DataChannel>, connection: &Connection, made_here: bool) -> End {
    loop {
        match data_channel.poll().await {
            Some(DataChannelEvent::OnOpen) => break,
            Some(DataChannelEvent::OnClose) => return End::There,
            None => return End::Lost,
            Some(_) => {}
        }
    }
    let (sender, to_send) = outgoing(connection.queue_messages);
    let (received, incoming) = mpsc::channel(connection.queue_messages.max(1));
    let closing = sender.closing.clone();
    let Ok(channel) = describe(data_channel, made_here, sender, incoming).await else {
        // Opened and closed in one breath.
        return End::There;
    };
    let ended_here = Arc::new(AtomicBool::new(false));
    let allowance = (channel.protocol == BULK_CHANNEL_PROTOCOL).then(|| Allowance::new(connection.send_buffer_bytes));
    let writer = tokio::spawn(write(data_channel.clone(), to_send, allowance, closing, ended_here.clone()));
    // Not taken: the sender inside is dropped, so the writer closes the channel.
    connection.reporter.channel(channel);

    let end = read(data_channel, &received).await;
    if ended_here.load(Ordering::Acquire) {
        return writer.await.unwrap_or(end);
    }
    writer.abort();
    // Its queue is gone before the reader's: whoever has read the end can no longer send.
    let _ = writer.await;
    end
}

/// Asks once what the stack answers only under its lock. It forgets `maxRetransmits` and `maxPacketLifeTime` of channels
/// that the other side made: of those, only unordered ones are seen to be unreliable.
async fn describe(
    data_channel: &Arc<dyn DataChannel>,
    made_here: bool,
    sender: ChannelSender,
    incoming: mpsc::Receiver<Message>,
) -> webrtc::error::Result<Channel> {
    let reliable = data_channel.ordered().await?
        && data_channel.max_retransmits().await?.is_none()
        && data_channel.max_packet_life_time().await?.is_none();
    Ok(Channel {
        label: data_channel.label().await?,
        protocol: data_channel.protocol().await?,
        reliable,
        made_here,
        sender,
        receiver: ChannelReceiver { queue: incoming },
    })
}

/// Moves messages to whoever reads, waiting while its queue is full: the stack then stops reading too, and the other side's
/// window closes. Without a reader they are dropped.
async fn read(data_channel: &Arc<dyn DataChannel>, received: &mpsc::Sender<Message>) -> End {
    loop {
        match data_channel.poll().await {
            Some(DataChannelEvent::OnMessage(message)) => drop(received.send(message.into()).await),
            Some(DataChannelEvent::OnClose) => return End::There,
            None => return End::Lost,
            Some(_) => {}
        }
    }
}

/// Sends what is queued, waiting for the send buffer and for its allowance, until nobody can queue any more; then closes the channel.
async fn write(
    data_channel: Arc<dyn DataChannel>,
    mut to_send: mpsc::Receiver<Message>,
    mut allowance: Option<Allowance>,
    closing: CancellationToken,
    ended_here: Arc<AtomicBool>,
) -> End {
    loop {
        let message = tokio::select! {
            message = to_send.recv() => message,
            () = sleep(FLUSH_LOOK), if allowance.as_ref().is_some_and(Allowance::is_watching) => {
                if let (Some(allowance), Ok(outstanding)) = (&mut allowance, data_channel.outstanding_bytes().await) {
                    allowance.acknowledged(Instant::now(), outstanding);
                }
                continue;
            }
            () = closing.cancelled(), if !to_send.is_closed() => {
                to_send.close();
                continue;
            }
        };
        let Some(message) = message else { break };
        let bytes = message.len();
        if let Some(allowance) = &mut allowance {
            allowed(&data_channel, allowance).await;
        }
        if let Err(error) = send(&data_channel, message).await {
            // Too large is the one that is this side's own doing.
            match error {
                Error::ErrOutboundPacketTooLarge => {
                    tracing::warn!("a message above the other side's limit: the channel is closed")
                }
                error => tracing::debug!(%error, "a message could not be sent: the channel is closed"),
            }
            break;
        }
        if let Some(allowance) = &mut allowance {
            allowance.handed(Instant::now(), bytes);
        }
    }
    // The stack lets a close overtake messages that it has not handed to SCTP yet. If the other side ends it meanwhile, the
    // reader hears of that and calls this off.
    let _ = timeout(LINGER, flushed(&data_channel)).await;
    ended_here.store(true, Ordering::Release);
    if data_channel.close().await.is_ok() { End::Here } else { End::There }
}

/// Returns when the next message may be handed over, or the channel is gone.
async fn allowed(data_channel: &Arc<dyn DataChannel>, allowance: &mut Allowance) {
    while let Ok(outstanding) = data_channel.outstanding_bytes().await {
        allowance.acknowledged(Instant::now(), outstanding);
        if allowance.has_room(outstanding) {
            return;
        }
        sleep(FLUSH_LOOK).await;
    }
}

/// Returns when the other side has everything, or the channel is gone.
async fn flushed(data_channel: &Arc<dyn DataChannel>) {
    loop {
        sleep(FLUSH_LOOK).await;
        if matches!(data_channel.outstanding_bytes().await, Ok(0) | Err(_)) {
            return;
        }
    }
}

async fn send(data_channel: &Arc<dyn DataChannel>, message: Message) -> webrtc::error::Result<()> {
    match message {
        Message::Binary(bytes) => data_channel.send(BytesMut::from(bytes)).await,
        Message::Text(bytes) => {
            let text = std::str::from_utf8(&bytes).map_err(|error| Error::Other(error.to_string()))?;
            data_channel.send_text(text).await
        }
    }
}

impl From<RTCDataChannelMessage> for Message {
    /// Text that is not UTF-8, which no browser sends, arrives as bytes.
    fn from(message: RTCDataChannelMessage) -> Self {
        let text = message.is_string && std::str::from_utf8(&message.data).is_ok();
        let bytes = message.data.freeze();
        if text { Self::Text(bytes) } else { Self::Binary(bytes) }
    }
}

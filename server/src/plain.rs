//! Plain JSON on a data channel: one request object per message, answers as they finish.
//!
//! For peers without the SDK. Nothing survives the channel: closing it cancels its calls. Sessions, credit and resume are
//! the other way in.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tabagent_protocol::{Body, Code, Fault, api::Warning};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    envelope::{self, Envelope},
    pace::Pace,
    service::{Asked, EventStream, Principal, Running, Service, Stats, Update, event_body},
    transport::{Channel, ChannelReceiver, ChannelSender, Message, Sent},
};

/// What one plain channel may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainLimits {
    /// Bytes of one request. Stops a peer from parking memory behind one message.
    pub request_bytes: usize,
    /// Bytes of one message to the peer; a longer answer comes in parts. A browser offers to take at least this much.
    pub message_bytes: usize,
    /// Bytes of one answer, all parts together. Stops a small request from costing much more than itself.
    pub answer_bytes: usize,
    /// Requests in flight; one more is refused with `limit_reached`. Stops a flood.
    pub calls: usize,
}

impl Default for PlainLimits {
    fn default() -> Self {
        Self { request_bytes: 1024 * 1024, message_bytes: 64 * 1024, answer_bytes: 16 * 1024 * 1024, calls: 256 }
    }
}

/// What passed over a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A message of the peer.
    Received,
    /// A message to the peer.
    Sent,
}

/// What the owner of a channel adds to it: the pace of its client, and an ear.
pub struct Owner {
    /// How fast the client may ask.
    pub pace: Pace,
    /// Told of every message, before it is worked on or when it was taken by the transport.
    pub traffic: Box<dyn Fn(Traffic) + Send + Sync>,
}

/// Serves one plain channel until it closes.
///
/// Reading waits for writing in one case only: when every place for a call is taken and the peer does not even read the
/// refusals.
pub async fn serve(channel: Channel, service: Arc<Service>, principal: Principal, limits: PlainLimits, owner: Owner) {
    let Channel { reliable, sender, receiver, .. } = channel;
    let session = service.new_session();
    let events = service.events(session, &principal);
    let stats = Arc::clone(service.stats());
    let Owner { pace, traffic } = owner;
    let writer = Arc::new(Writer { sender, turn: Semaphore::new(1), stats, traffic, limits: limits.clone() });
    if !reliable && writer.event(&unreliable()).await.is_err() {
        return;
    }
    let reader = Reader { service, principal, session, limits, pace, writer: Arc::clone(&writer) };
    tokio::select! {
        () = reader.run(receiver) => {}
        () = push(events, &writer) => {}
    }
}

fn unreliable() -> Body {
    let message = "This channel may lose or reorder messages, and a lost request is never answered. \
                   Create it without maxRetransmits, maxPacketLifeTime and ordered:false.";
    let warning = Warning { code: "unreliable_channel".into(), message: message.into() };
    event_body(&warning).unwrap_or_default()
}

/// Sends subscribed events until the channel closes.
async fn push(mut events: EventStream, writer: &Writer) {
    while writer.event(&events.next().await).await.is_ok() {}
}

/// The reading side of a channel; owns its running calls.
struct Reader {
    service: Arc<Service>,
    principal: Principal,
    /// The service's number for this channel: names of calls are unique in it.
    session: u64,
    limits: PlainLimits,
    pace: Pace,
    writer: Arc<Writer>,
}

impl Reader {
    async fn run(mut self, mut receiver: ChannelReceiver) {
        // Dropped with this function, and its calls with it.
        let mut calls = JoinSet::new();
        while let Some(Message::Text(message) | Message::Binary(message)) = receiver.receive().await {
            while calls.try_join_next().is_some() {}
            self.service.stats().received(message.len());
            (self.writer.traffic)(Traffic::Received);
            let (envelope, begun) = self.begin(&message, calls.len());
            match begun {
                Ok((asked, wait)) if wait.is_zero() => {
                    calls.spawn(carry(self.service.start(asked), envelope, Arc::clone(&self.writer)));
                }
                Ok((asked, wait)) => {
                    let (service, writer) = (Arc::clone(&self.service), Arc::clone(&self.writer));
                    calls.spawn(async move {
                        tokio::time::sleep(wait).await;
                        carry(service.start(asked), envelope, writer).await;
                    });
                }
                Err(fault) => {
                    if self.writer.write(&envelope, envelope.fault(&fault)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// What is asked, and how long it must wait for its turn.
    fn begin(&mut self, message: &[u8], in_flight: usize) -> (Envelope, Result<(Asked, Duration), Fault>) {
        let PlainLimits { request_bytes, calls, .. } = self.limits;
        if message.len() > request_bytes {
            let text = format!("request_bytes: a request has at most {request_bytes} bytes, not {}", message.len());
            return (Envelope::default(), Err(limit(Code::PAYLOAD_TOO_LARGE, "request_bytes", text)));
        }
        let read = envelope::read(message, &self.service);
        let begun = read.request.and_then(|request| {
            if in_flight >= calls {
                let text = format!("calls: {in_flight} requests are in flight on this channel; wait for one to end");
                return Err(limit(Code::LIMIT_REACHED, "calls", text));
            }
            let wait = self.pace.take(Instant::now())?;
            let asked = Asked::new(self.principal.clone(), request.action, request.fields);
            Ok((Asked { session: Some(self.session), request_id: request.request_id, ..asked }, wait))
        });
        (read.envelope, begun)
    }
}

fn limit(code: Code, name: &str, text: String) -> Fault {
    Fault::new(code, text).with_details(format!("{{\"limit\":\"{name}\"}}"))
}

/// Carries one call's updates to the peer. A peer that is gone ends the call.
async fn carry(mut running: Running, envelope: Envelope, writer: Arc<Writer>) {
    while let Some(update) = running.next().await {
        let text = match update {
            Update::Item(body) => envelope.item(&body),
            Update::Event(body) => envelope.event(&body),
            Update::Done(outcome) => envelope.done(&outcome),
        };
        if writer.write(&envelope, text).await.is_err() {
            return;
        }
    }
}

/// The channel is closed.
struct Closed;

/// The writing side of a channel, shared by its calls.
struct Writer {
    sender: ChannelSender,
    /// One long answer at a time: peers that send no ids could not tell the parts of two apart.
    turn: Semaphore,
    stats: Arc<Stats>,
    traffic: Box<dyn Fn(Traffic) + Send + Sync>,
    limits: PlainLimits,
}

impl Writer {
    async fn event(&self, body: &Body) -> Result<(), Closed> {
        let envelope = Envelope::default();
        self.write(&envelope, envelope.event(body)).await
    }

    async fn write(&self, envelope: &Envelope, text: String) -> Result<(), Closed> {
        let PlainLimits { message_bytes, answer_bytes, .. } = self.limits;
        if text.len() <= message_bytes {
            return self.send(text).await;
        }
        if text.len() > answer_bytes {
            let complaint = format!("answer_bytes: the answer has {} bytes, more than {answer_bytes}", text.len());
            return self.send(envelope.fault(&limit(Code::RESPONSE_TOO_LARGE, "answer_bytes", complaint))).await;
        }
        let _turn = self.turn.acquire().await;
        let room = message_bytes.saturating_sub(envelope.part(u32::MAX, false, "").len());
        let mut pieces = pieces(&text, room).peekable();
        let mut seq = 0;
        while let Some(piece) = pieces.next() {
            self.send(envelope.part(seq, pieces.peek().is_none(), piece)).await?;
            seq += 1;
        }
        Ok(())
    }

    async fn send(&self, text: String) -> Result<(), Closed> {
        let bytes = text.len();
        if self.sender.send(Message::Text(text.into())).await == Sent::Closed {
            return Err(Closed);
        }
        self.stats.sent(bytes);
        (self.traffic)(Traffic::Sent);
        Ok(())
    }
}

/// Cuts a text so that each piece, written as a JSON string, has at most `room` bytes (but at least one character).
fn pieces(text: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut written = 0;
        let end = rest.char_indices().find_map(|(at, c)| {
            written += written_bytes(c);
            (written > room && at > 0).then_some(at)
        });
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Bytes of a character in a JSON string.
fn written_bytes(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests;

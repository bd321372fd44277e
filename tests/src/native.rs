//! WebRTC of the test client: signaling over HTTP, two data channels.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tabagent_protocol::{CHANNEL_LABEL, Code, ConnectionId, Fault, Lane};
use tabagent_server::transport::{Channel, ChannelReceiver, ChannelSender, ChannelSpec, Message, Peer, PeerEvent, PeerOptions};
use tokio::sync::mpsc;

use crate::{
    client::PATIENCE,
    wire::{Inbox, Incoming, Wire},
};

/// How long what was said last may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// Both lanes' channels, open, and nothing said yet.
pub struct Link {
    /// The server's name of the connection.
    pub session_id: String,
    /// The connection.
    pub peer: Peer,
    /// Lane 0, lane 1.
    pub channels: Vec<Channel>,
    events: mpsc::Receiver<PeerEvent>,
}

impl Link {
    /// Negotiates over HTTP and waits for the channels.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn open(url: &str) -> Result<Self, Fault> {
        Self::open_with(url, None).await
    }

    /// The same with a key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &str, key: Option<&str>) -> Result<Self, Fault> {
        let specs =
            Lane::ALL.map(|lane| ChannelSpec { label: CHANNEL_LABEL.to_owned(), protocol: lane.channel_protocol().to_owned() });
        let (peer, offer, mut events) = Peer::offering(&PeerOptions::default(), &specs).await?;
        let reply = post(&format!("{url}/v1/webrtc/sessions"), key, &json!({"offer": {"type": "offer", "sdp": offer}})).await?;
        let session_id = text(&reply["session_id"])?;
        peer.accept_answer(&text(&reply["answer"]["sdp"])?).await?;
        let mut channels = Vec::new();
        while channels.len() < Lane::ALL.len() {
            let event = tokio::time::timeout(PATIENCE, events.recv()).await;
            match event.map_err(|_| failed("the channels did not open in time"))? {
                Some(PeerEvent::Channel(channel)) => channels.push(channel),
                Some(PeerEvent::Closed(reason)) => return Err(failed(reason)),
                Some(_) => {}
                None => return Err(failed("the connection ended before its channels opened")),
            }
        }
        channels.sort_by_key(|channel| channel.protocol.len());
        Ok(Self { session_id, peer, channels, events })
    }
}

/// A transport of the test client.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn wire(url: &str, key: Option<&str>, id: ConnectionId, inbox: &Inbox) -> Result<Wire, Fault> {
    let Link { peer, channels, mut events, .. } = Link::open_with(url, key).await?;
    let (wire, to_send) = Wire::new(id, inbox);
    let (cut, inbox) = (wire.cut.clone(), inbox.clone());
    let (senders, receivers): (Vec<_>, Vec<_>) = channels.into_iter().map(|channel| (channel.sender, channel.receiver)).unzip();
    let writers: Vec<_> =
        senders.into_iter().zip(to_send).map(|(sender, packets)| tokio::spawn(write(sender, packets))).collect();
    tokio::spawn(async move {
        let gone = async { while !matches!(events.recv().await, None | Some(PeerEvent::Closed(_))) {} };
        let finished = async {
            for writer in writers {
                drop(writer.await);
            }
            // The wire was dropped: what was said last still leaves.
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            () = cut.cancelled() => {}
            () = gone => {}
            () = read(receivers, id, &inbox) => {}
            () = finished => {}
        }
        peer.close();
        drop(inbox.send((id, Incoming::Closed)).await);
    });
    Ok(wire)
}

async fn write(sender: ChannelSender, mut packets: mpsc::Receiver<Bytes>) {
    while let Some(packet) = packets.recv().await {
        sender.send(Message::Binary(packet)).await;
    }
}

/// Reads both channels until either is closed.
async fn read(receivers: Vec<ChannelReceiver>, id: ConnectionId, inbox: &Inbox) {
    let [a, b] = &mut receivers.into_iter().map(|receiver| Box::pin(read_one(receiver, id, inbox))).collect::<Vec<_>>()[..]
    else {
        return;
    };
    tokio::select! {
        () = a => {}
        () = b => {}
    }
}

async fn read_one(mut receiver: ChannelReceiver, id: ConnectionId, inbox: &Inbox) {
    while let Some(message) = receiver.receive().await {
        if let Message::Binary(packet) = message {
            drop(inbox.send((id, Incoming::Packet(packet))).await);
        }
    }
}

async fn post(url: &str, key: Option<&str>, body: &Value) -> Result<Value, Fault> {
    let request = reqwest::Client::new().post(url).json(body);
    let sent = key.into_iter().fold(request, |request, key| request.bearer_auth(key)).send().await;
    let reply = sent.map_err(|error| failed(&error.to_string()))?;
    let status = reply.status();
    let value: Value = reply.json().await.map_err(|error| failed(&error.to_string()))?;
    if status.is_success() {
        return Ok(value);
    }
    Err(Fault::new(Code::custom(text(&value["code"])?), text(&value["message"])?))
}

fn text(value: &Value) -> Result<String, Fault> {
    value.as_str().map(str::to_owned).ok_or_else(|| failed("the server's reply lacks a field"))
}

pub(crate) fn failed(message: &str) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, message.to_owned())
}

//! WebRTC of the test client: signaling over HTTP, two data channels.

use serde_json::{Value, json};
use tabagent_protocol::{CHANNEL_LABEL, Code, Fault, Lane};
use tabagent_server::{
    testing::Transport,
    transport::{Channel, ChannelSpec, Peer, PeerEvent, PeerOptions},
};
use tokio::sync::mpsc;

use crate::client::PATIENCE;

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
        Self::open_channels(url, key, &Lane::ALL.map(Lane::channel_protocol)).await
    }

    /// The same with channels of other sub-protocols: an empty one is plain JSON.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_channels(url: &str, key: Option<&str>, protocols: &[&str]) -> Result<Self, Fault> {
        let spec = |protocol: &&str| ChannelSpec { label: CHANNEL_LABEL.to_owned(), protocol: (*protocol).to_owned() };
        let specs: Vec<_> = protocols.iter().map(spec).collect();
        let (peer, offer, mut events) = Peer::offering(&PeerOptions::default(), &specs).await?;
        let reply = post(&format!("{url}/v1/webrtc/sessions"), key, &json!({"offer": {"type": "offer", "sdp": offer}})).await?;
        let session_id = text(&reply["session_id"])?;
        peer.accept_answer(&text(&reply["answer"]["sdp"])?).await?;
        let mut channels = Vec::new();
        while channels.len() < specs.len() {
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
pub(crate) async fn transport(url: &str, key: Option<&str>) -> Result<Transport, Fault> {
    let Link { peer, channels, mut events, .. } = Link::open_with(url, key).await?;
    let channels = channels.try_into().map_err(|_| failed("there are two lanes"))?;
    let transport = Transport::lanes(channels);
    let over = transport.over();
    tokio::spawn(async move {
        let gone = async { while !matches!(events.recv().await, None | Some(PeerEvent::Closed(_))) {} };
        over.run_until_cancelled(gone).await;
        over.cancel();
        peer.close();
    });
    Ok(transport)
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

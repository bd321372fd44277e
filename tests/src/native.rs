//! A client on the `webrtc` crate: signaling over HTTP, two data channels, and the protocol's endpoint in the middle.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tabagent_protocol::{
    Body, CHANNEL_LABEL, CallId, Code, ConnectionId, Endpoint, Event, Fault, Input, Lane, Limits, Millis, Output, Request,
};
use tabagent_server::transport::{Channel, ChannelSpec, Message, Peer, PeerEvent, PeerOptions, Sent};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

const LINK: ConnectionId = ConnectionId(1);
/// Longest wait for each step; a machine under load is slow, not broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// One part of an answer.
#[derive(Debug)]
pub enum Reply {
    /// An item of the stream.
    Item(Value),
    /// The end of it.
    Done(Result<Value, Fault>),
}

enum Wish {
    Call(Box<Request>, mpsc::UnboundedSender<Reply>, oneshot::Sender<Result<CallId, Fault>>),
    Cancel(CallId),
    Close,
}

/// A session of a native program.
pub struct NativeClient {
    /// The server's name of the connection.
    pub session_id: String,
    wishes: mpsc::Sender<Wish>,
    over: oneshot::Receiver<Fault>,
    peer: Peer,
}

impl NativeClient {
    /// Connects to a server.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn connect(url: &str) -> Result<Self, Fault> {
        let Link { session_id, peer, channels, events } = Link::open(url).await?;
        let (wishes, wished) = mpsc::channel(64);
        let (ended, over) = oneshot::channel();
        tokio::spawn(Driver::new(channels).run(wished, events, ended));
        Ok(Self { session_id, wishes, over, peer })
    }

    /// Asks and reads along.
    ///
    /// # Errors
    /// When the request is refused at once, or the session is over.
    pub async fn stream(&self, action: &str, fields: &Value) -> Result<(CallId, mpsc::UnboundedReceiver<Reply>), Fault> {
        let (replies, receiver) = mpsc::unbounded_channel();
        let (id, made) = oneshot::channel();
        let request = Request { action: action.to_owned(), body: Body::json(fields.to_string()), ..Request::default() };
        let over = |_| failed("the session is over");
        self.wishes.send(Wish::Call(Box::new(request), replies, id)).await.map_err(|_| failed("the session is over"))?;
        Ok((made.await.map_err(over)??, receiver))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn request(&self, action: &str, fields: &Value) -> Result<Value, Fault> {
        let (_, mut replies) = self.stream(action, fields).await?;
        loop {
            match tokio::time::timeout(PATIENCE, replies.recv()).await.map_err(|_| failed("no answer in time"))? {
                Some(Reply::Item(_)) => {}
                Some(Reply::Done(answer)) => return answer,
                None => return Err(failed("the session ended before the answer")),
            }
        }
    }

    /// Withdraws a call.
    pub async fn cancel(&self, call: CallId) {
        drop(self.wishes.send(Wish::Cancel(call)).await);
    }

    /// Ends the session politely and says how it ended.
    pub async fn close(self) -> Option<Fault> {
        drop(self.wishes.send(Wish::Close).await);
        let reason = self.over.await.ok();
        self.peer.close();
        reason
    }
}

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
        let specs =
            Lane::ALL.map(|lane| ChannelSpec { label: CHANNEL_LABEL.to_owned(), protocol: lane.channel_protocol().to_owned() });
        let (peer, offer, mut events) = Peer::offering(&PeerOptions::default(), &specs).await?;
        let reply = post(&format!("{url}/v1/webrtc/sessions"), &json!({"offer": {"type": "offer", "sdp": offer}})).await?;
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

struct Driver {
    endpoint: Endpoint,
    channels: Vec<Channel>,
    full: [bool; 2],
    epoch: Instant,
    calls: HashMap<CallId, mpsc::UnboundedSender<Reply>>,
    ended: Option<Fault>,
}

impl Driver {
    fn new(channels: Vec<Channel>) -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("randomness");
        let endpoint = Endpoint::client(Limits::default(), secret);
        Self { endpoint, channels, full: [false; 2], epoch: Instant::now(), calls: HashMap::new(), ended: None }
    }

    fn now(&self) -> Millis {
        self.epoch.elapsed().as_millis() as Millis
    }

    async fn run(
        mut self,
        mut wished: mpsc::Receiver<Wish>,
        mut events: mpsc::Receiver<PeerEvent>,
        over: oneshot::Sender<Fault>,
    ) {
        self.endpoint.handle(self.now(), Input::Opened { connection: LINK });
        let reason = loop {
            self.drain();
            if let Some(reason) = self.ended.take() {
                break reason;
            }
            self.wait(&mut wished, &mut events).await;
        };
        // Dropping the channels flushes what is queued, the go-away included.
        drop(self.channels);
        drop(over.send(reason));
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { lane, packet, .. } => {
                    if self.channels[lane.index()].sender.try_send(Message::Binary(Bytes::from(packet))) == Sent::Full {
                        self.full[lane.index()] = true;
                        self.endpoint.handle(self.now(), Input::Full { connection: LINK, lane });
                    }
                }
                Output::Close { .. } => {}
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Item { call, body, cost } => {
                self.reply(call, Reply::Item(value(&body)));
                self.endpoint.consumed(call, cost);
            }
            Event::News { call, cost, .. } => self.endpoint.consumed(call, cost),
            Event::Response { call, body } => self.reply(call, Reply::Done(Ok(value(&body)))),
            Event::Failed { call, fault } => self.reply(call, Reply::Done(Err(fault))),
            Event::Request { call, request } => self.serve(call, &request),
            Event::Closed(reason) => self.ended = Some(reason),
            _ => {}
        }
    }

    /// The one action this client serves: it says what it was asked.
    fn serve(&mut self, call: CallId, request: &Request) {
        let answer = match request.action.as_str() {
            "echo" => Ok(request.body.clone()),
            other => Err(Fault::new(Code::UNKNOWN_ACTION, format!("this client does not serve {other}"))),
        };
        self.endpoint.respond(call, answer);
    }

    fn reply(&mut self, call: CallId, reply: Reply) {
        let done = matches!(reply, Reply::Done(_));
        if let Some(waiting) = self.calls.get(&call) {
            drop(waiting.send(reply));
        }
        if done {
            self.calls.remove(&call);
        }
    }

    async fn wait(&mut self, wished: &mut mpsc::Receiver<Wish>, events: &mut mpsc::Receiver<PeerEvent>) {
        let now = self.now();
        let idle =
            self.endpoint.deadline().map_or(Duration::from_secs(3_600), |due| Duration::from_millis(due.saturating_sub(now)));
        let [interactive, bulk] = &mut self.channels[..] else { return };
        let full = self.full;
        let (message, lane, wish, lost) = tokio::select! {
            message = interactive.receiver.receive() => (Some(message), None, None, false),
            message = bulk.receiver.receive() => (Some(message), None, None, false),
            () = interactive.sender.writable(), if full[0] => (None, Some(Lane::Interactive), None, false),
            () = bulk.sender.writable(), if full[1] => (None, Some(Lane::Bulk), None, false),
            wish = wished.recv() => (None, None, Some(wish.unwrap_or(Wish::Close)), false),
            event = events.recv() => (None, None, None, matches!(event, None | Some(PeerEvent::Closed(_)))),
            () = tokio::time::sleep(idle) => (None, None, None, false),
        };
        let now = self.now();
        match message {
            Some(Some(Message::Binary(bytes))) => self.endpoint.handle(now, Input::Packet { connection: LINK, bytes: &bytes }),
            Some(_) => self.endpoint.handle(now, Input::Closed { connection: LINK }),
            None => {}
        }
        if let Some(lane) = lane {
            self.full[lane.index()] = false;
            self.endpoint.handle(now, Input::Writable { connection: LINK, lane });
        }
        if let Some(wish) = wish {
            self.wish(now, wish);
        }
        self.endpoint.handle(now, if lost { Input::Closed { connection: LINK } } else { Input::Tick });
    }

    fn wish(&mut self, now: Millis, wish: Wish) {
        match wish {
            Wish::Call(request, replies, made) => {
                let call = self.endpoint.call(now, *request);
                if let Ok(id) = &call {
                    self.calls.insert(*id, replies);
                }
                drop(made.send(call));
            }
            Wish::Cancel(call) => {
                self.calls.remove(&call);
                self.endpoint.cancel(call);
            }
            Wish::Close => self.endpoint.close(Fault::new(Code::CANCELLED, "the client closed")),
        }
    }
}

async fn post(url: &str, body: &Value) -> Result<Value, Fault> {
    let sent = reqwest::Client::new().post(url).json(body).send().await;
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

fn value(body: &Body) -> Value {
    serde_json::from_slice(&body.value).unwrap_or(Value::Null)
}

fn failed(message: &str) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, message.to_owned())
}

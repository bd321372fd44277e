//! A native program's session: the protocol's endpoint in the middle, over transports that tests open and cut as they like.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;
use tabagent_protocol::{Body, CallId, Code, ConnectionId, Endpoint, Event, Fault, Input, Lane, Limits, Millis, Output, Request};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    native::{self, failed},
    wire::{Inbox, Incoming, Wire},
    ws,
};

/// Longest wait for each step; a machine under load is slow, not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A kind of transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Two data channels.
    WebRtc,
    /// One socket.
    WebSocket,
}

/// One part of an answer.
#[derive(Debug)]
pub enum Reply {
    /// An item of the stream.
    Item(Value),
    /// The end of it.
    Done(Result<Value, Fault>),
}

/// What happens to the session.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// It stands; whether the server knew it, and the server's process.
    Welcomed(bool, [u8; 16]),
    /// It goes on over this transport.
    Moved(ConnectionId),
    /// No transport is left.
    Disconnected,
    /// The server has it no more; what never left waits for [`NativeClient::restart`].
    Expired(Fault),
    /// The server announces an end.
    GoAway(Fault),
    /// A transport is gone.
    Lost(ConnectionId),
    /// It is over.
    Closed(Fault),
}

enum Wish {
    Call(Box<Request>, VecDeque<Body>, mpsc::UnboundedSender<Reply>, oneshot::Sender<Result<CallId, Fault>>),
    Cancel(CallId),
    Open(Wire, Option<String>),
    Cut(ConnectionId),
    Restart([u8; 32]),
    Close,
}

/// Where a session goes, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The server.
    pub url: String,
    /// Its key: in a header where there is one, in the hello where not.
    pub key: Option<String>,
    /// The session's name; random when absent.
    pub secret: Option<[u8; 32]>,
    /// Secrets of sessions that this one takes the place of.
    pub replaces: Vec<[u8; 32]>,
    /// The session's limits.
    pub limits: Limits,
}

/// A session of a native program.
pub struct NativeClient {
    options: Options,
    wishes: mpsc::Sender<Wish>,
    inbox: Inbox,
    made: AtomicU32,
    /// What happens to it.
    pub news: mpsc::UnboundedReceiver<News>,
    over: oneshot::Receiver<Fault>,
}

impl NativeClient {
    /// A session over WebRTC.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn connect(url: &str) -> Result<Self, Fault> {
        let client = Self::new(Options { url: url.to_owned(), ..Options::default() });
        client.open(Rung::WebRtc).await?;
        Ok(client)
    }

    /// A session without any transport yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (wishes, wished) = mpsc::channel(64);
        let (ended, over) = oneshot::channel();
        let (inbox, incoming) = mpsc::channel(64);
        let (tell, news) = mpsc::unbounded_channel();
        let mut endpoint = Endpoint::client(options.limits.clone(), options.secret.unwrap_or_else(secret));
        endpoint.replace(options.replaces.clone());
        let (calls, uploads) = (HashMap::new(), HashMap::new());
        let driver = Driver { endpoint, wires: Vec::new(), epoch: Instant::now(), calls, uploads, news: tell, ended: None };
        tokio::spawn(driver.run(wished, incoming, ended));
        Self { options, wishes, inbox, made: AtomicU32::new(0), news, over }
    }

    /// Opens another transport and moves to it.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn open(&self, rung: Rung) -> Result<ConnectionId, Fault> {
        self.open_at(rung, &self.options.url).await
    }

    /// The same at another server.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn open_at(&self, rung: Rung, url: &str) -> Result<ConnectionId, Fault> {
        let id = ConnectionId(self.made.fetch_add(1, Ordering::Relaxed));
        let key = self.options.key.as_deref();
        let wire = match rung {
            Rung::WebRtc => native::wire(url, key, id, &self.inbox).await?,
            Rung::WebSocket => ws::wire(url, id, &self.inbox).await?,
        };
        let bearer = self.options.key.clone().filter(|_| rung == Rung::WebSocket);
        self.wish(Wish::Open(wire, bearer)).await?;
        Ok(id)
    }

    /// Cuts a transport.
    pub async fn cut(&self, connection: ConnectionId) {
        drop(self.wish(Wish::Cut(connection)).await);
    }

    /// Begins anew after the session expired.
    pub async fn restart(&self) {
        drop(self.wish(Wish::Restart(secret())).await);
    }

    /// Waits for news that fits.
    ///
    /// # Panics
    /// When it does not come.
    #[expect(clippy::panic, reason = "a test that saw something else says what it saw")]
    pub async fn until(&mut self, fits: impl Fn(&News) -> bool) -> News {
        let mut heard = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.news.recv()).await {
                Ok(Some(news)) if fits(&news) => return news,
                Ok(Some(news)) => heard.push(news),
                end => panic!("{end:?} after {heard:?}"),
            }
        }
    }

    /// Asks and reads along.
    ///
    /// # Errors
    /// When the request is refused at once, or the session is over.
    pub async fn stream(&self, action: &str, fields: &Value) -> Result<(CallId, mpsc::UnboundedReceiver<Reply>), Fault> {
        self.stream_in(Lane::Interactive, action, fields).await
    }

    /// The same in this lane.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn stream_in(
        &self,
        lane: Lane,
        action: &str,
        fields: &Value,
    ) -> Result<(CallId, mpsc::UnboundedReceiver<Reply>), Fault> {
        let request = Request { action: action.to_owned(), lane, body: Body::json(fields.to_string()), ..Request::default() };
        self.begin(request, VecDeque::new()).await
    }

    /// Asks with items of its own behind the request, sent as the handler reads them.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn upload(
        &self,
        lane: Lane,
        action: &str,
        fields: &Value,
        items: impl IntoIterator<Item = Value>,
    ) -> Result<(CallId, mpsc::UnboundedReceiver<Reply>), Fault> {
        let body = Body::json(fields.to_string());
        let request = Request { action: action.to_owned(), lane, body, streams: true, ..Request::default() };
        self.begin(request, items.into_iter().map(|item| Body::json(item.to_string())).collect()).await
    }

    async fn begin(&self, request: Request, items: VecDeque<Body>) -> Result<(CallId, mpsc::UnboundedReceiver<Reply>), Fault> {
        let (replies, receiver) = mpsc::unbounded_channel();
        let (id, made) = oneshot::channel();
        self.wish(Wish::Call(Box::new(request), items, replies, id)).await?;
        Ok((made.await.map_err(|_| failed("the session is over"))??, receiver))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn request(&self, action: &str, fields: &Value) -> Result<Value, Fault> {
        let (_, mut replies) = self.stream(action, fields).await?;
        answer(&mut replies).await
    }

    /// Withdraws a call.
    pub async fn cancel(&self, call: CallId) {
        drop(self.wish(Wish::Cancel(call)).await);
    }

    /// Ends the session politely and says how it ended.
    pub async fn close(self) -> Option<Fault> {
        drop(self.wish(Wish::Close).await);
        self.over.await.ok()
    }

    async fn wish(&self, wish: Wish) -> Result<(), Fault> {
        self.wishes.send(wish).await.map_err(|_| failed("the session is over"))
    }
}

/// The answer of a call, whatever comes before it.
///
/// # Errors
/// The call's failure.
pub async fn answer(replies: &mut mpsc::UnboundedReceiver<Reply>) -> Result<Value, Fault> {
    loop {
        match tokio::time::timeout(PATIENCE, replies.recv()).await.map_err(|_| failed("no answer in time"))? {
            Some(Reply::Item(_)) => {}
            Some(Reply::Done(answer)) => return answer,
            None => return Err(failed("the session ended before the answer")),
        }
    }
}

struct Driver {
    endpoint: Endpoint,
    wires: Vec<Wire>,
    epoch: Instant,
    calls: HashMap<CallId, mpsc::UnboundedSender<Reply>>,
    /// Items that wait for their readers.
    uploads: HashMap<CallId, VecDeque<Body>>,
    news: mpsc::UnboundedSender<News>,
    ended: Option<Fault>,
}

impl Driver {
    fn now(&self) -> Millis {
        self.epoch.elapsed().as_millis() as Millis
    }

    async fn run(
        mut self,
        mut wished: mpsc::Receiver<Wish>,
        mut incoming: mpsc::Receiver<(ConnectionId, Incoming)>,
        over: oneshot::Sender<Fault>,
    ) {
        let reason = loop {
            self.drain();
            if let Some(reason) = self.ended.take() {
                break reason;
            }
            let now = self.now();
            let idle = self.endpoint.deadline().map_or(3_600_000, |due| due.saturating_sub(now));
            tokio::select! {
                Some((id, incoming)) = incoming.recv() => self.arrived(id, &incoming),
                wish = wished.recv() => self.wish(wish.unwrap_or(Wish::Close)),
                () = tokio::time::sleep(Duration::from_millis(idle)) => self.endpoint.handle(self.now(), Input::Tick),
            }
        };
        // Dropping the wires sends what is queued, the go-away included.
        drop(self.wires);
        drop(over.send(reason));
    }

    fn arrived(&mut self, connection: ConnectionId, incoming: &Incoming) {
        let now = self.now();
        match incoming {
            Incoming::Packet(bytes) => self.endpoint.handle(now, Input::Packet { connection, bytes }),
            Incoming::Writable(lane) => self.endpoint.handle(now, Input::Writable { connection, lane: *lane }),
            Incoming::Closed => {
                self.wires.retain(|wire| wire.id != connection);
                self.endpoint.handle(now, Input::Closed { connection });
                drop(self.news.send(News::Lost(connection)));
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { connection, lane, packet } => {
                    let wire = self.wires.iter().find(|wire| wire.id == connection);
                    if wire.is_some_and(|wire| !wire.send(lane, packet)) {
                        self.endpoint.handle(self.now(), Input::Full { connection, lane });
                    }
                }
                Output::Close { connection } => self.wires.retain(|wire| wire.id != connection),
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event) {
        let news = match event {
            Event::Item { call, body, cost } => {
                self.reply(call, Reply::Item(value(&body)));
                return self.endpoint.consumed(call, cost);
            }
            Event::News { call, cost, .. } => return self.endpoint.consumed(call, cost),
            Event::Response { call, body } => return self.reply(call, Reply::Done(Ok(value(&body)))),
            Event::Failed { call, fault } => return self.reply(call, Reply::Done(Err(fault))),
            Event::Request { call, request } => return self.serve(call, &request),
            Event::Writable { call } => return self.send_items(call),
            Event::Closed(reason) => {
                self.ended = Some(reason.clone());
                News::Closed(reason)
            }
            Event::Welcomed(welcome) => News::Welcomed(welcome.resumed, welcome.boot),
            Event::Moved { connection } => News::Moved(connection),
            Event::Disconnected => News::Disconnected,
            Event::Expired(reason) => News::Expired(reason),
            Event::GoAway(away) => News::GoAway(away.reason),
            _ => return,
        };
        drop(self.news.send(news));
    }

    /// The one action this client serves: it says what it was asked.
    fn serve(&mut self, call: CallId, request: &Request) {
        let answer = match request.action.as_str() {
            "echo" => Ok(request.body.clone()),
            other => Err(Fault::new(Code::UNKNOWN_ACTION, format!("this client does not serve {other}"))),
        };
        self.endpoint.respond(call, answer);
    }

    /// As many items as the reader takes now; the end behind the last.
    fn send_items(&mut self, call: CallId) {
        let Some(items) = self.uploads.get_mut(&call) else { return };
        while self.endpoint.writable(call) {
            let Some(item) = items.pop_front() else { break };
            self.endpoint.item(call, &item).expect("credit");
        }
        if items.is_empty() {
            self.uploads.remove(&call);
            self.endpoint.end_items(call);
        }
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

    fn wish(&mut self, wish: Wish) {
        let now = self.now();
        match wish {
            Wish::Call(request, items, replies, made) => {
                let streams = request.streams;
                let call = self.endpoint.call(now, *request);
                if let Ok(id) = call {
                    self.calls.insert(id, replies);
                    if streams {
                        self.uploads.insert(id, items);
                        self.send_items(id);
                    }
                }
                drop(made.send(call));
            }
            Wish::Cancel(call) => {
                self.calls.remove(&call);
                self.endpoint.cancel(call);
            }
            Wish::Open(wire, bearer) => {
                let connection = wire.id;
                self.wires.push(wire);
                self.endpoint.handle(now, Input::Opened { connection, bearer: bearer.as_deref() });
            }
            Wish::Cut(connection) => {
                self.wires.iter().filter(|wire| wire.id == connection).for_each(|wire| wire.cut.cancel());
            }
            Wish::Restart(secret) => self.endpoint.restart(secret),
            Wish::Close => self.endpoint.close(Fault::new(Code::CANCELLED, "the client closed")),
        }
    }
}

fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).expect("randomness");
    secret
}

fn value(body: &Body) -> Value {
    serde_json::from_slice(&body.value).unwrap_or(Value::Null)
}

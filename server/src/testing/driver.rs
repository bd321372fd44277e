//! The loop of a client's session: take what came, drain the endpoint, wait. Besides, it looks for another transport when there is none.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tabagent_protocol::{Body, CallId, Code, ConnectionId, Endpoint, Event, Fault, Input, Lane, Millis, Output, Request};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::{
    calling::{Calling, Replies, Reply, WAITING},
    client::{Handler, News, Shared},
    faults::Faults,
    lines::Lines,
    queue::Queue,
    transport::Transport,
};
use crate::{sessions::Heard, transport::Message};

/// The wait before the second try of a transport, doubled by each failure up to the longest; the first is at once.
const RETRY: Duration = Duration::from_millis(10);
const LONGEST_RETRY: Duration = Duration::from_secs(1);
/// Wakes a loop that nothing else would.
const FAR: Duration = Duration::from_secs(3_600);

/// Makes a transport, under these faults.
pub(super) type Opener = Arc<dyn Fn(&Faults) -> Transport + Send + Sync>;

/// What the holder of a client asks of its session.
pub(super) enum Wish {
    Call(Box<Request>, oneshot::Sender<Result<Calling, Fault>>),
    Item(CallId, Body, oneshot::Sender<()>),
    /// All there will be.
    Items(CallId, Vec<Body>),
    EndItems(CallId),
    Consumed(CallId, u32),
    Cancel(CallId),
    Serve(String, Handler),
    Respond(CallId, Result<Body, Fault>),
    Open(ConnectionId, Box<Transport>, Option<String>),
    Cut(ConnectionId),
    Restart,
    Close,
}

/// What a session has around it.
pub(super) struct Around {
    pub(super) wishes: mpsc::WeakSender<Wish>,
    pub(super) faults: Faults,
    pub(super) bearer: Option<String>,
    /// Transports so far.
    pub(super) made: Arc<AtomicU32>,
    /// None: somebody else attaches them.
    pub(super) opener: Option<Opener>,
}

/// What a caller still has to send.
#[derive(Default)]
struct Upload {
    /// And who waits until they are sent.
    items: VecDeque<(Body, Option<oneshot::Sender<()>>)>,
    complete: bool,
}

/// A session.
pub(super) struct Driver {
    endpoint: Endpoint,
    around: Around,
    shared: Arc<Shared>,
    lines: Lines,
    epoch: Instant,
    calls: HashMap<CallId, Replies>,
    uploads: HashMap<CallId, Upload>,
    served: HashMap<String, Handler>,
    serving: HashMap<CallId, AbortHandle>,
    /// When to open the next transport, and how often that came to nothing.
    retry: Option<Instant>,
    failures: u32,
    ended: Option<Fault>,
}

impl Driver {
    pub(super) fn new(endpoint: Endpoint, around: Around, shared: Arc<Shared>) -> Self {
        Self {
            endpoint,
            around,
            shared,
            lines: Lines::default(),
            epoch: Instant::now(),
            calls: HashMap::new(),
            uploads: HashMap::new(),
            served: HashMap::new(),
            serving: HashMap::new(),
            retry: None,
            failures: 0,
            ended: None,
        }
    }

    pub(super) async fn run(mut self, mut wished: mpsc::Receiver<Wish>, over: oneshot::Sender<Fault>) {
        self.retry = self.around.opener.is_some().then(Instant::now);
        let reason = loop {
            self.drain();
            if let Some(reason) = self.ended.take() {
                break reason;
            }
            self.wait(&mut wished).await;
        };
        self.shared.news.end();
        self.shared.events.end();
        // Nobody may wait for it.
        drop(over.send(reason));
    }

    async fn wait(&mut self, wished: &mut mpsc::Receiver<Wish>) {
        let now = self.now();
        let idle = self.endpoint.deadline().map_or(FAR, |due| Duration::from_millis(due.saturating_sub(now)));
        let retry = self.retry;
        tokio::select! {
            (connection, heard) = self.lines.next() => self.heard(connection, heard),
            wish = wished.recv() => self.wish(wish.unwrap_or(Wish::Close)),
            () = sleep_until(retry.unwrap_or_else(Instant::now)), if retry.is_some() => self.reopen(),
            () = tokio::time::sleep(idle) => self.input(Input::Tick),
        }
    }

    fn now(&self) -> Millis {
        self.epoch.elapsed().as_millis() as Millis
    }

    fn input(&mut self, input: Input<'_>) {
        let now = self.now();
        self.endpoint.handle(now, input);
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { connection, lane, packet } => self.transmit(connection, lane, packet),
                Output::Close { connection } => self.leave(connection),
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn transmit(&mut self, connection: ConnectionId, lane: Lane, packet: Vec<u8>) {
        let Some(line) = self.lines.find(connection) else { return };
        match line.transport.pipes.send(lane, packet) {
            Ok(full) => full.iter().for_each(|lane| self.input(Input::Full { connection, lane: *lane })),
            Err(_) => self.lost(connection),
        }
    }

    /// A transport is given up: what was said last on it still leaves.
    fn leave(&mut self, connection: ConnectionId) {
        let Some(line) = self.lines.remove(connection) else { return };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            line.farewell().await;
            shared.news.push(News::Lost(connection));
        });
    }

    fn heard(&mut self, connection: ConnectionId, heard: Heard) {
        match heard {
            Heard::Message(_, Message::Binary(bytes) | Message::Text(bytes)) => {
                self.input(Input::Packet { connection, bytes: &bytes });
            }
            Heard::Writable => {
                let freed = self.lines.find(connection).map(|line| line.transport.pipes.freed());
                freed.into_iter().flatten().for_each(|lane| self.input(Input::Writable { connection, lane }));
            }
            Heard::Ended(_) => self.lost(connection),
            Heard::Channel(_) | Heard::Retiring => {}
        }
    }

    fn lost(&mut self, connection: ConnectionId) {
        // What had arrived before is still heard: a refusal above all.
        for lane in Lane::ALL {
            while let Some(message) = self.lines.find(connection).and_then(|line| line.transport.pipes.try_receive(lane)) {
                self.heard(connection, Heard::Message(lane, message));
            }
        }
        self.drop_line(connection);
    }

    fn drop_line(&mut self, connection: ConnectionId) {
        let Some(line) = self.lines.remove(connection) else { return };
        line.transport.over.cancel();
        self.input(Input::Closed { connection });
        self.shared.news.push(News::Lost(connection));
    }

    /// Opens another transport.
    fn reopen(&mut self) {
        self.retry = None;
        let Some(opener) = self.around.opener.clone() else { return };
        let connection = ConnectionId(self.around.made.fetch_add(1, Ordering::Relaxed));
        let (transport, bearer) = (opener(&self.around.faults), self.around.bearer.clone());
        self.open(connection, transport, bearer.as_deref());
    }

    fn open(&mut self, connection: ConnectionId, transport: Transport, bearer: Option<&str>) {
        self.lines.add(connection, transport);
        self.input(Input::Opened { connection, bearer });
    }

    /// Nothing carries the session: there will be another transport, at once or after a growing wait.
    fn look_for_another(&mut self, at_least: Duration) {
        if self.around.opener.is_none() {
            return;
        }
        let wait = match self.failures.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => RETRY.saturating_mul(1 << doublings.min(10)).min(LONGEST_RETRY),
        };
        self.failures += 1;
        let due = Instant::now() + wait.max(at_least);
        self.retry = Some(self.retry.map_or(due, |earlier| earlier.max(due)));
    }

    fn event(&mut self, event: Event) {
        let news = match event {
            Event::Item { call, body, cost } => return self.reply(call, Reply::Item(body), cost),
            Event::News { call, body, cost } => return self.reply(call, Reply::News(body), cost),
            Event::Response { call, body } => return self.settle(call, Ok(body)),
            Event::Failed { call, fault } => return self.settle(call, Err(fault)),
            Event::Request { call, request } => return self.serve(call, &request),
            Event::Cancelled { call } | Event::Abandoned { call } => return self.stop(call),
            Event::Writable { call } => return self.send_items(call),
            Event::Published(body) => return self.shared.events.push(body),
            Event::Ended { .. } | Event::Pong { .. } => return,
            Event::Welcomed(welcome) => {
                self.failures = 0;
                News::Welcomed(welcome.resumed, welcome.boot)
            }
            Event::Moved { connection } => {
                self.failures = 0;
                News::Moved(connection)
            }
            Event::Disconnected => {
                self.look_for_another(Duration::ZERO);
                News::Disconnected
            }
            Event::Expired(reason) => {
                if self.around.opener.is_some() {
                    self.endpoint.restart(secret());
                    self.look_for_another(Duration::ZERO);
                }
                News::Expired(reason)
            }
            Event::GoAway(away) => {
                self.obey(away.last, &away.reason);
                News::GoAway(away.reason)
            }
            Event::Closed(reason) => {
                self.ended = Some(reason.clone());
                News::Closed(reason)
            }
        };
        self.shared.news.push(news);
    }

    /// A connection that is to be left is left; a server that has no place for now is asked later.
    fn obey(&mut self, last: bool, reason: &Fault) {
        if last || self.around.opener.is_none() {
            return;
        }
        let wait = reason.retry_after_ms.map_or(Duration::ZERO, |ms| Duration::from_millis(ms.into()));
        let due = Instant::now() + wait;
        self.retry = Some(self.retry.map_or(due, |earlier| earlier.max(due)));
    }

    fn reply(&mut self, call: CallId, reply: Reply, cost: u32) {
        match self.calls.get(&call) {
            Some(replies) => replies.push((reply, cost)),
            None => self.endpoint.consumed(call, cost),
        }
    }

    fn settle(&mut self, call: CallId, answer: Result<Body, Fault>) {
        self.uploads.remove(&call);
        if let Some(replies) = self.calls.remove(&call) {
            replies.push((Reply::Done(answer), 0));
            replies.end();
        }
    }

    /// The server asks.
    fn serve(&mut self, call: CallId, request: &Request) {
        let (Some(handler), Some(wishes)) = (self.served.get(&request.action).cloned(), self.around.wishes.upgrade()) else {
            let unknown = format!("this client does not serve {}", request.action);
            return self.endpoint.respond(call, Err(Fault::new(Code::UNKNOWN_ACTION, unknown)));
        };
        let work = handler(request.body.clone());
        let task = tokio::spawn(async move { drop(wishes.send(Wish::Respond(call, work.await)).await) });
        self.serving.insert(call, task.abort_handle());
    }

    /// The server wants no answer any more.
    fn stop(&mut self, call: CallId) {
        if let Some(task) = self.serving.remove(&call) {
            task.abort();
        }
    }

    /// As many items as the reader takes now; the end behind the last.
    fn send_items(&mut self, call: CallId) {
        while self.endpoint.writable(call) {
            let Some(upload) = self.uploads.get_mut(&call) else { return };
            let Some((item, sent)) = upload.items.pop_front() else {
                if upload.complete {
                    self.uploads.remove(&call);
                    self.endpoint.end_items(call);
                }
                return;
            };
            if let Err(fault) = self.endpoint.item(call, &item) {
                self.endpoint.cancel(call);
                return self.settle(call, Err(fault));
            }
            if let Some(sent) = sent {
                // Who sent it may not wait.
                let _ = sent.send(());
            }
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            // Who is gone meanwhile drops the call, which cancels it.
            Wish::Call(request, made) => drop(made.send(self.call(*request))),
            Wish::Item(call, item, sent) => {
                if let Some(upload) = self.uploads.get_mut(&call) {
                    upload.items.push_back((item, Some(sent)));
                }
                self.send_items(call);
            }
            Wish::Items(call, items) => {
                if let Some(upload) = self.uploads.get_mut(&call) {
                    upload.items.extend(items.into_iter().map(|item| (item, None)));
                    upload.complete = true;
                }
                self.send_items(call);
            }
            Wish::EndItems(call) => {
                if let Some(upload) = self.uploads.get_mut(&call) {
                    upload.complete = true;
                }
                self.send_items(call);
            }
            Wish::Consumed(call, cost) => self.endpoint.consumed(call, cost),
            Wish::Cancel(call) => {
                if self.calls.remove(&call).is_some() {
                    self.uploads.remove(&call);
                    self.endpoint.cancel(call);
                }
            }
            Wish::Serve(action, handler) => drop(self.served.insert(action, handler)),
            Wish::Respond(call, answer) => {
                self.serving.remove(&call);
                self.endpoint.respond(call, answer);
            }
            Wish::Open(connection, transport, bearer) => self.open(connection, *transport, bearer.as_deref()),
            Wish::Cut(connection) => self.drop_line(connection),
            Wish::Restart => self.endpoint.restart(secret()),
            Wish::Close => self.endpoint.close(Fault::new(Code::CANCELLED, "the client closed")),
        }
    }

    fn call(&mut self, request: Request) -> Result<Calling, Fault> {
        let (streams, now) = (request.streams, self.now());
        let id = self.endpoint.call(now, request)?;
        let replies: Replies = Arc::new(Queue::new(WAITING));
        self.calls.insert(id, Arc::clone(&replies));
        if streams {
            self.uploads.insert(id, Upload::default());
        }
        let (gone, dropped) = oneshot::channel();
        let wishes = self.around.wishes.clone();
        tokio::spawn(async move {
            // Never sent, so it ends when the caller drops the call.
            let _ = dropped.await;
            if let Some(wishes) = wishes.upgrade() {
                drop(wishes.send(Wish::Cancel(id)).await);
            }
        });
        Ok(Calling::new(id, replies, self.around.wishes.clone(), gone))
    }
}

/// A name for a session. Tests have no secrets to keep, but each session must have a name of its own.
pub(super) fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    if getrandom::fill(&mut secret).is_err() {
        secret.fill_with(|| fastrand::u8(..));
    }
    secret
}

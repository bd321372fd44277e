//! The dull loop between an endpoint, its pipes and the service: take what came, drain the endpoint, wait.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use tabagent_protocol::{
    Body, CallId, Code, ConnectionId, Endpoint, Event, Fault, Input, Lane, Millis, Output, Request, frame::hello::Hello,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Pipes, Sessions,
    pump::{self, Part, Pump, Wish},
};
use crate::{
    Pace,
    service::{Asked, EventStream, Reverse, ReverseCaller, Stats},
    signaling::Connection,
    transport::{Channel, ChannelReceiver, ChannelSender, Message, Sent},
};

/// A session has one connection at a time, so its name is always the same.
const LINK: ConnectionId = ConnectionId(0);
/// Packets taken in one go before the endpoint is drained: frames that become ready together share packets.
const BATCH: usize = 32;

/// Runs a welcomed session to its end and says why it ended.
pub(super) async fn run(
    sessions: &Arc<Sessions>,
    connection: &Arc<Connection>,
    hello: Hello,
    pipes: Pipes,
    others: mpsc::Receiver<Channel>,
) -> Fault {
    let service = &sessions.service;
    let number = service.new_session();
    let events = service.events(number, &connection.principal);
    let (wishes, wished) = mpsc::channel(sessions.limits.session_queue);
    let (reverse, reversed) = ReverseCaller::channel(sessions.limits.session_queue);
    let driver = Driver {
        endpoint: Endpoint::server(sessions.limits.session.clone(), sessions.boot),
        epoch: Instant::now(),
        sessions: Arc::clone(sessions),
        connection: Arc::clone(connection),
        number,
        senders: pipes.senders,
        full: [false; 2],
        calls: HashMap::new(),
        asked: HashMap::new(),
        wishes,
        reverse,
        pace: Pace::new(&sessions.limits, connection.loopback),
        stats: Arc::clone(service.stats()),
        left: false,
        ended: None,
    };
    let inbox = Inbox { receivers: pipes.receivers, others, wished, reversed, events };
    driver.run(hello, inbox).await
}

/// Everything that can wake the driver.
struct Inbox {
    receivers: [Option<ChannelReceiver>; 2],
    others: mpsc::Receiver<Channel>,
    wished: mpsc::Receiver<Wish>,
    reversed: mpsc::Receiver<Reverse>,
    events: EventStream,
}

struct Driver {
    endpoint: Endpoint,
    /// Where this session's clock begins.
    epoch: Instant,
    sessions: Arc<Sessions>,
    connection: Arc<Connection>,
    number: u64,
    senders: [Option<ChannelSender>; 2],
    /// Lanes whose pipe asked to be left alone.
    full: [bool; 2],
    /// The client's calls that are being answered here.
    calls: HashMap<CallId, Pump>,
    /// Our calls that the client is answering.
    asked: HashMap<CallId, oneshot::Sender<Result<Body, Fault>>>,
    wishes: mpsc::Sender<Wish>,
    reverse: ReverseCaller,
    /// How fast this session may ask.
    pace: Pace,
    stats: Arc<Stats>,
    /// The client has said goodbye: nothing more need be said to it.
    left: bool,
    ended: Option<Fault>,
}

impl Driver {
    async fn run(mut self, hello: Hello, mut inbox: Inbox) -> Fault {
        let now = self.now();
        self.endpoint.accept(now, LINK, &hello);
        if self.senders[Lane::Bulk.index()].is_none() {
            self.input(Input::Full { connection: LINK, lane: Lane::Bulk });
        }
        loop {
            self.drain();
            if let Some(reason) = self.ended.take() {
                if !self.left {
                    Pipes { senders: self.senders, receivers: inbox.receivers }.farewell().await;
                }
                return reason;
            }
            self.wait(&mut inbox).await;
        }
    }

    fn now(&self) -> Millis {
        // A session that lasts 500 million years may overflow.
        self.epoch.elapsed().as_millis() as Millis
    }

    fn input(&mut self, input: Input<'_>) {
        let now = self.now();
        self.endpoint.handle(now, input);
    }

    /// Does everything the endpoint wants done.
    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { lane, packet, .. } => self.transmit(lane, packet),
                Output::Close { .. } => self.senders = [None, None],
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn transmit(&mut self, lane: Lane, packet: Vec<u8>) {
        self.stats.sent(packet.len());
        let sent = self.senders[lane.index()].as_ref().map(|pipe| pipe.try_send(Message::Binary(Bytes::from(packet))));
        match sent {
            Some(Sent::Ready) => {}
            Some(Sent::Full) => {
                self.full[lane.index()] = true;
                self.input(Input::Full { connection: LINK, lane });
            }
            Some(Sent::Closed) | None => self.input(Input::Closed { connection: LINK }),
        }
    }

    /// Waits for whatever comes first, and takes more of it if more is there.
    async fn wait(&mut self, inbox: &mut Inbox) {
        let now = self.now();
        let idle = self.endpoint.deadline().map_or(Duration::MAX, |due| Duration::from_millis(due.saturating_sub(now)));
        let [interactive, bulk] = &mut inbox.receivers;
        tokio::select! {
            message = receive(interactive) => {
                self.message(message);
                self.more(interactive.as_mut());
            }
            message = receive(bulk) => {
                self.message(message);
                self.more(bulk.as_mut());
            }
            lane = writable(&self.senders, self.full) => {
                self.full[lane.index()] = false;
                self.input(Input::Writable { connection: LINK, lane });
            }
            Some(wish) = inbox.wished.recv() => {
                self.wish(wish);
                for _ in 0..BATCH {
                    let Ok(wish) = inbox.wished.try_recv() else { break };
                    self.wish(wish);
                }
            }
            Some(reverse) = inbox.reversed.recv() => self.ask(reverse),
            body = inbox.events.next() => self.endpoint.publish(&body),
            Some(channel) = inbox.others.recv() => self.another(channel, &mut inbox.receivers),
            () = self.sessions.ending.cancelled() => {
                self.endpoint.close(Fault::new(Code::DRAINING, "the server is shutting down"));
            }
            () = self.connection.closed.cancelled() => self.input(Input::Closed { connection: LINK }),
            () = tokio::time::sleep(idle) => self.input(Input::Tick),
        }
    }

    fn message(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Binary(bytes)) => {
                self.connection.activity();
                self.stats.received(bytes.len());
                self.input(Input::Packet { connection: LINK, bytes: &bytes });
            }
            // Text is no packet; the endpoint says so to the peer.
            Some(Message::Text(text)) => self.input(Input::Packet { connection: LINK, bytes: &text }),
            None => self.input(Input::Closed { connection: LINK }),
        }
    }

    fn more(&mut self, receiver: Option<&mut ChannelReceiver>) {
        let Some(receiver) = receiver else { return };
        for _ in 1..BATCH {
            let Some(message) = receiver.try_receive() else { return };
            self.message(Some(message));
        }
    }

    /// The other lane's channel has opened.
    fn another(&mut self, channel: Channel, receivers: &mut [Option<ChannelReceiver>; 2]) {
        let mut pipes = Pipes { senders: std::mem::take(&mut self.senders), receivers: std::mem::take(receivers) };
        let added = pipes.add(channel);
        (self.senders, *receivers) = (pipes.senders, pipes.receivers);
        if let Some(lane) = added {
            self.input(Input::Writable { connection: LINK, lane });
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Request { call, request } => self.start(call, request),
            Event::Cancelled { call } => {
                if let Some(pump) = self.calls.remove(&call) {
                    pump.cancel();
                }
            }
            Event::Abandoned { call } => drop(self.calls.remove(&call)),
            Event::Writable { call } => {
                if let Some(pump) = self.calls.get(&call) {
                    pump.go_on();
                }
            }
            Event::Response { call, body } => self.answered(call, Ok(body)),
            Event::Failed { call, fault } => self.answered(call, Err(fault)),
            Event::Closed(reason) => self.ended = Some(reason),
            // Nothing waits for what a client action streams; reading it keeps the client from waiting for us.
            Event::Item { call, cost, .. } | Event::News { call, cost, .. } => self.endpoint.consumed(call, cost),
            Event::GoAway(away) => self.left = away.last,
            Event::Disconnected => self.endpoint.close(Fault::new(Code::TRANSPORT_FAILED, "the connection was lost")),
            Event::Welcomed(_)
            | Event::Moved { .. }
            | Event::Expired(_)
            | Event::Ended { .. }
            | Event::Published(_)
            | Event::Pong { .. } => {}
        }
    }

    /// The client asks: the service answers, in a task of the call's own.
    fn start(&mut self, call: CallId, request: Request) {
        let fields = match serde_json::from_slice(&request.body.value) {
            Ok(fields) => fields,
            Err(error) => {
                let fault = Fault::new(Code::BAD_REQUEST, format!("the body of call {call} is not JSON: {error}"));
                return self.endpoint.respond(call, Err(fault));
            }
        };
        let asked = Asked {
            principal: self.connection.principal.clone(),
            session: Some(self.number),
            action: request.action,
            fields,
            payload: request.body.payload,
            incoming: None,
            request_id: request.request_id,
            deadline: request.deadline_ms.map(|ms| Duration::from_millis(ms.into())),
            idempotency_key: request.idempotency_key,
            boot: request.boot,
            reverse: Some(self.reverse.clone()),
        };
        match self.pace.take(std::time::Instant::now()) {
            Ok(wait) => {
                let service = Arc::clone(&self.sessions.service);
                self.calls.insert(call, Pump::start(call, wait, service, asked, self.wishes.clone()));
            }
            Err(fault) => self.endpoint.respond(call, Err(fault)),
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Withdraw(call) => {
                self.asked.remove(&call);
                self.endpoint.cancel(call);
            }
            Wish::Done(call, answer) => {
                self.calls.remove(&call);
                self.endpoint.respond(call, answer);
            }
            Wish::Part(call, part) => {
                let sent = match part {
                    Part::Item(body) => self.endpoint.item(call, &body),
                    Part::News(body) => self.endpoint.news(call, &body),
                };
                match sent {
                    Ok(true) => self.event(Event::Writable { call }),
                    Ok(false) => {} // the endpoint says when the reader is ready
                    Err(fault) => {
                        self.calls.remove(&call);
                        self.endpoint.respond(call, Err(fault));
                    }
                }
            }
        }
    }

    /// A handler asks the client.
    fn ask(&mut self, reverse: Reverse) {
        let now = self.now();
        match self.endpoint.call(now, reverse.request) {
            Ok(call) => {
                let (answer, answered) = oneshot::channel();
                self.asked.insert(call, answer);
                tokio::spawn(pump::relay(call, answered, reverse.answer, self.wishes.clone()));
            }
            // The handler may have been stopped meanwhile; then nobody minds.
            Err(fault) => drop(reverse.answer.send(Err(fault))),
        }
    }

    fn answered(&mut self, call: CallId, answer: Result<Body, Fault>) {
        if let Some(waiting) = self.asked.remove(&call) {
            drop(waiting.send(answer));
        }
    }
}

async fn receive(receiver: &mut Option<ChannelReceiver>) -> Option<Message> {
    match receiver {
        Some(receiver) => receiver.receive().await,
        None => std::future::pending().await,
    }
}

/// The first full lane whose pipe has room again.
async fn writable(senders: &[Option<ChannelSender>; 2], full: [bool; 2]) -> Lane {
    let wait = |lane: Lane| async move {
        match &senders[lane.index()] {
            Some(sender) if full[lane.index()] => sender.writable().await,
            _ => std::future::pending().await,
        }
        lane
    };
    tokio::select! {
        lane = wait(Lane::Interactive) => lane,
        lane = wait(Lane::Bulk) => lane,
    }
}

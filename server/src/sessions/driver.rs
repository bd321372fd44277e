//! The dull loop between an endpoint, its connections and the service: take what came, drain the endpoint, wait.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tabagent_protocol::{
    Body, CallId, Code, ConnectionId as LinkId, Endpoint, Event, Fault, Input, Lane, Millis, Output, Request,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Arrival, SessionKey, Sessions,
    links::{Link, Links},
    lock,
    pipes::Heard,
    pump::{self, Part, Pump, Wish},
    registry::{self, Birth, Rest},
};
use crate::{
    Pace,
    service::{Asked, EventStream, Principal, Reverse, ReverseCaller, Stats},
    transport::Message,
};

/// Packets taken in one go before the endpoint is drained: frames that become ready together share packets.
const BATCH: usize = 32;
/// How exactly a session without a connection is counted, in bytes.
const GRAIN: usize = 16 * 1024;

/// Runs a session from its first hello to its end.
pub(super) async fn run(sessions: Arc<Sessions>, number: u64, birth: Birth, first: Arrival) {
    let service = &sessions.service;
    let principal = first.carrier.principal().clone();
    let (wishes, wished) = mpsc::channel(sessions.limits.session_queue);
    let (reverse, reversed) = ReverseCaller::channel(sessions.limits.session_queue);
    let events = service.events(number, &principal);
    let Birth { key, arrivals, evicted } = birth;
    let place = Place { sessions: Arc::clone(&sessions), key, number };
    let driver = Driver {
        endpoint: Endpoint::server(sessions.limits.session.clone(), sessions.boot),
        epoch: Instant::now(),
        place,
        principal,
        links: Links::default(),
        calls: HashMap::new(),
        asked: HashMap::new(),
        wishes,
        reverse,
        pace: Pace::new(&sessions.limits, first.carrier.loopback()),
        stats: Arc::clone(service.stats()),
        rest: None,
        left: false,
        closing: Vec::new(),
        ended: None,
    };
    let mut inbox = Inbox { arrivals, evicted, wished, reversed, events };
    let reason = driver.run(first, &mut inbox).await;
    tracing::info!(session = number, code = %reason.code, reason = %reason.message, "session ended");
    // Connections that came for it in this moment.
    inbox.arrivals.close();
    while let Some(late) = inbox.arrivals.recv().await {
        late.refuse(&registry::expired()).await;
    }
}

/// A session's place among all; dropping it gives the place up.
struct Place {
    sessions: Arc<Sessions>,
    key: SessionKey,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.sessions.registry).remove(&self.key, self.number);
    }
}

/// Everything that can wake the driver, but for its connections.
struct Inbox {
    arrivals: mpsc::Receiver<Arrival>,
    evicted: CancellationToken,
    wished: mpsc::Receiver<Wish>,
    reversed: mpsc::Receiver<Reverse>,
    events: EventStream,
}

struct Driver {
    endpoint: Endpoint,
    /// Where this session's clock begins.
    epoch: Instant,
    place: Place,
    principal: Principal,
    links: Links,
    /// The client's calls that are being answered here.
    calls: HashMap<CallId, Pump>,
    /// Our calls that the client is answering.
    asked: HashMap<CallId, oneshot::Sender<Result<Body, Fault>>>,
    wishes: mpsc::Sender<Wish>,
    reverse: ReverseCaller,
    /// How fast this session may ask.
    pace: Pace,
    stats: Arc<Stats>,
    /// What the registry was told last; none while there is a connection.
    rest: Option<Rest>,
    /// The client has said goodbye: nothing more need be said to it.
    left: bool,
    /// Connections that the endpoint gave up; closed when it has been drained.
    closing: Vec<LinkId>,
    ended: Option<Fault>,
}

impl Driver {
    async fn run(mut self, first: Arrival, inbox: &mut Inbox) -> Fault {
        self.arrive(first);
        loop {
            self.drain();
            if let Some(reason) = self.ended.clone() {
                while let Some(link) = self.links.pop() {
                    self.leave(link);
                }
                return reason;
            }
            self.count();
            self.wait(inbox).await;
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

    /// Another connection, the first or a later one.
    fn arrive(&mut self, arrival: Arrival) {
        let Arrival { carrier, hello, pipes } = arrival;
        let (session, epoch) = (self.place.number, hello.epoch);
        tracing::info!(session, connection = %carrier.id(), transport = carrier.kind(), epoch, "session attached");
        carrier.welcomed(self.links.made() > 0);
        let bulk = pipes.has(Lane::Bulk);
        let connection = self.links.add(carrier, pipes);
        let now = self.now();
        self.endpoint.accept(now, connection, &hello);
        if !bulk {
            self.input(Input::Full { connection, lane: Lane::Bulk });
        }
    }

    /// Does everything the endpoint wants done.
    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { connection, lane, packet } => self.transmit(connection, lane, packet),
                Output::Close { connection } => self.closing.push(connection),
                Output::Event(event) => self.event(event),
            }
        }
        for connection in std::mem::take(&mut self.closing) {
            if let Some(link) = self.links.remove(connection) {
                self.leave(link);
            }
        }
    }

    fn transmit(&mut self, connection: LinkId, lane: Lane, packet: Vec<u8>) {
        // Lost meanwhile; the endpoint knows.
        let Some(link) = self.links.find(connection) else { return };
        self.stats.sent(packet.len());
        match link.pipes.send(lane, packet) {
            Ok(full) => full.iter().for_each(|lane| self.input(Input::Full { connection, lane: *lane })),
            Err(_) => self.lost(connection),
        }
    }

    /// Waits for whatever comes first, and takes more of it if more is there.
    async fn wait(&mut self, inbox: &mut Inbox) {
        let now = self.now();
        let idle = self.endpoint.deadline().map_or(Duration::MAX, |due| Duration::from_millis(due.saturating_sub(now)));
        let ending = &self.place.sessions.ending;
        tokio::select! {
            (connection, heard) = self.links.next() => self.heard(connection, heard),
            Some(arrival) = inbox.arrivals.recv() => self.arrive(arrival),
            Some(wish) = inbox.wished.recv() => {
                self.wish(wish);
                for _ in 0..BATCH {
                    let Ok(wish) = inbox.wished.try_recv() else { break };
                    self.wish(wish);
                }
            }
            Some(reverse) = inbox.reversed.recv() => self.ask(reverse),
            body = inbox.events.next() => self.endpoint.publish(&body),
            () = ending.cancelled() => self.endpoint.close(super::draining()),
            () = inbox.evicted.cancelled() => self.endpoint.close(evicted()),
            () = tokio::time::sleep(idle) => self.input(Input::Tick),
        }
    }

    fn heard(&mut self, connection: LinkId, heard: Heard) {
        match heard {
            Heard::Message(lane, message) => {
                self.message(connection, &message);
                self.more(connection, lane);
            }
            Heard::Writable => {
                let freed = self.links.find(connection).map(|link| link.pipes.freed());
                freed.into_iter().flatten().for_each(|lane| self.input(Input::Writable { connection, lane }));
            }
            Heard::Channel(channel) => {
                let added = self.links.find(connection).and_then(|link| link.pipes.add(channel));
                added.into_iter().for_each(|lane| self.input(Input::Writable { connection, lane }));
            }
            Heard::Ended => self.lost(connection),
        }
    }

    fn message(&mut self, connection: LinkId, message: &Message) {
        // Text is no packet; the endpoint says so to the peer.
        let (Message::Binary(bytes) | Message::Text(bytes)) = message;
        self.stats.received(bytes.len());
        if let Some(link) = self.links.find(connection) {
            link.carrier.activity();
        }
        self.input(Input::Packet { connection, bytes });
    }

    fn more(&mut self, connection: LinkId, lane: Lane) {
        for _ in 1..BATCH {
            let Some(message) = self.links.find(connection).and_then(|link| link.pipes.try_receive(lane)) else { return };
            self.message(connection, &message);
        }
    }

    /// A connection is gone. What had arrived before is still heard: a goodbye above all.
    fn lost(&mut self, connection: LinkId) {
        Lane::ALL.into_iter().for_each(|lane| self.more(connection, lane));
        let Some(link) = self.links.remove(connection) else { return };
        tracing::info!(session = self.place.number, connection = %link.carrier.id(), "session lost a connection");
        link.carrier.close("its channels were closed");
        self.input(Input::Closed { connection });
    }

    /// A connection is given up: what was said last on it still leaves, unless nobody listens any more.
    fn leave(&self, link: Link) {
        let (session, id) = (self.place.number, link.carrier.id());
        let reason = match &self.ended {
            Some(reason) => {
                link.carrier.leaving(&reason.code);
                "its session ended"
            }
            None if self.endpoint.sending().is_some() => "its session goes on over another connection",
            None => "its session gave it up",
        };
        tracing::info!(session, connection = %id, reason, "session leaves a connection");
        if self.left {
            link.carrier.close(reason);
        } else {
            self.place.sessions.tasks.spawn(link.farewell(reason));
        }
    }

    /// Tells the registry what is kept without a connection.
    fn count(&mut self) {
        let rest = self.links.is_empty().then(|| Rest {
            since: self.rest.map_or_else(Instant::now, |rest| rest.since),
            bytes: self.endpoint.held_bytes().next_multiple_of(GRAIN),
            busy: self.endpoint.calls_in_flight() != (0, 0),
        });
        if rest != self.rest {
            self.rest = rest;
            lock(&self.place.sessions.registry).rests(&self.place.key, self.place.number, rest);
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
            Event::Moved { connection } => self.moved(connection),
            Event::Disconnected => tracing::info!(session = self.place.number, "session waits for a connection"),
            Event::Welcomed(_) | Event::Ended { .. } | Event::Published(_) | Event::Pong { .. } | Event::Expired(_) => {}
        }
    }

    fn moved(&mut self, connection: LinkId) {
        if let Some(Link { carrier, .. }) = self.links.find(connection) {
            tracing::info!(session = self.place.number, connection = %carrier.id(), transport = carrier.kind(), "session moved");
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
            principal: self.principal.clone(),
            session: Some(self.place.number),
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
                let service = Arc::clone(&self.place.sessions.service);
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

fn evicted() -> Fault {
    Fault::new(Code::SESSION_EXPIRED, "a session without a connection made room for others (limits disconnected_…)")
}

//! The dull loop between an endpoint, its connections and the service: take what came, drain the endpoint, wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tabagent_protocol::{Code, ConnectionId as LinkId, Endpoint, Event, Fault, Input, Lane, Millis, Output};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    Arrival, SessionKey, Sessions,
    calls::Calls,
    links::{Link, Links},
    lock,
    pipes::Heard,
    pump::Wish,
    registry::{self, Birth, Rest},
};
use crate::{
    Pace,
    drain::Drain,
    service::{EventStream, Principal, Reverse, ReverseCaller, Stats},
    transport::Message,
};

/// Packets taken in one go before the endpoint is drained: frames that become ready together share packets.
const BATCH: usize = 32;
/// How long a client that is told to come over another connection keeps the present one: opening another takes no longer anywhere.
const MOVE: Duration = Duration::from_secs(5);
/// How exactly a session without a connection is counted, in bytes.
const GRAIN: usize = 16 * 1024;

/// Runs a session from its first hello to its end.
pub(super) async fn run(sessions: Arc<Sessions>, number: u64, birth: Birth, first: Arrival) {
    let service = &sessions.service;
    let principal = first.carrier.principal().clone();
    let (wishes, wished) = mpsc::channel(sessions.limits.session_queue);
    let (reverse, reversed) = ReverseCaller::channel(sessions.limits.session_queue);
    let events = service.events(number, &principal);
    let pace = Pace::new(&sessions.limits, first.carrier.loopback());
    let Birth { key, arrivals, ended, settled } = birth;
    let place = Place { sessions: Arc::clone(&sessions), key, number };
    let driver = Driver {
        endpoint: Endpoint::server(sessions.limits.session.clone(), sessions.boot),
        epoch: Instant::now(),
        place,
        links: Links::default(),
        calls: Calls::new(service, principal.clone(), number, pace, wishes, reverse),
        stats: Arc::clone(service.stats()),
        rest: None,
        settled,
        announced: false,
        left: false,
        closing: Vec::new(),
        ended: None,
    };
    let moves = sessions.moves.subscribe();
    let mut inbox = Inbox { arrivals, ended, principal, moves, wished, reversed, events };
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
    /// Why it must end, when something outside says so.
    ended: mpsc::Receiver<Fault>,
    /// Whose it is: it ends with the welcome of that one.
    principal: Principal,
    /// Changes when all connections are to be left.
    moves: watch::Receiver<()>,
    wished: mpsc::Receiver<Wish>,
    reversed: mpsc::Receiver<Reverse>,
    events: EventStream,
}

struct Driver {
    endpoint: Endpoint,
    /// Where this session's clock begins.
    epoch: Instant,
    place: Place,
    links: Links,
    calls: Calls,
    stats: Arc<Stats>,
    /// What the registry was told last; none while there is a connection.
    rest: Option<Rest>,
    /// Once the end of the server was announced: whether nothing of this session is under way.
    settled: Arc<AtomicBool>,
    /// The end of the server was announced to the client.
    announced: bool,
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
            if self.place.sessions.drain.has_begun() && !self.announced {
                self.announce();
            }
            self.drain();
            if let Some(reason) = self.ended.clone() {
                while let Some(link) = self.links.pop() {
                    self.leave(link);
                }
                return reason;
            }
            self.count();
            self.settled.store(self.announced && self.endpoint.is_settled(), Ordering::Relaxed);
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
        let confined = carrier.confined();
        let connection = self.links.add(carrier, pipes);
        let now = self.now();
        self.endpoint.accept(now, connection, &hello);
        confined.into_iter().for_each(|bytes| self.endpoint.confine(connection, bytes));
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
            Err(_) => self.lost(connection, "it takes no more packets"),
        }
    }

    /// Waits for whatever comes first, and takes more of it if more is there.
    async fn wait(&mut self, inbox: &mut Inbox) {
        let now = self.now();
        let idle = self.endpoint.deadline().map_or(Duration::MAX, |due| Duration::from_millis(due.saturating_sub(now)));
        let end = &self.place.sessions.drain;
        tokio::select! {
            (connection, heard) = self.links.next() => self.heard(connection, heard),
            Some(arrival) = inbox.arrivals.recv() => self.arrive(arrival),
            Some(wish) = inbox.wished.recv() => {
                self.calls.wish(&mut self.endpoint, wish);
                for _ in 0..BATCH {
                    let Ok(wish) = inbox.wished.try_recv() else { break };
                    self.calls.wish(&mut self.endpoint, wish);
                }
            }
            Some(reverse) = inbox.reversed.recv() => self.calls.ask(&mut self.endpoint, now, reverse),
            body = inbox.events.next() => self.endpoint.publish(&body),
            Ok(()) = inbox.moves.changed() => self.links.all().into_iter().for_each(|connection| self.retire(connection)),
            () = end.begun().cancelled(), if !self.announced => {} // announced before anything else leaves
            () = end.over().cancelled() => self.endpoint.close(Drain::farewell()),
            Some(reason) = inbox.ended.recv() => self.endpoint.close(reason),
            () = inbox.principal.revoked() => self.endpoint.close(Principal::revocation()),
            () = tokio::time::sleep(idle) => self.input(Input::Tick),
        }
    }

    /// Tells the client that the server ends, and when. Until then the session goes on.
    fn announce(&mut self) {
        self.announced = true;
        let now = self.now();
        let left = self.place.sessions.drain.left().as_millis();
        let until = now.saturating_add(Millis::try_from(left).unwrap_or(Millis::MAX));
        self.endpoint.leave(now, until, Drain::farewell());
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
            Heard::Retiring => self.retire(connection),
            Heard::Ended(reason) => self.lost(connection, reason),
        }
    }

    /// Tells the client to come over another connection. Once it has, the endpoint closes this one; if it does not, it is cut.
    fn retire(&mut self, connection: LinkId) {
        let Some(link) = self.links.find(connection).filter(|link| !link.retired) else { return };
        link.retired = true;
        let carrier = Arc::clone(&link.carrier);
        tracing::info!(session = self.place.number, connection = %carrier.id(), "session is asked to leave a connection");
        let reason = Fault::new(Code::TRANSPORT_FAILED, "this connection will be closed: come over another one");
        self.endpoint.move_from(connection, MOVE.as_millis() as u32, reason);
        self.place.sessions.tasks.spawn(async move {
            if tokio::time::timeout(MOVE, carrier.closed().cancelled()).await.is_err() {
                carrier.close("its session did not leave it in time");
            }
        });
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
    fn lost(&mut self, connection: LinkId, reason: &'static str) {
        Lane::ALL.into_iter().for_each(|lane| self.more(connection, lane));
        let Some(link) = self.links.remove(connection) else { return };
        let (session, id, transport) = (self.place.number, link.carrier.id(), link.carrier.kind());
        tracing::info!(session, connection = %id, transport, reason, "session lost a connection");
        link.carrier.close(reason);
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
        let Self { calls, endpoint, .. } = self;
        match event {
            Event::Request { call, request } => calls.start(endpoint, call, request),
            Event::Cancelled { call } => calls.cancel(call),
            Event::Abandoned { call } => drop(calls.over(call)),
            Event::Writable { call } => calls.go_on(call),
            Event::Item { call, body, cost } => calls.item(endpoint, call, body, cost),
            Event::Ended { call } => calls.ended(call),
            Event::News { call, cost, .. } => endpoint.consumed(call, cost),
            Event::Response { call, body } => calls.answered(call, Ok(body)),
            Event::Failed { call, fault } => calls.answered(call, Err(fault)),
            Event::Closed(reason) => self.ended = Some(reason),
            Event::GoAway(away) => self.left = away.last,
            Event::Moved { connection } => self.moved(connection),
            Event::Disconnected => tracing::info!(session = self.place.number, "session waits for a connection"),
            Event::Welcomed(_) | Event::Published(_) | Event::Pong { .. } | Event::Expired(_) => {}
        }
    }

    fn moved(&mut self, connection: LinkId) {
        if let Some(Link { carrier, .. }) = self.links.find(connection) {
            tracing::info!(session = self.place.number, connection = %carrier.id(), transport = carrier.kind(), "session moved");
        }
    }
}

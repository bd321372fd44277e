//! Two endpoints, a clock that only this file moves, and the pipes between them.

use std::collections::VecDeque;

use tabagent_protocol::{
    Body, CallId, ConnectionId, Endpoint, Event, Fault, Input, Lane, Limits, Millis, Output, Request, frame::hello::Hello,
};

pub(crate) const LINK: ConnectionId = ConnectionId(7);
const LANES: usize = 2;

/// Packets of one lane on their way in one direction.
#[derive(Default)]
struct Pipe {
    packets: VecDeque<(Millis, Vec<u8>)>,
    /// The sender was told that the pipe is full.
    full: bool,
}

/// One side of the session and what its application heard.
pub(crate) struct Side {
    pub(crate) endpoint: Endpoint,
    pub(crate) heard: Vec<Event>,
    /// What it sends, per lane.
    pipes: [Pipe; LANES],
    /// It closed the transport.
    pub(crate) closed: bool,
}

/// How the network behaves.
pub(crate) struct Network {
    pub(crate) delay: Millis,
    /// Packets a pipe takes before it says that it is full.
    pub(crate) depth: usize,
    /// Nothing arrives.
    pub(crate) stalled: bool,
    /// The client hears nothing: what the server answers is only written down.
    pub(crate) deaf: bool,
}

pub(crate) struct Pair {
    pub(crate) now: Millis,
    pub(crate) client: Side,
    pub(crate) server: Side,
    pub(crate) network: Network,
    /// Every packet that arrived, in order: (from the client, lane, bytes).
    pub(crate) trace: Vec<(bool, Lane, Vec<u8>)>,
}

impl Side {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, heard: Vec::new(), pipes: Default::default(), closed: false }
    }

    /// The contract's second step: take outputs until there are none.
    fn drain(&mut self, now: Millis, network: &Network) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Event(event) => self.heard.push(event),
                Output::Close { .. } => self.closed = true,
                Output::Transmit { connection, lane, packet } => {
                    let pipe = &mut self.pipes[lane.index()];
                    pipe.packets.push_back((now + network.delay, packet));
                    if pipe.packets.len() >= network.depth {
                        pipe.full = true;
                        self.endpoint.handle(now, Input::Full { connection, lane });
                    }
                }
            }
        }
    }

    /// A packet of this side has arrived: the pipe has room again.
    fn take(&mut self, now: Millis, lane: Lane) -> Option<Vec<u8>> {
        let pipe = &mut self.pipes[lane.index()];
        pipe.packets.front().filter(|(due, _)| *due <= now)?;
        let (_, packet) = pipe.packets.pop_front()?;
        if std::mem::take(&mut pipe.full) {
            self.endpoint.handle(now, Input::Writable { connection: LINK, lane });
        }
        Some(packet)
    }

    fn next_due(&self, stalled: bool) -> Option<Millis> {
        let arrivals = self.pipes.iter().filter_map(|pipe| pipe.packets.front()).map(|packet| packet.0).filter(|_| !stalled);
        arrivals.chain(self.endpoint.deadline()).min()
    }

    /// What was heard since the last look.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.heard)
    }
}

impl Pair {
    pub(crate) fn new(limits: Limits) -> Self {
        let client = Side::new(Endpoint::client(Limits::default(), [1; 32]));
        let server = Side::new(Endpoint::server(limits, [9; 16]));
        let network = Network { delay: 1, depth: 64, stalled: false, deaf: false };
        Self { now: 1_000, client, server, network, trace: Vec::new() }
    }

    /// A server that has shaken hands with a client whose packets the test makes up.
    pub(crate) fn forged(limits: Limits) -> Self {
        let mut pair = Self::connected(limits);
        pair.network.deaf = true;
        pair
    }

    /// A pair that has shaken hands.
    pub(crate) fn connected(limits: Limits) -> Self {
        let mut pair = Self::new(limits);
        pair.open();
        pair.run();
        assert!(matches!(pair.client.events()[..], [Event::Welcomed(_)]));
        assert!(matches!(pair.server.events()[..], [Event::Welcomed(_)]));
        pair
    }

    pub(crate) fn open(&mut self) {
        self.client.endpoint.handle(self.now, Input::Opened { connection: LINK, bearer: None });
    }

    /// Moves packets and time until nothing is under way; timers beyond `limit` ms from now are not waited for.
    pub(crate) fn run_for(&mut self, limit: Millis) {
        let end = self.now + limit;
        loop {
            while self.deliver() {}
            let due = [self.client.next_due(self.network.stalled), self.server.next_due(self.network.stalled)];
            let Some(next) = due.into_iter().flatten().min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.tick();
        }
        self.now = end;
    }

    /// Until quiet, acknowledgements included, but shorter than any keepalive.
    pub(crate) fn run(&mut self) {
        self.run_for(200);
    }

    fn tick(&mut self) {
        self.client.endpoint.handle(self.now, Input::Tick);
        self.server.endpoint.handle(self.now, Input::Tick);
    }

    /// One packet each way, if any is due.
    fn deliver(&mut self) -> bool {
        self.client.drain(self.now, &self.network);
        self.server.drain(self.now, &self.network);
        if self.network.stalled {
            return false;
        }
        let mut moved = false;
        for lane in Lane::ALL {
            if let Some(packet) = self.client.take(self.now, lane) {
                moved = true;
                give(&mut self.server.endpoint, self.now, &packet);
                self.trace.push((true, lane, packet));
            }
            if let Some(packet) = self.server.take(self.now, lane) {
                moved = true;
                if !self.network.deaf {
                    self.client.endpoint.handle(self.now, Input::Packet { connection: LINK, bytes: &packet });
                }
                self.trace.push((false, lane, packet));
            }
        }
        moved
    }

    /// Another server session, which knows nothing of the first.
    pub(crate) fn renew_server(&mut self) {
        self.server = Side::new(Endpoint::server(Limits::default(), [9; 16]));
    }

    /// Bytes that no endpoint made arrive at the server.
    pub(crate) fn forge(&mut self, packet: &[u8]) {
        self.server.endpoint.handle(self.now, Input::Packet { connection: LINK, bytes: packet });
        self.run();
    }

    pub(crate) fn ask(&mut self, action: &str, body: &str) -> CallId {
        self.client.endpoint.call(self.now, request(action, body)).expect("a call")
    }

    /// The one request the server has heard.
    pub(crate) fn asked(&mut self) -> (CallId, Request) {
        match self.server.events().pop() {
            Some(Event::Request { call, request }) => (call, request),
            other => panic!("not a request: {other:?}"),
        }
    }
}

/// What a server's driver does: the first packet is a hello, and finds the session.
fn give(server: &mut Endpoint, now: Millis, packet: &[u8]) {
    match Hello::read(packet) {
        Ok(hello) => server.accept(now, LINK, &hello),
        Err(_) => server.handle(now, Input::Packet { connection: LINK, bytes: packet }),
    }
}

pub(crate) fn request(action: &str, body: &str) -> Request {
    Request { action: action.to_owned(), body: Body::json(body), ..Request::default() }
}

pub(crate) fn json(text: &str) -> Body {
    Body::json(text)
}

/// A JSON string of about this many bytes.
pub(crate) fn big(bytes: usize) -> Body {
    Body::json(format!("\"{}\"", "x".repeat(bytes)))
}

pub(crate) fn code(fault: &Fault) -> &str {
    fault.code.as_str()
}

//! Two ends and as many transports as a test wants, each packet delivered when the test says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tabagent_protocol::{Body, CallId, ConnectionId, Endpoint, Event, Input, Lane, Limits, Millis, Output, frame::hello::Hello};

use crate::pair::request;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

pub(crate) struct Rig {
    pub(crate) now: Millis,
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    pub(crate) client_heard: Vec<Event>,
    pub(crate) server_heard: Vec<Event>,
    /// Packets under way, by transport, way and lane.
    pipes: BTreeMap<u32, [[VecDeque<Vec<u8>>; 2]; 2]>,
    /// Transports whose hello the server has had.
    known: BTreeSet<u32>,
    /// Packets that a pipe takes before it is full.
    pub(crate) depth: usize,
    /// What both ends may have under way on a transport that is opened from now on.
    pub(crate) confined: Option<u32>,
}

impl Rig {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            now: 1_000,
            client: Endpoint::client(limits.clone(), [1; 32]),
            server: Endpoint::server(limits, [9; 16]),
            client_heard: Vec::new(),
            server_heard: Vec::new(),
            pipes: BTreeMap::new(),
            known: BTreeSet::new(),
            depth: usize::MAX,
            confined: None,
        }
    }

    /// A rig whose first transport stands.
    pub(crate) fn connected(limits: Limits) -> Self {
        let mut rig = Self::new(limits);
        rig.open(1);
        rig.flush();
        assert!(matches!(rig.client_heard.drain(..).collect::<Vec<_>>()[..], [Event::Welcomed(_)]));
        assert!(matches!(rig.server_heard.drain(..).collect::<Vec<_>>()[..], [Event::Welcomed(_)]));
        rig
    }

    /// The client opens a transport; its hello is under way.
    pub(crate) fn open(&mut self, id: u32) {
        self.pipes.insert(id, Default::default());
        self.client.handle(self.now, Input::Opened { connection: ConnectionId(id), bearer: None });
        self.confined.into_iter().for_each(|bytes| self.client.confine(ConnectionId(id), bytes));
        self.drain();
    }

    /// Bytes of data on their way in a lane.
    pub(crate) fn under_way(&self, id: u32, way: Way, lane: Lane) -> usize {
        let data = |packet: &&Vec<u8>| packet[0] == 2;
        self.pipes[&id][way as usize][lane.index()].iter().filter(data).map(Vec::len).sum()
    }

    pub(crate) fn drain(&mut self) {
        loop {
            let up = self.client.poll();
            let down = self.server.poll();
            if up.is_none() && down.is_none() {
                return;
            }
            self.output(Way::Up, up);
            self.output(Way::Down, down);
        }
    }

    fn output(&mut self, way: Way, output: Option<Output>) {
        match output {
            Some(Output::Transmit { connection, lane, packet }) => {
                let Some(pipes) = self.pipes.get_mut(&connection.0) else { return };
                let pipe = &mut pipes[way as usize][lane.index()];
                pipe.push_back(packet);
                if pipe.len() >= self.depth {
                    let sender = if way == Way::Up { &mut self.client } else { &mut self.server };
                    sender.handle(self.now, Input::Full { connection, lane });
                }
            }
            // Whoever closes a transport has the other end hear of it at once; what was under way is gone.
            Some(Output::Close { connection }) => self.lose(connection.0, way == Way::Down, way == Way::Up),
            Some(Output::Event(event)) => {
                if way == Way::Up { &mut self.client_heard } else { &mut self.server_heard }.push(event)
            }
            None => {}
        }
    }

    /// A transport is gone; the ends named hear of it.
    pub(crate) fn lose(&mut self, id: u32, tell_client: bool, tell_server: bool) {
        self.pipes.remove(&id);
        let connection = ConnectionId(id);
        if tell_client {
            self.client.handle(self.now, Input::Closed { connection });
        }
        if tell_server {
            self.server.handle(self.now, Input::Closed { connection });
        }
        self.drain();
    }

    /// A transport breaks and both ends hear of it.
    pub(crate) fn cut(&mut self, id: u32) {
        self.lose(id, true, true);
    }

    /// Delivers one packet; false when there is none.
    pub(crate) fn deliver(&mut self, id: u32, way: Way, lane: Lane) -> bool {
        let Some(pipe) = self.pipes.get_mut(&id).map(|pipes| &mut pipes[way as usize][lane.index()]) else { return false };
        let was_full = pipe.len() >= self.depth;
        let Some(packet) = pipe.pop_front() else { return false };
        let connection = ConnectionId(id);
        if was_full {
            let sender = if way == Way::Up { &mut self.client } else { &mut self.server };
            sender.handle(self.now, Input::Writable { connection, lane });
        }
        match way {
            Way::Down => self.client.handle(self.now, Input::Packet { connection, bytes: &packet }),
            Way::Up if self.known.insert(id) => {
                self.server.accept(self.now, connection, &Hello::read(&packet).expect("a hello"));
                self.confined.into_iter().for_each(|bytes| self.server.confine(connection, bytes));
            }
            Way::Up => self.server.handle(self.now, Input::Packet { connection, bytes: &packet }),
        }
        self.drain();
        true
    }

    /// The packet that will arrive first in lane 0.
    pub(crate) fn first(&self, id: u32, way: Way) -> Vec<u8> {
        self.pipes[&id][way as usize][Lane::Interactive.index()][0].clone()
    }

    /// All ways in which something is under way.
    pub(crate) fn pending(&self) -> Vec<(u32, Way, Lane)> {
        let mut pending = Vec::new();
        for (id, pipes) in &self.pipes {
            for way in [Way::Up, Way::Down] {
                pending.extend(
                    Lane::ALL
                        .into_iter()
                        .filter(|lane| !pipes[way as usize][lane.index()].is_empty())
                        .map(|lane| (*id, way, lane)),
                );
            }
        }
        pending
    }

    pub(crate) fn transports(&self) -> Vec<u32> {
        self.pipes.keys().copied().collect()
    }

    /// Delivers everything, until nothing is under way and no acknowledgement is due.
    pub(crate) fn flush(&mut self) {
        for _ in 0..2 {
            self.drain();
            while let Some((id, way, lane)) = self.pending().first().copied() {
                self.deliver(id, way, lane);
            }
            self.pass(30);
        }
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, ms: Millis) {
        self.now += ms;
        self.client.handle(self.now, Input::Tick);
        self.server.handle(self.now, Input::Tick);
        self.drain();
    }

    pub(crate) fn ask(&mut self, action: &str) -> CallId {
        let call = self.client.call(self.now, request(action, "{}")).expect("a call");
        self.drain();
        call
    }

    pub(crate) fn respond(&mut self, call: CallId, body: &str) {
        self.server.respond(call, Ok(Body::json(body)));
        self.drain();
    }

    /// The calls that the server has heard of since the last look.
    pub(crate) fn asked(&mut self) -> Vec<CallId> {
        let heard = std::mem::take(&mut self.server_heard);
        heard.iter().filter_map(|event| if let Event::Request { call, .. } = event { Some(*call) } else { None }).collect()
    }

    /// The answers that the client has had since the last look.
    pub(crate) fn answered(&mut self) -> Vec<(CallId, String)> {
        let heard = std::mem::take(&mut self.client_heard);
        let answers = heard.into_iter().filter_map(|event| match event {
            Event::Response { call, body } => Some((call, String::from_utf8(body.value).expect("text"))),
            _ => None,
        });
        answers.collect()
    }
}

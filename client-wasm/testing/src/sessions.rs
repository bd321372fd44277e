//! Which sessions there are, and whose connections: what a server's registry does, for tests.

use std::collections::VecDeque;

use js_sys::Array;
use tabagent_protocol::{
    Code, ConnectionId, Endpoint, Event, Fault, Input, Limits, Millis, Output,
    frame::{go_away::GoAway, hello::Hello},
};

use crate::output;

struct Session {
    number: u32,
    secret: [u8; 32],
    endpoint: Endpoint,
}

/// All of them.
pub(crate) struct Sessions {
    limits: Limits,
    /// Names this server.
    boot: [u8; 16],
    sessions: Vec<Session>,
    /// The number of the last one.
    named: u32,
    /// Connections that have said hello, and the number of their session.
    connections: Vec<(ConnectionId, u32)>,
    /// What is to be done that is no endpoint's.
    outputs: VecDeque<Output>,
}

impl Sessions {
    pub(crate) fn new(limits: Limits, boot: [u8; 16]) -> Self {
        Self { limits, boot, sessions: Vec::new(), named: 0, connections: Vec::new(), outputs: VecDeque::new() }
    }

    /// A packet has come.
    pub(crate) fn packet(&mut self, now: Millis, connection: ConnectionId, bytes: &[u8]) {
        let known = self.connections.iter().find(|row| row.0 == connection).map(|row| row.1);
        match (known, Hello::read(bytes)) {
            (Some(number), _) => {
                if let Some(endpoint) = self.find(number) {
                    endpoint.handle(now, Input::Packet { connection, bytes });
                }
            }
            (None, Ok(hello)) => self.hello(now, connection, &hello),
            (None, Err(violation)) => self.turn_away(connection, violation.into()),
        }
    }

    /// A connection is gone.
    pub(crate) fn closed(&mut self, now: Millis, connection: ConnectionId) {
        let Some(at) = self.connections.iter().position(|row| row.0 == connection) else { return };
        let (_, number) = self.connections.swap_remove(at);
        if let Some(endpoint) = self.find(number) {
            endpoint.handle(now, Input::Closed { connection });
        }
    }

    /// Time has passed; when to come back.
    pub(crate) fn tick(&mut self, now: Millis) -> Option<Millis> {
        self.sessions.iter_mut().for_each(|session| session.endpoint.handle(now, Input::Tick));
        self.sessions.iter().filter_map(|session| session.endpoint.deadline()).min()
    }

    /// The next thing to do.
    pub(crate) fn poll(&mut self) -> Option<Array> {
        loop {
            let (session, output) = self.next()?;
            if matches!(output, Output::Event(Event::Closed(_))) {
                self.sessions.retain(|each| each.number != session);
            }
            if let Some(array) = output::array(session, output) {
                return Some(array);
            }
        }
    }

    pub(crate) fn find(&mut self, number: u32) -> Option<&mut Endpoint> {
        self.sessions.iter_mut().find(|session| session.number == number).map(|session| &mut session.endpoint)
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self, boot: [u8; 16]) {
        *self = Self { named: self.named, ..Self::new(self.limits.clone(), boot) };
    }

    fn next(&mut self) -> Option<(u32, Output)> {
        let mut from_sessions = || self.sessions.iter_mut().find_map(|each| Some((each.number, each.endpoint.poll()?)));
        self.outputs.pop_front().map(|output| (0, output)).or_else(&mut from_sessions)
    }

    /// The first packet of a connection: to the session it names, or to a new one.
    fn hello(&mut self, now: Millis, connection: ConnectionId, hello: &Hello) {
        let number = match self.sessions.iter().find(|session| session.secret == hello.secret) {
            Some(session) => session.number,
            None if hello.welcomed => {
                return self.turn_away(connection, Fault::new(Code::SESSION_EXPIRED, "this session is gone; connect anew"));
            }
            None => self.begin(hello),
        };
        self.connections.push((connection, number));
        if let Some(endpoint) = self.find(number) {
            endpoint.accept(now, connection, hello);
        }
    }

    fn begin(&mut self, hello: &Hello) -> u32 {
        let replaced = |session: &&mut Session| hello.replaces.contains(&session.secret);
        for session in self.sessions.iter_mut().filter(replaced) {
            session
                .endpoint
                .close(Fault::new(Code::CLIENT_CRASHED, "its client crashed and has begun another session in its place"));
        }
        self.named += 1;
        let endpoint = Endpoint::server(self.limits.clone(), self.boot);
        self.sessions.push(Session { number: self.named, secret: hello.secret, endpoint });
        self.named
    }

    fn turn_away(&mut self, connection: ConnectionId, reason: Fault) {
        let packet = GoAway { last: true, deadline_ms: 0, reason }.packet();
        self.outputs.push_back(Output::Transmit { connection, lane: tabagent_protocol::Lane::Interactive, packet });
        self.outputs.push_back(Output::Close { connection });
    }
}

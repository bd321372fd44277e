//! From hello to welcome, and to the end: the life of the session.

use super::{
    ConnectionId, Endpoint, Event, NOW, Output, Phase,
    link::{CONNECTIONS, Link},
};
use crate::{
    CallId, Millis, VERSION,
    call::Call,
    error::{Code, Fault, Violation},
    frame::{go_away::GoAway, hello::Hello, welcome::Welcome},
    lane::{Class, Lane},
    text::{decimal, join},
};

impl Endpoint {
    /// Client: says who we are. Without another transport, lane 0 may be used at once: what is unacknowledged, then what is new.
    pub(super) fn opened(&mut self, now: Millis, connection: ConnectionId, bearer: Option<&str>) {
        let usable = matches!(self.phase, Phase::New | Phase::Standing) && !self.is_server();
        if !usable || self.links.len() >= CONNECTIONS || self.link(connection).is_some() {
            return self.output(Output::Close { connection });
        }
        self.epoch += 1;
        self.links.push(Link::new(now, connection, self.epoch, false));
        let hello = Hello {
            versions: (VERSION, VERSION),
            epoch: self.epoch,
            secret: self.secret,
            welcomed: self.phase == Phase::Standing,
            // What left behind hellos that were refused has not been read.
            sent: if self.refused + 1 == self.epoch { [0; 2] } else { self.lanes.each_ref().map(|lane| lane.sent) },
            received: self.lanes.each_ref().map(|lane| lane.received),
            bearer: bearer.map(str::to_owned),
            replaces: self.replaces.clone(),
        };
        self.send_control(connection, hello.packet());
        if self.sending.is_none() {
            self.send_on(connection);
        }
    }

    /// Server: welcomes a client's hello, the first or a later one, or refuses it with a reason. Drain [`Endpoint::poll`] afterwards.
    pub fn accept(&mut self, now: Millis, connection: ConnectionId, hello: &Hello) {
        self.now = now;
        if self.phase == Phase::Closed || hello.epoch <= self.epoch {
            // An older hello that was overtaken: its client is here already.
            return self.output(Output::Close { connection });
        }
        let first = self.phase == Phase::New;
        self.make_room(now);
        self.links.push(Link::new(now, connection, hello.epoch, first));
        if !(hello.versions.0..=hello.versions.1).contains(&VERSION) {
            let [ours, from, to] = [VERSION, hello.versions.0, hello.versions.1].map(|version| decimal(version.into()));
            let spoken = join(&["this server speaks version ", &ours, ", the client ", &from, " to ", &to]);
            return self.fail(Fault::new(Code::VERSION_MISMATCH, spoken));
        }
        // More than was ever sent: somebody else went on with this secret.
        if hello.received.iter().zip(&self.lanes).any(|(received, lane)| *received > lane.sent) {
            return self.fail(Violation::WrongCounts.into());
        }
        for (lane, received) in self.lanes.iter_mut().zip(hello.received) {
            lane.acknowledge(self.now, received, &self.limits);
        }
        self.epoch = hello.epoch;
        self.lost_at = None;
        let welcome = Welcome {
            version: VERSION,
            resumed: !first,
            epoch: hello.epoch,
            boot: self.boot,
            received: self.lanes.each_ref().map(|lane| lane.received),
            message_bytes: self.limits.message_bytes,
            calls: self.limits.calls,
            call_window: self.limits.call_window,
            keepalive_ms: u32::try_from(self.limits.keepalive).unwrap_or(u32::MAX),
        };
        self.send_control(connection, welcome.packet());
        if let Some(away) = self.announcement() {
            self.send_control(connection, away.packet());
        }
        if first {
            self.phase = Phase::Standing;
            self.send_on(connection);
            self.tell(Event::Welcomed(welcome));
        }
    }

    /// Gives up the transport that is least needed, when there are too many.
    fn make_room(&mut self, now: Millis) {
        if self.links.len() < CONNECTIONS {
            return;
        }
        let oldest = self.links.iter().filter(|link| Some(link.connection) != self.sending).min_by_key(|link| link.epoch);
        if let Some(connection) = oldest.map(|link| link.connection) {
            self.drop_link(now, connection);
        }
    }

    /// Client: the server's answer. The newest hello that is answered says where the session goes on.
    pub(super) fn welcomed(&mut self, connection: ConnectionId, welcome: Welcome) -> Result<(), Violation> {
        let present =
            self.links.iter().find(|link| Some(link.connection) == self.sending && link.proven).map_or(0, |link| link.epoch);
        let server = self.is_server();
        let Some(link) = self.link(connection).filter(|_| !server) else {
            return Err(Violation::Misplaced);
        };
        if welcome.version != VERSION || welcome.epoch != link.epoch {
            return Err(Violation::WrongEpoch);
        }
        if link.proven || link.epoch < present {
            return Ok(()); // said before, or overtaken by a later hello: the server will close it
        }
        link.proven = true;
        for (lane, received) in self.lanes.iter_mut().zip(welcome.received) {
            // More than we ever sent: somebody else went on with this secret.
            if received > lane.sent {
                return Err(Violation::WrongCounts);
            }
            lane.acknowledge(self.now, received, &self.limits);
        }
        self.ours.iter_mut().for_each(Call::settle_behind);
        self.ack_at = Some(NOW); // proves to the server that its welcome arrived
        let first = self.phase == Phase::New;
        self.phase = Phase::Standing;
        if self.sending != Some(connection) {
            self.send_on(connection);
        }
        if first {
            self.replaces.clear();
            welcome.apply(&mut self.limits);
            self.tell(Event::Welcomed(welcome));
        } else {
            self.tell(Event::Moved { connection });
        }
        Ok(())
    }

    /// Client: the session is gone at the server. What had left may have been carried out; what had not, waits for the next one.
    pub(super) fn expire(&mut self, reason: Fault) {
        if self.phase == Phase::Closed {
            return;
        }
        self.close_links();
        self.phase = Phase::Expired;
        self.holding = false;
        self.lost_at = None;
        self.abandon_theirs();
        for id in self.ours.ids(&|call| call.sent) {
            self.take_call(id);
            self.tell(Event::Failed { call: CallId(id), fault: unknown(id, &reason) });
        }
        self.lanes = Default::default();
        self.ack_at = None;
        self.event_partial = None;
        self.assembling = 0;
        for (id, call) in self.ours.iter() {
            if let Some(message) = call.queue.front() {
                self.lanes[call.lane.index()].schedule(Class::of(message), *id);
            }
        }
        self.tell(Event::Expired(reason));
    }

    /// Client: begins the next session in place of one that has expired, with the calls that never left.
    pub fn restart(&mut self, secret: [u8; 32]) {
        if self.phase == Phase::Expired {
            self.phase = Phase::New;
            self.secret = secret;
            self.epoch = 0;
            self.refused = 0;
        }
    }

    /// Client: says with every hello, until one is welcomed, that this session takes the place of those with these secrets.
    pub fn replace(&mut self, secrets: Vec<[u8; 32]>) {
        self.replaces = secrets;
    }

    /// Ends the session because of the peer, telling it why.
    pub(super) fn fail(&mut self, fault: Fault) {
        let away = GoAway { last: true, deadline_ms: 0, reason: fault.clone() }.packet();
        for at in 0..self.links.len() {
            self.send_control(self.links[at].connection, away.clone());
        }
        self.end(fault);
    }

    /// Settles everything and closes. Calls that never left have not been carried out, and say so.
    pub(super) fn end(&mut self, reason: Fault) {
        if self.phase == Phase::Closed {
            return;
        }
        self.close_links();
        self.phase = Phase::Closed;
        self.lost_at = None;
        for (id, call) in self.ours.take() {
            let fault = if call.sent { unknown(id, &reason) } else { reason.clone() };
            self.tell(Event::Failed { call: CallId(id), fault });
        }
        self.abandon_theirs();
        self.tell(Event::Closed(reason));
    }

    fn close_links(&mut self) {
        self.sending = None;
        for link in core::mem::take(&mut self.links) {
            self.output(Output::Close { connection: link.connection });
        }
    }

    /// Nobody waits for our answers any more.
    fn abandon_theirs(&mut self) {
        for (id, call) in self.theirs.take() {
            if call.announced && !call.settled {
                self.tell(Event::Abandoned { call: CallId(id) });
            }
        }
    }

    /// Timers: deadlines of calls, of welcomes, keepalive, the window in which a lost transport is replaced.
    pub(super) fn tick(&mut self, now: Millis) {
        self.expire_calls(now);
        self.watch_links(now);
        if self.lost_at.is_some_and(|at| now >= at + self.limits.window) {
            let fault = Fault::new(Code::SESSION_EXPIRED, "no connection came back in time");
            if self.is_server() { self.end(fault) } else { self.expire(fault) }
        }
    }

    pub(super) fn send_control(&mut self, connection: ConnectionId, packet: Vec<u8>) {
        self.output(Output::Transmit { connection, lane: Lane::Interactive, packet });
    }
}

/// The ping's number that no application gave.
pub(super) const KEEPALIVE: u64 = 0;

fn unknown(id: u32, reason: &Fault) -> Fault {
    let call = decimal(id.into());
    let message = join(&[
        "call ",
        &call,
        " had been sent when the session ended (",
        &reason.message,
        "); it may or may not have been carried out",
    ]);
    Fault::new(Code::OUTCOME_UNKNOWN, message)
}

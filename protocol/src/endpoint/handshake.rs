//! From hello to welcome, and to the end: the life of the session's connection.

use super::{ConnectionId, Endpoint, Event, NOW, Output, Phase, Role};
use crate::{
    CallId, Millis, VERSION,
    error::{Code, Fault, Violation},
    frame::{go_away::GoAway, hello::Hello, welcome::Welcome},
    lane::Lane,
};

impl Endpoint {
    /// Client: says who we are. Lane 0 may be used at once; lane 1 waits for the welcome.
    pub(super) fn opened(&mut self, now: Millis, connection: ConnectionId) {
        if self.phase != Phase::Idle {
            return self.outputs.push_back(Output::Close { connection });
        }
        self.heard = now;
        self.phase = Phase::Opening { connection, since: now };
        self.epoch += 1;
        self.lanes[0].writable = true;
        let hello = Hello {
            versions: (VERSION, VERSION),
            epoch: self.epoch,
            secret: self.secret,
            welcomed: false,
            sent: self.lanes.each_ref().map(|lane| lane.sent),
            received: self.lanes.each_ref().map(|lane| lane.received),
            bearer: None,
        };
        self.send_control(connection, hello.packet());
    }

    /// Server: welcomes a client's hello, or refuses it with a reason. Drain [`Endpoint::poll`] afterwards.
    pub fn accept(&mut self, now: Millis, connection: ConnectionId, hello: &Hello) {
        if self.phase != Phase::Idle {
            return self.outputs.push_back(Output::Close { connection });
        }
        self.heard = now;
        self.phase = Phase::Live { connection };
        if !(hello.versions.0..=hello.versions.1).contains(&VERSION) {
            let spoken = format!("this server speaks version {VERSION}, the client {} to {}", hello.versions.0, hello.versions.1);
            return self.fail(Fault::new(Code::VERSION_MISMATCH, spoken));
        }
        if hello.sent != [0, 0] || hello.received != [0, 0] {
            return self.fail(Violation::WrongCounts.into());
        }
        self.epoch = hello.epoch;
        for lane in &mut self.lanes {
            lane.writable = true;
        }
        let welcome = Welcome {
            version: VERSION,
            resumed: false,
            epoch: hello.epoch,
            boot: self.boot,
            received: self.lanes.each_ref().map(|lane| lane.received),
            message_bytes: self.limits.message_bytes,
            calls: self.limits.calls,
            call_window: self.limits.call_window,
            keepalive_ms: u32::try_from(self.limits.keepalive).unwrap_or(u32::MAX),
        };
        self.send_control(connection, welcome.packet());
        self.tell(Event::Welcomed(welcome));
    }

    /// Client: the server's answer.
    pub(super) fn welcomed(&mut self, welcome: Welcome) -> Result<(), Violation> {
        let Phase::Opening { connection, .. } = self.phase else {
            return Err(Violation::Misplaced);
        };
        if welcome.version != VERSION || welcome.epoch != self.epoch {
            return Err(Violation::WrongEpoch);
        }
        self.phase = Phase::Live { connection };
        welcome.apply(&mut self.limits);
        self.lanes[1].writable = true;
        self.ack_at = Some(NOW); // proves to the server that its welcome arrived
        self.tell(Event::Welcomed(welcome));
        Ok(())
    }

    pub(super) fn peer_goes(&mut self, away: GoAway) {
        let over = away.last && away.deadline_ms == 0;
        let reason = away.reason.clone();
        self.tell(Event::GoAway(away));
        if over {
            self.end(reason);
        }
    }

    /// The transport is gone, and with it this session.
    pub(super) fn lost(&mut self) {
        self.phase = Phase::Idle;
        self.end(Fault::new(Code::TRANSPORT_FAILED, "the connection was lost"));
    }

    /// Ends the session because of the peer, telling it why.
    pub(super) fn fail(&mut self, fault: Fault) {
        if let Some(connection) = self.connection() {
            self.send_control(connection, GoAway { last: true, deadline_ms: 0, reason: fault.clone() }.packet());
        }
        self.end(fault);
    }

    /// Settles everything and closes. Calls that never left have not been carried out, and say so.
    pub(super) fn end(&mut self, reason: Fault) {
        if self.phase == Phase::Closed {
            return;
        }
        if let Some(connection) = self.connection() {
            self.outputs.push_back(Output::Close { connection });
        }
        self.phase = Phase::Closed;
        for (id, call) in self.ours.take() {
            let fault = if call.sent { unknown(id, &reason) } else { reason.clone() };
            self.tell(Event::Failed { call: CallId(id), fault });
        }
        for (id, call) in self.theirs.take() {
            if call.announced && !call.settled {
                self.tell(Event::Cancelled { call: CallId(id) });
            }
        }
        self.tell(Event::Closed(reason));
    }

    /// Timers: deadlines of calls, the welcome's, keepalive.
    pub(super) fn tick(&mut self, now: Millis) {
        self.expire_calls(now);
        if self.vigil().is_none_or(|due| now < due) {
            return;
        }
        match self.phase {
            Phase::Opening { .. } => {
                self.fail(Fault::new(Code::TRANSPORT_FAILED, "the server did not welcome the session in time"))
            }
            Phase::Live { .. } if self.asked < self.limits.keepalive_misses => {
                self.asked += 1;
                self.ping.get_or_insert(KEEPALIVE);
            }
            Phase::Live { .. } => self.lost_silently(),
            Phase::Idle | Phase::Closed => {}
        }
    }

    /// When the connection must have proved to be alive.
    pub(super) fn vigil(&self) -> Option<Millis> {
        match (self.phase, self.role) {
            (Phase::Opening { since, .. }, _) => Some(since + self.limits.welcome),
            // The server asks; a browser's timers sleep with its tab, so the client only answers.
            (Phase::Live { .. }, Role::Server) => Some(self.heard + self.limits.keepalive * Millis::from(self.asked + 1)),
            _ => None,
        }
    }

    fn lost_silently(&mut self) {
        if let Some(connection) = self.connection() {
            self.outputs.push_back(Output::Close { connection });
        }
        self.lost();
    }

    pub(super) fn send_control(&mut self, connection: ConnectionId, packet: Vec<u8>) {
        self.outputs.push_back(Output::Transmit { connection, lane: Lane::Interactive, packet });
    }
}

/// The ping's number that no application gave.
pub(super) const KEEPALIVE: u64 = 0;

fn unknown(id: u32, reason: &Fault) -> Fault {
    let message =
        format!("call {id} had been sent when the session ended ({}); it may or may not have been carried out", reason.message);
    Fault::new(Code::OUTCOME_UNKNOWN, message)
}

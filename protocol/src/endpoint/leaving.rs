//! Ends that are announced: of a session, of one of its transports.

use super::{ConnectionId, Endpoint, Event, Phase};
use crate::{
    Millis,
    call::Call,
    error::{Code, Fault},
    frame::go_away::GoAway,
};

impl Endpoint {
    /// The peer has announced an end: of its session, of this transport, or that there will be no session.
    pub(super) fn peer_goes(&mut self, now: Millis, connection: ConnectionId, away: GoAway) {
        let over = away.last && away.deadline_ms == 0;
        let (last, client) = (away.last, !self.is_server());
        let reason = away.reason.clone();
        // In place of a welcome: what left behind this hello has not been read.
        let refused = client && self.link(connection).is_some_and(|link| !link.proven);
        if over && self.unanswered() == Some(connection) {
            self.ours.iter_mut().filter(|call| call.behind == Some(connection)).for_each(Call::take_back);
        }
        if over && reason.code == Code::SESSION_EXPIRED && client {
            // An answer to a hello; whether another transport still has the session is another matter.
            self.drop_link(now, connection);
            if !self.links.iter().any(|link| link.proven) {
                self.expire(reason);
            }
            return;
        }
        self.tell(Event::GoAway(away));
        if over && reason.code == Code::DRAINING && client && self.phase == Phase::Standing {
            return self.expire(reason); // there will be another server process
        }
        if over {
            return self.end(reason);
        }
        if refused {
            self.refused += 1;
            self.drop_link(now, connection);
        } else if last && client {
            self.hold();
        }
    }

    /// Client: calls that have not left wait for the next session, in which they will be carried out.
    fn hold(&mut self) {
        self.holding = true;
        for (id, call) in self.ours.iter().filter(|(_, call)| !call.sent) {
            self.lanes[call.lane.index()].withdraw(*id);
        }
    }

    /// Server: announces on every transport, now and later, that the session will end at `until` for this reason. Until then it goes
    /// on, also over other transports; [`Endpoint::close`] ends it.
    pub fn leave(&mut self, now: Millis, until: Millis, reason: Fault) {
        self.now = now;
        self.leaving = Some((until, reason));
        let Some(away) = self.announcement() else { return };
        for at in 0..self.links.len() {
            self.send_control(self.links[at].connection, away.packet());
        }
    }

    /// What a new transport is told behind its welcome.
    pub(super) fn announcement(&self) -> Option<GoAway> {
        let (until, reason) = self.leaving.as_ref()?;
        let left = until.saturating_sub(self.now).max(1);
        Some(GoAway { last: true, deadline_ms: u32::try_from(left).unwrap_or(u32::MAX), reason: reason.clone() })
    }

    /// Server: asks the client to come over another transport before this one is closed, in so many milliseconds. Calls go on.
    pub fn move_from(&mut self, connection: ConnectionId, within_ms: u32, reason: Fault) {
        if self.link(connection).is_some() {
            self.send_control(connection, GoAway { last: false, deadline_ms: within_ms, reason }.packet());
        }
    }
}

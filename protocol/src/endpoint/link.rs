//! The transports of a session: at most three at a time, one of which data leaves on.
//!
//! A session moves by a hello with a higher epoch on another transport. The client moves its sending when the welcome arrives
//! there, the server when an acknowledgement of that epoch proves that it did. Whoever moves sends again what is
//! unacknowledged, so nothing that was under way is lost; numbers tell what the peer has already had.

use super::{ConnectionId, Endpoint, Event, NOW, Output};
use crate::{Millis, call::Call, lane::Lane};

/// Transports of one session at a time: the one in use, its successor, and one that has not noticed yet.
pub(super) const CONNECTIONS: usize = 3;

/// One transport that has carried a hello.
pub(super) struct Link {
    pub(super) connection: ConnectionId,
    /// Of its hello.
    pub(super) epoch: u32,
    /// When its hello left or came.
    pub(super) since: Millis,
    /// Client: its welcome has come. Server: the client has it.
    pub(super) proven: bool,
    /// Bytes of each lane that may be unacknowledged on it, where it cannot say that it wants no more.
    confined: Option<u32>,
    /// Lanes whose pipe wants no more for now.
    pub(super) full: [bool; 2],
    /// When the peer was last heard on it, and how often it was asked since.
    pub(super) heard: Millis,
    pub(super) asked: u32,
    /// A keepalive to send, and a ping to answer.
    pub(super) ping: bool,
    pub(super) pong: Option<u64>,
}

impl Link {
    pub(super) fn new(now: Millis, connection: ConnectionId, epoch: u32, proven: bool) -> Self {
        Self {
            connection,
            epoch,
            since: now,
            proven,
            confined: None,
            full: [false; 2],
            heard: now,
            asked: 0,
            ping: false,
            pong: None,
        }
    }

    /// When it must have proved to be alive.
    fn vigil(&self, server: bool, keepalive: Millis, welcome: Millis) -> Option<Millis> {
        // The server asks; a browser's timers sleep with its tab, so the client only answers.
        if server {
            return Some(self.heard + keepalive * Millis::from(self.asked + 1));
        }
        if self.proven { None } else { Some(self.since + welcome) }
    }
}

impl Endpoint {
    /// The transport that data leaves on; none while disconnected.
    #[must_use]
    pub fn sending(&self) -> Option<ConnectionId> {
        self.sending
    }

    /// Keeps what is sent on a transport and not acknowledged below so many bytes in each lane, sent again or new: for one that cannot say
    /// [`Input::Full`](super::Input::Full), because nobody tells it how much of what it took is still on its way. Ask for it with its hello.
    pub fn confine(&mut self, connection: ConnectionId, bytes: u32) {
        let Some(link) = self.link(connection) else { return };
        link.confined = Some(bytes);
        if self.sending == Some(connection) {
            self.lanes.iter_mut().for_each(|lane| lane.confined = Some(bytes));
        }
    }

    pub(super) fn link(&mut self, connection: ConnectionId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.connection == connection)
    }

    /// Client: the transport that data leaves on, while its hello is not answered.
    pub(super) fn unanswered(&self) -> Option<ConnectionId> {
        self.links.iter().find(|link| Some(link.connection) == self.sending && !link.proven).map(|link| link.connection)
    }

    /// Whether a lane's pipe takes packets now. A client's bulk lane waits for the welcome.
    pub(super) fn open(&self, lane: Lane) -> bool {
        let link = self.links.iter().find(|link| Some(link.connection) == self.sending);
        link.is_some_and(|link| !link.full[lane.index()] && (link.proven || lane == Lane::Interactive))
    }

    /// Moves the sending here; what is unacknowledged is sent again.
    pub(super) fn send_on(&mut self, connection: ConnectionId) {
        self.sending = Some(connection);
        self.lost_at = None;
        // What was acknowledged over the transport before may not have arrived.
        self.ack_at = Some(NOW);
        let confined = self.link(connection).and_then(|link| link.confined);
        for lane in &mut self.lanes {
            lane.rewind(self.now, confined);
        }
    }

    /// The same, and tells the application.
    pub(super) fn move_to(&mut self, connection: ConnectionId) {
        self.send_on(connection);
        self.tell(Event::Moved { connection });
    }

    /// A transport is gone. The session lives on over another, or waits for one.
    pub(super) fn lost(&mut self, now: Millis, connection: ConnectionId) {
        self.links.retain(|link| link.connection != connection);
        // What left behind its hello may have been read.
        self.ours.iter_mut().filter(|call| call.behind == Some(connection)).for_each(Call::settle_behind);
        if self.sending == Some(connection) {
            self.sending = None;
            self.fall_back();
        }
        if self.links.is_empty() && self.lost_at.is_none() {
            self.lost_at = Some(now);
            self.tell(Event::Disconnected);
        }
    }

    /// Goes on over the best transport left: one that is welcomed, or, for a client, one whose hello is under way.
    fn fall_back(&mut self) {
        let best = self.links.iter().filter(|link| link.proven || !self.is_server()).max_by_key(|link| (link.proven, link.epoch));
        match best.map(|link| (link.connection, link.proven)) {
            Some((connection, true)) => self.move_to(connection),
            Some((connection, false)) => self.send_on(connection),
            None => {}
        }
    }

    /// Gives a transport up and closes it.
    pub(super) fn drop_link(&mut self, now: Millis, connection: ConnectionId) {
        self.output(Output::Close { connection });
        self.lost(now, connection);
    }

    /// Closes the transports that the session has moved away from.
    pub(super) fn close_older(&mut self, epoch: u32) {
        let outputs = &mut self.outputs;
        self.links.retain(|link| {
            let older = link.epoch < epoch;
            if older {
                outputs.push_back(Box::new(Output::Close { connection: link.connection }));
            }
            !older
        });
    }

    /// Says when a transport must have proved to be alive, and when the session must have one again.
    pub(super) fn vigil(&self, due: &mut dyn FnMut(Option<Millis>)) {
        for link in &self.links {
            due(link.vigil(self.is_server(), self.limits.keepalive, self.limits.welcome));
        }
        due(self.lost_at.map(|at| at + self.limits.window));
        due(self.owed().map(|owed| owed.0));
    }

    /// When the peer must have acknowledged something, and the transport it should have done so over. A transport may look
    /// alive and still have stopped carrying data.
    fn owed(&self) -> Option<(Millis, ConnectionId)> {
        let since = self.lanes.iter().filter_map(|lane| lane.owed_since).min()?;
        Some((since + self.limits.keepalive * Millis::from(self.limits.keepalive_misses + 1), self.sending?))
    }

    /// Asks after transports that are silent, and gives up those that stay so.
    pub(super) fn watch_links(&mut self, now: Millis) {
        let (server, keepalive, welcome) = (self.is_server(), self.limits.keepalive, self.limits.welcome);
        let misses = self.limits.keepalive_misses;
        let mut dead: Vec<_> = self.owed().filter(|(due, _)| *due <= now).map(|(_, connection)| connection).into_iter().collect();
        for link in &mut self.links {
            if link.vigil(server, keepalive, welcome).is_none_or(|due| now < due) {
                continue;
            }
            if server && link.asked < misses {
                link.asked += 1;
                link.ping = true;
            } else {
                dead.push(link.connection);
            }
        }
        for connection in dead {
            self.drop_link(now, connection);
        }
    }
}

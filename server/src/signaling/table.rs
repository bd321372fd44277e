//! Which connections there are, and which there were a moment ago.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tabagent_protocol::{
    Fault,
    signaling::{ConnectionInfo, ConnectionState},
};

use super::{
    Connection, ConnectionId,
    admission::{Admission, Visitor},
};
use crate::{limits::ServerLimits, service::Principal};

/// Ended connections that can still be looked up; the oldest are forgotten first.
const REMEMBERED: usize = 256;

/// How many connections there are, by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Ever admitted.
    pub total: u64,
    /// Not ended.
    pub active: u64,
    /// Of these, not connected yet.
    pub waiting: u64,
    /// Of these, connected.
    pub connected: u64,
    /// Ended because the path was lost, and not forgotten yet.
    pub disconnected: u64,
    /// Ended for a time limit, ever.
    pub cleaned_up: u64,
}

/// All connections of a server. Those that were not negotiated here (WebSockets) are only counted.
pub(super) struct Table {
    pub(super) admission: Admission,
    live: HashMap<ConnectionId, Arc<Connection>>,
    /// Oldest first.
    ended: VecDeque<Ended>,
    /// How long they can still be looked up.
    keep: Duration,
    swept: Instant,
    /// Those among them that were not negotiated here and are alive.
    foreign: u64,
    admitted: u64,
    cleaned_up: u64,
}

/// What is left of a connection.
struct Ended {
    at: Instant,
    id: ConnectionId,
    principal: Principal,
    info: ConnectionInfo,
}

impl Table {
    pub(super) fn new(limits: &ServerLimits) -> Self {
        Self {
            admission: Admission::new(limits.clone()),
            live: HashMap::new(),
            ended: VecDeque::new(),
            keep: Duration::from_millis(limits.cleanup),
            swept: Instant::now(),
            foreign: 0,
            admitted: 0,
            cleaned_up: 0,
        }
    }

    /// A connection begins.
    pub(super) fn insert(&mut self, connection: &Arc<Connection>) {
        self.admitted += 1;
        self.live.insert(connection.id, Arc::clone(connection));
    }

    /// A connection that is not negotiated here takes a place; one that `resumes` a session is not new.
    pub(super) fn admit_foreign(&mut self, id: ConnectionId, visitor: Visitor, resumes: bool) -> Result<(), Fault> {
        self.sweep();
        match resumes {
            true => self.admission.take_more(id, visitor)?,
            false => self.admission.take(Instant::now(), id, visitor)?,
        }
        self.foreign += 1;
        self.admitted += 1;
        Ok(())
    }

    /// A place is given back.
    pub(super) fn leave(&mut self, id: ConnectionId, foreign: bool) {
        self.foreign -= u64::from(foreign);
        self.admission.release(id);
    }

    /// A principal's own connection that has not ended.
    pub(super) fn live(&self, principal: &Principal, id: ConnectionId) -> Option<&Arc<Connection>> {
        self.live.get(&id).filter(|connection| connection.principal == *principal)
    }

    /// What is left of a principal's own connection that has ended.
    pub(super) fn ended(&self, principal: &Principal, id: ConnectionId) -> Option<&ConnectionInfo> {
        self.ended.iter().find(|ended| ended.id == id && ended.principal == *principal).map(|ended| &ended.info)
    }

    /// All connections that have not ended.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.live.values()
    }

    /// A connection is nobody's business any more.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.live.remove(&id);
        self.ended.retain(|ended| ended.id != id);
    }

    /// A connection is over: it can be looked up for a while, unless it was forgotten.
    pub(super) fn retire(&mut self, connection: &Connection, for_time: bool) {
        self.cleaned_up += u64::from(for_time);
        if self.live.remove(&connection.id).is_none() {
            return;
        }
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        let principal = connection.principal.clone();
        self.ended.push_back(Ended { at: Instant::now(), id: connection.id, principal, info: connection.info() });
    }

    /// Forgets what is over for long. What this frees is a few hundred bytes each: sockets are freed by their deadlines.
    pub(super) fn sweep(&mut self) {
        let now = Instant::now();
        while self.ended.front().is_some_and(|ended| now.duration_since(ended.at) >= self.keep) {
            self.ended.pop_front();
        }
        if now.duration_since(self.swept) >= self.keep {
            self.swept = now;
            self.admission.sweep(now);
        }
    }

    /// How many there are.
    pub(super) fn counts(&self) -> ConnectionCounts {
        let connected = self.all().filter(|connection| connection.phase() == ConnectionState::Connected).count() as u64;
        let disconnected = self.ended.iter().filter(|ended| ended.info.state == ConnectionState::Disconnected).count() as u64;
        // A WebSocket is connected from its first moment.
        let (active, connected) = (self.live.len() as u64 + self.foreign, connected + self.foreign);
        let (total, cleaned_up) = (self.admitted, self.cleaned_up);
        ConnectionCounts { total, active, waiting: active - connected, connected, disconnected, cleaned_up }
    }
}

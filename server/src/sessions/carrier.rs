//! What a session must know of a connection that carries it, whatever kind of transport that is.

use tabagent_protocol::Code;
use tokio_util::sync::CancellationToken;

use crate::{
    service::Principal,
    signaling::{Connection, ConnectionId, Place},
    transport::Step,
};

/// A connection, as the session on it sees it.
pub(crate) trait Carrier: Send + Sync {
    /// Its name in logs.
    fn id(&self) -> ConnectionId;

    /// What it is made of: a rung of the ladder.
    fn kind(&self) -> &'static str;

    /// Whose it is.
    fn principal(&self) -> &Principal;

    /// Whether the client is on this machine.
    fn loopback(&self) -> bool;

    /// Bytes of each lane that may be unacknowledged on it, where it cannot say how full it is.
    fn confined(&self) -> Option<u32> {
        None
    }

    /// Cancelled when the connection is over, whoever ended it.
    fn closed(&self) -> &CancellationToken;

    /// Cancelled when it is to be left: whoever it carries should come over another one before it is closed.
    fn retiring(&self) -> &CancellationToken;

    /// Something came over it.
    fn activity(&self) {}

    /// Its hello was answered; `resumed` when its session was known.
    fn welcomed(&self, _resumed: bool) {}

    /// Its pipes will be closed for this reason.
    fn leaving(&self, _reason: &Code) {}

    /// Ends it at once. The first reason given is the one that is told.
    fn close(&self, reason: &'static str);
}

/// A pipe that never leaves this machine, and has a place among the connections.
pub(crate) struct LocalPipe {
    pub(crate) kind: &'static str,
    pub(crate) place: Place,
    pub(crate) principal: Principal,
    /// See [`Carrier::confined`].
    pub(crate) confined: Option<u32>,
    pub(crate) closed: CancellationToken,
    /// Nobody asks for a single one's end; all of a session's are retired by the session.
    pub(crate) retiring: CancellationToken,
}

impl Carrier for LocalPipe {
    fn id(&self) -> ConnectionId {
        self.place.id
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn principal(&self) -> &Principal {
        &self.principal
    }

    fn loopback(&self) -> bool {
        true
    }

    fn confined(&self) -> Option<u32> {
        self.confined
    }

    fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    fn retiring(&self) -> &CancellationToken {
        &self.retiring
    }

    fn close(&self, reason: &'static str) {
        tracing::info!(connection = %self.place.id, reason, "closed");
        self.closed.cancel();
    }
}

impl Carrier for Connection {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn kind(&self) -> &'static str {
        "webrtc"
    }

    fn principal(&self) -> &Principal {
        &self.principal
    }

    fn loopback(&self) -> bool {
        self.loopback
    }

    fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    fn retiring(&self) -> &CancellationToken {
        &self.retiring
    }

    fn activity(&self) {
        Connection::activity(self);
    }

    fn welcomed(&self, resumed: bool) {
        self.attended();
        self.step(Step::Welcome);
        if resumed {
            self.resumed();
        }
    }

    fn close(&self, reason: &'static str) {
        Connection::close(self, reason);
    }
}

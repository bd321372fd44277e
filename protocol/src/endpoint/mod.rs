//! The sans-IO endpoint of a session: the seam every driver uses, on either side of the wire.

/// From hello to welcome, and to the end.
mod handshake;
/// Frames that arrive.
mod incoming;
/// Ends that are announced.
mod leaving;
/// The transports of a session, one of which data leaves on.
mod link;
/// Packets that leave.
mod outgoing;
/// What the application asks for.
mod wishes;

use std::collections::VecDeque;

use link::Link;

use crate::{
    CallId, Millis,
    assembler::Partial,
    call::{Call, Calls, Outgoing},
    error::Fault,
    frame::{body::Body, go_away::GoAway, request::Request, welcome::Welcome},
    lane::{Lane, LaneState},
    limits::Limits,
};

/// Which end of the session this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Introduces itself; its calls have odd ids.
    Client,
    /// Welcomes; its calls have even ids; watches over the connection.
    Server,
}

/// A driver's own name for one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u32);

/// What happened outside.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Client: a transport is ready to carry packets: the first, the next after a loss, or another to move to. (A server's
    /// driver reads the hello first, to find the session, and gives it to [`Endpoint::accept`].)
    Opened {
        /// The transport.
        connection: ConnectionId,
        /// The key, where the transport carries none of its own.
        bearer: Option<&'a str>,
    },
    /// A packet arrived.
    Packet {
        /// The transport that brought it.
        connection: ConnectionId,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// The transport took the last packet of a lane and wants no more for now.
    Full {
        /// The transport.
        connection: ConnectionId,
        /// The lane whose pipe is full.
        lane: Lane,
    },
    /// It has room again.
    Writable {
        /// The transport.
        connection: ConnectionId,
        /// The lane whose pipe has room.
        lane: Lane,
    },
    /// The transport is gone.
    Closed {
        /// The transport.
        connection: ConnectionId,
    },
    /// Time passed; give it when [`Endpoint::deadline`] has come.
    Tick,
}

/// What is to be done outside.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Give these bytes to the transport. It takes them in any case; if it wants no more, say [`Input::Full`].
    Transmit {
        /// The transport.
        connection: ConnectionId,
        /// The pipe, where lanes have pipes of their own.
        lane: Lane,
        /// At most 16 KiB.
        packet: Vec<u8>,
    },
    /// Close the transport, after what was transmitted has left.
    Close {
        /// The transport.
        connection: ConnectionId,
    },
    /// Tell the application.
    Event(Event),
}

/// What the application must know.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The session stands.
    Welcomed(Welcome),
    /// The session goes on over this transport; what was under way is sent again.
    Moved {
        /// The transport.
        connection: ConnectionId,
    },
    /// No transport is left. The session waits for the next one; calls wait with it.
    Disconnected,
    /// Client: the server no longer has the session, or has ended it to make way for its successor (`draining`). Calls that had
    /// left were settled as `outcome_unknown`; the others wait for [`Endpoint::restart`].
    Expired(Fault),
    /// The peer asks; answer with [`Endpoint::respond`].
    Request {
        /// The call.
        call: CallId,
        /// What is asked.
        request: Request,
    },
    /// An item of a call's stream arrived; say [`Endpoint::consumed`] when it has been read.
    Item {
        /// The call.
        call: CallId,
        /// The item.
        body: Body,
        /// What it costs of the call's window.
        cost: u32,
    },
    /// News of one's own call; follows its credit like an item.
    News {
        /// The call.
        call: CallId,
        /// The news.
        body: Body,
        /// What it costs of the call's window.
        cost: u32,
    },
    /// The caller's items are complete.
    Ended {
        /// The call.
        call: CallId,
    },
    /// The caller withdrew the call, or its deadline passed: stop working for it.
    Cancelled {
        /// The call.
        call: CallId,
    },
    /// The session is over and its calls with it: nobody will hear the answer. A call that outlives sessions may go on.
    Abandoned {
        /// The call.
        call: CallId,
    },
    /// Our call is answered.
    Response {
        /// The call.
        call: CallId,
        /// The answer.
        body: Body,
    },
    /// Our call failed.
    Failed {
        /// The call.
        call: CallId,
        /// Why.
        fault: Fault,
    },
    /// The call may send items again.
    Writable {
        /// The call.
        call: CallId,
    },
    /// A subscribed event.
    Published(Body),
    /// The peer answered a ping of ours.
    Pong {
        /// The number given to [`Endpoint::ping`].
        token: u64,
    },
    /// The peer announced an end: of this transport, or of the session. Until a session's end calls that have left go on; a
    /// client's other calls wait for the next session.
    GoAway(GoAway),
    /// The session is over; every call has been settled. The last event.
    Closed(Fault),
}

/// An acknowledgement that leaves as soon as the pipe has room.
const NOW: Millis = 0;

/// Where the session stands, whatever its transports do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Never welcomed.
    New,
    /// Welcomed.
    Standing,
    /// Client: gone at the server; waits for a new secret.
    Expired,
    /// Over.
    Closed,
}

/// One end of one session. See the crate's documentation for the calling contract.
pub struct Endpoint {
    role: Role,
    limits: Limits,
    phase: Phase,
    links: Vec<Link>,
    /// The transport that data leaves on.
    sending: Option<ConnectionId>,
    /// When the last transport was lost.
    lost_at: Option<Millis>,
    /// Names the session (client only; a server's driver keeps a hash of it).
    secret: [u8; 32],
    /// Sessions that this one takes the place of (client only, until it is welcomed).
    replaces: Vec<[u8; 32]>,
    /// Of the last hello sent or answered.
    epoch: u32,
    /// Hellos in a row, from the first, that were refused: while all were, nobody has read anything of this session.
    refused: u32,
    /// Identifies the server process in the welcome.
    boot: [u8; 16],
    /// Server: when the session will end, and why, once that is announced.
    leaving: Option<(Millis, Fault)>,
    /// Client: the server has announced an end, so calls that have not left wait for the next session.
    holding: bool,
    lanes: [LaneState; 2],
    /// Calls we made, and the id of the next.
    ours: Calls,
    next_call: u32,
    /// Calls the peer made.
    theirs: Calls,
    /// Bytes held by messages under reassembly.
    assembling: usize,
    /// Pushed events that wait for a slow reader, and how many it has missed.
    events: VecDeque<Box<Outgoing>>,
    events_scheduled: bool,
    events_lost: u32,
    /// A pushed event under reassembly.
    event_partial: Option<Partial>,
    /// The call whose frame is being read: named when the frame breaks the protocol.
    at_call: u32,
    /// When the acknowledgement of a burst's tail is due.
    ack_at: Option<Millis>,
    /// The application's ping, which waits for room.
    ping: Option<u64>,
    /// The time of the last input.
    now: Millis,
    /// Boxed, as whatever waits in a queue here: all queues of pointers, and of call ids, share their code in the browser.
    outputs: VecDeque<Box<Output>>,
}

impl Endpoint {
    /// A client's end. `secret` is 32 fresh random bytes: whoever knows them owns the session.
    #[must_use]
    pub fn client(limits: Limits, secret: [u8; 32]) -> Self {
        Self::new(Role::Client, limits, secret, [0; 16])
    }

    /// A server's end. `boot` names the server process.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn server(limits: Limits, boot: [u8; 16]) -> Self {
        Self::new(Role::Server, limits, [0; 32], boot)
    }

    fn new(role: Role, limits: Limits, secret: [u8; 32], boot: [u8; 16]) -> Self {
        Self {
            role,
            limits,
            phase: Phase::New,
            links: Vec::new(),
            sending: None,
            lost_at: None,
            secret,
            replaces: Vec::new(),
            epoch: 0,
            refused: 0,
            boot,
            leaving: None,
            holding: false,
            lanes: Default::default(),
            ours: Calls::default(),
            next_call: if role == Role::Client { 1 } else { 2 },
            theirs: Calls::default(),
            assembling: 0,
            events: VecDeque::new(),
            events_scheduled: false,
            events_lost: 0,
            event_partial: None,
            at_call: outgoing::NO_CALL,
            ack_at: None,
            ping: None,
            now: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input. Drain [`Endpoint::poll`] afterwards.
    pub fn handle(&mut self, now: Millis, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Opened { connection, bearer } => self.opened(now, connection, bearer),
            Input::Packet { connection, bytes } if self.link(connection).is_some() => self.packet(now, connection, bytes),
            Input::Full { connection, lane } => self.set_full(connection, lane, true),
            Input::Writable { connection, lane } => self.set_full(connection, lane, false),
            Input::Closed { connection } if self.link(connection).is_some() => self.lost(now, connection),
            // Of a transport that was given up: it does not know yet.
            Input::Packet { .. } | Input::Closed { .. } | Input::Tick => {}
        }
        self.tick(now);
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front().map(|output| *output).or_else(|| self.transmit())
    }

    /// When to come back with [`Input::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let mut soonest = Millis::MAX;
        let mut due = |at: Option<Millis>| soonest = soonest.min(at.unwrap_or(Millis::MAX));
        for calls in [&self.ours, &self.theirs] {
            calls.iter().for_each(|(_, call)| due(call.deadline));
        }
        // What is due already waits for room in the pipe, not for time.
        due(self.ack_at.filter(|due| *due != NOW));
        self.vigil(&mut due);
        Some(soonest).filter(|at| *at != Millis::MAX)
    }

    /// Packets sent, acknowledged and received per lane, and turns waiting: for statistics.
    #[must_use]
    pub fn lane_counts(&self, lane: Lane) -> [u64; 4] {
        let state = &self.lanes[lane.index()];
        [state.sent, state.acked, state.received, state.waiting() as u64]
    }

    /// Calls in flight that we made, and that the peer made.
    #[must_use]
    pub fn calls_in_flight(&self) -> (usize, usize) {
        (self.ours.len(), self.theirs.len())
    }

    /// Bytes held for the peer: what is unacknowledged, what waits to leave, what is under reassembly. Costs a look at every call.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let kept: usize = self.lanes.iter().map(LaneState::unacknowledged).sum();
        let queues = self.ours.iter().chain(self.theirs.iter()).map(|(_, call)| &call.queue).chain([&self.events]);
        kept + self.assembling + queues.flatten().map(|message| message.bytes.len()).sum::<usize>()
    }

    /// Whether nothing is under way: no call of either side, nothing unacknowledged. The session can end without a loss.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.calls_in_flight() == (0, 0) && self.lanes.iter().all(|lane| lane.unacknowledged() == 0)
    }

    fn tell(&mut self, event: Event) {
        self.output(Output::Event(event));
    }

    fn output(&mut self, output: Output) {
        self.outputs.push_back(Box::new(output));
    }

    fn set_full(&mut self, connection: ConnectionId, lane: Lane, full: bool) {
        if let Some(link) = self.link(connection) {
            link.full[lane.index()] = full;
        }
    }

    /// Not a question where there are no servers: a browser has no code for what only they do.
    fn is_server(&self) -> bool {
        cfg!(feature = "server") && self.role == Role::Server
    }

    /// Whether calls of this id are made by us.
    fn is_ours(&self, id: u32) -> bool {
        (id % 2 == 1) != self.is_server()
    }

    fn call_mut(&mut self, id: u32) -> Option<&mut Call> {
        if self.is_ours(id) { self.ours.get(id) } else { self.theirs.get(id) }
    }
}

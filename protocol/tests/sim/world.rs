//! Both ends, the clock, and a plan made from a seed.

use std::{collections::BTreeMap, fmt};

use fastrand::Rng;
use tabagent_protocol::{
    ConnectionId, Endpoint, Event, Input, Lane, Limits, Millis, Output,
    frame::{go_away::GoAway, hello::Hello},
};

use crate::{
    app::{Answerer, Caller, End, Kind, Ledger, Planned, expired, is_honest},
    wire::{Side, Wire},
};

/// When the plan is over and no more faults happen.
const PEACE: Millis = 60_000;
/// When everything must be settled.
const END: Millis = PEACE + 150_000;

/// What may happen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Lines break.
    pub(crate) cuts: bool,
    /// Lines stand still for a while.
    pub(crate) stalls: bool,
    /// Packets are lost, doubled, swapped: what no transport should do.
    pub(crate) dirt: bool,
    /// Either side forgets everything.
    pub(crate) crashes: bool,
}

/// What happened in all worlds.
#[derive(Default)]
pub(crate) struct Totals {
    calls: usize,
    answered: usize,
    unknown: usize,
    items: u64,
    wires: u32,
    crashes: u32,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.unknown += other.unknown;
        self.items += other.items;
        self.wires += other.wires;
        self.crashes += other.crashes;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, answered, unknown, items, wires, crashes } = self;
        write!(
            f,
            "{calls} calls, {answered} answered, {unknown} of unknown outcome, {items} items, {wires} transports, {crashes} crashes"
        )
    }
}

/// A server's session: its end and what it serves.
struct Session {
    endpoint: Endpoint,
    app: Answerer,
}

pub(crate) struct World {
    seed: u64,
    rng: Rng,
    now: Millis,
    faults: Faults,
    limits: Limits,
    telling: bool,
    client: Endpoint,
    caller: Caller,
    /// By the secret of their client.
    sessions: BTreeMap<[u8; 32], Session>,
    /// Which session a transport belongs to, once its hello came.
    owners: BTreeMap<u32, [u8; 32]>,
    wires: Vec<Wire>,
    made: u32,
    /// When the client will open a transport, or try the next fault.
    connect_at: Option<Millis>,
    trouble_at: Millis,
    plan: Vec<Planned>,
    next_name: u32,
    ledger: Ledger,
    secret: u8,
    crashes: u32,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Small windows and budgets, so that their bounds are met often.
        let limits = Limits {
            call_window: 1 << rng.u32(10..16),
            interactive_bytes: 20_000 << rng.u32(0..3),
            bulk_bytes: 40_000 << rng.u32(0..3),
            ack_bytes: 8_000,
            calls: 8,
            ..Limits::default()
        };
        let plan = (0..rng.usize(1..12)).map(|_| planned(&mut rng)).collect();
        Self {
            seed,
            now: 0,
            faults,
            client: Endpoint::client(limits.clone(), [0; 32]),
            limits,
            telling: false,
            caller: Caller::default(),
            sessions: BTreeMap::new(),
            owners: BTreeMap::new(),
            wires: Vec::new(),
            made: 0,
            connect_at: Some(rng.u64(0..50)),
            trouble_at: rng.u64(50..3_000),
            plan,
            next_name: 0,
            ledger: Ledger::default(),
            secret: 0,
            crashes: 0,
            rng,
        }
    }

    /// Says on standard output what happens.
    pub(crate) fn tell(mut self) -> Self {
        self.telling = true;
        self
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.telling {
            println!("{:>7} {}", self.now, what());
        }
    }

    /// From the first transport to the last answer.
    pub(crate) fn run(&mut self) {
        while self.now < END {
            self.settle();
            let Some(next) = self.due() else { break };
            self.now = self.now.max(next);
            self.tick();
        }
        self.judge();
    }

    /// When something happens next.
    fn due(&self) -> Option<Millis> {
        let wires = self.wires.iter().filter_map(Wire::due);
        let ends = self.sessions.values().filter_map(|session| session.endpoint.deadline()).chain(self.client.deadline());
        let own = self.connect_at.into_iter().chain((self.trouble_at < PEACE).then_some(self.trouble_at));
        let plan = self.plan.iter().map(|planned| planned.at);
        wires.chain(ends).chain(own).chain(plan).chain(self.caller.due()).min()
    }

    fn tick(&mut self) {
        self.client.handle(self.now, Input::Tick);
        self.sessions.values_mut().for_each(|session| session.endpoint.handle(self.now, Input::Tick));
        if self.connect_at.is_some_and(|at| at <= self.now) {
            self.connect_at = None;
            self.connect();
        }
        if self.trouble_at <= self.now && self.now < PEACE {
            self.trouble();
        }
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.plan).into_iter().partition(|planned| planned.at <= self.now);
        self.plan = later;
        for planned in due {
            let name = format!("c{}", self.next_name);
            self.next_name += 1;
            self.say(|| format!("call {name}: {planned:?}"));
            self.caller.begin(&mut self.client, self.now, name, planned, &mut self.ledger);
        }
    }

    /// The client opens another transport.
    fn connect(&mut self) {
        let id = self.made;
        self.made += 1;
        self.say(|| format!("transport {id} opens"));
        let dirt = self.faults.dirt && self.now < PEACE;
        self.wires.push(Wire::new(id, &mut self.rng, dirt));
        self.client.handle(self.now, Input::Opened { connection: ConnectionId(id), bearer: None });
        confine(&mut self.client, ConnectionId(id));
    }

    /// Something goes wrong.
    fn trouble(&mut self) {
        self.trouble_at = self.now + self.rng.u64(1..6_000);
        let wire = (!self.wires.is_empty()).then(|| self.rng.usize(0..self.wires.len()));
        let faults = self.faults;
        match (self.rng.u32(0..12), wire) {
            (0..4, Some(at)) if faults.cuts => {
                self.say(|| format!("transport {:?} is cut", self.wires[at].id));
                self.wires[at].cut(self.now, &mut self.rng);
            }
            (4..6, Some(at)) if faults.stalls => {
                let until = self.now + self.rng.u64(1..20_000);
                self.say(|| format!("transport {:?} stands still until {until}", self.wires[at].id));
                self.wires[at].stall(until);
            }
            (6, _) if faults.crashes && self.rng.bool() => self.crash_client(),
            (7, _) if faults.crashes && self.rng.bool() => {
                self.say(|| "the server crashes".into());
                self.crashes += 1;
                self.sessions.clear();
                let wires: Vec<_> = (0..self.wires.len()).collect();
                wires.into_iter().for_each(|at| self.wires[at].close(self.now, Side::Server));
            }
            // A move to another transport while the present one lives, perhaps several at once.
            _ => self.connect_at = Some(self.now),
        }
    }

    fn crash_client(&mut self) {
        self.say(|| "the client crashes".into());
        self.crashes += 1;
        self.caller.crash(&mut self.ledger);
        self.secret += 1;
        self.client = Endpoint::client(self.limits.clone(), [self.secret; 32]);
        self.wires.iter_mut().for_each(|wire| wire.close(self.now, Side::Client));
        self.connect_at = Some(self.now + self.rng.u64(0..500));
    }

    /// Delivers and drains until nothing happens at this moment.
    fn settle(&mut self) {
        loop {
            self.caller.work(&mut self.client, self.now, &mut self.ledger);
            self.sessions.values_mut().for_each(|session| session.app.work(&mut session.endpoint));
            let mut moved = self.drain_client();
            let secrets: Vec<_> = self.sessions.keys().copied().collect();
            for secret in secrets {
                moved |= self.drain_server(secret);
            }
            for at in 0..self.wires.len() {
                moved |= self.deliver(at, Side::Client) | self.deliver(at, Side::Server);
            }
            self.wires.retain(|wire| !wire.is_over());
            if !moved {
                return;
            }
        }
    }

    fn drain_client(&mut self) -> bool {
        let mut moved = false;
        while let Some(output) = self.client.poll() {
            moved = true;
            match output {
                Output::Transmit { connection, lane, packet } => self.transmit(Side::Client, connection, lane, packet),
                Output::Close { connection } => self.close(Side::Client, connection),
                Output::Event(event) => self.heard(event),
            }
        }
        moved
    }

    fn heard(&mut self, event: Event) {
        if !matches!(event, Event::Item { .. }) {
            self.say(|| format!("client: {event:?}").chars().take(150).collect());
        }
        match event {
            Event::Disconnected => self.connect_at = Some(self.now + self.rng.u64(0..3_000)),
            Event::Expired(_) => {
                self.secret += 1;
                self.client.restart([self.secret; 32]);
                self.connect_at = Some(self.now + self.rng.u64(0..500));
            }
            Event::Closed(fault) => panic!("seed {}: the client's session ended: {fault:?}", self.seed),
            event => self.caller.hear(&mut self.client, self.now, event, &mut self.ledger, &mut self.rng),
        }
    }

    fn drain_server(&mut self, secret: [u8; 32]) -> bool {
        let mut moved = false;
        loop {
            let Some(session) = self.sessions.get_mut(&secret) else { return moved };
            let Some(output) = session.endpoint.poll() else { return moved };
            moved = true;
            match output {
                Output::Transmit { connection, lane, packet } => self.transmit(Side::Server, connection, lane, packet),
                Output::Close { connection } => self.close(Side::Server, connection),
                Output::Event(Event::Closed(fault)) => {
                    self.say(|| format!("a session ends at the server: {fault:?}"));
                    assert_eq!(fault.code, tabagent_protocol::Code::SESSION_EXPIRED, "seed {}: {fault:?}", self.seed);
                    // What it said last is still polled; then it is forgotten.
                    while let Some(output) = self.sessions.get_mut(&secret).and_then(|session| session.endpoint.poll()) {
                        if let Output::Close { connection } = output {
                            self.close(Side::Server, connection);
                        }
                    }
                    self.sessions.remove(&secret);
                }
                Output::Event(event) => session.app.hear(&mut session.endpoint, self.now, event, &mut self.ledger),
            }
        }
    }

    fn transmit(&mut self, from: Side, connection: ConnectionId, lane: Lane, packet: Vec<u8>) {
        let (now, rng) = (self.now, &mut self.rng);
        let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == connection && wire.open[from as usize]) else { return };
        if !wire.send(now, from, lane, packet, rng) {
            self.input(from, connection, Input::Full { connection, lane });
        }
    }

    fn close(&mut self, by: Side, connection: ConnectionId) {
        let now = self.now;
        if let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == connection) {
            wire.close(now, by);
        }
    }

    /// One packet, or the news that the transport is closed.
    fn deliver(&mut self, at: usize, to: Side) -> bool {
        let (now, wire) = (self.now, &mut self.wires[at]);
        let connection = wire.id;
        if let Some((lane, packet, room)) = wire.arrive(now, to) {
            if room {
                self.input(to.other(), connection, Input::Writable { connection, lane });
            }
            self.arrived(to, connection, &packet);
            return true;
        }
        if wire.closing[to as usize].is_some_and(|due| due <= now) {
            wire.closing[to as usize] = None;
            wire.open[to as usize] = false;
            self.input(to, connection, Input::Closed { connection });
            return true;
        }
        false
    }

    fn arrived(&mut self, to: Side, connection: ConnectionId, packet: &[u8]) {
        let known = to == Side::Client || self.owners.contains_key(&connection.0);
        if known {
            return self.input(to, connection, Input::Packet { connection, bytes: packet });
        }
        // What is no hello was sent behind one that is lost: a stranger.
        let Ok(hello) = Hello::read(packet) else { return self.close(Side::Server, connection) };
        if !self.sessions.contains_key(&hello.secret) && (hello.welcomed || hello.sent != [0; 2] && self.crashes > 0) {
            let refusal = GoAway { last: true, deadline_ms: 0, reason: expired() }.packet();
            self.transmit(Side::Server, connection, Lane::Interactive, refusal);
            return self.close(Side::Server, connection);
        }
        self.owners.insert(connection.0, hello.secret);
        let limits = &self.limits;
        let fresh = || Session { endpoint: Endpoint::server(limits.clone(), [9; 16]), app: Answerer::default() };
        let session = self.sessions.entry(hello.secret).or_insert_with(fresh);
        session.endpoint.accept(self.now, connection, &hello);
        confine(&mut session.endpoint, connection);
    }

    fn input(&mut self, to: Side, connection: ConnectionId, input: Input<'_>) {
        if to == Side::Client {
            return self.client.handle(self.now, input);
        }
        let session = self.owners.get(&connection.0).and_then(|secret| self.sessions.get_mut(secret));
        if let Some(session) = session {
            session.endpoint.handle(self.now, input);
        }
    }

    /// Everything must have come right by now.
    fn judge(&self) {
        let seed = self.seed;
        self.say(|| {
            let lanes = |endpoint: &Endpoint| Lane::ALL.map(|lane| endpoint.lane_counts(lane));
            let server: Vec<_> = self
                .sessions
                .values()
                .map(|one| (one.endpoint.sending(), lanes(&one.endpoint), one.endpoint.deadline()))
                .collect();
            let wires: Vec<_> = self.wires.iter().map(|wire| (wire.id, wire.open, wire.due())).collect();
            format!(
                "client {:?} {:?} {:?} server {server:?} wires {wires:?}",
                self.client.sending(),
                lanes(&self.client),
                self.client.deadline()
            )
        });
        assert_eq!(self.caller.waiting(), 0, "seed {seed}: calls that are never settled");
        assert_eq!(self.ledger.ends.len(), self.next_name as usize, "seed {seed}: calls without an end");
        let serving: usize = self.sessions.values().map(|session| session.app.waiting()).sum();
        assert_eq!(serving, 0, "seed {seed}: the server works for nobody");
        for (name, end) in &self.ledger.ends {
            let times = self.ledger.executed.get(name).copied().unwrap_or(0);
            match end {
                End::Answered => assert_eq!(times, 1, "seed {seed}: {name} was answered but carried out {times} times"),
                End::Cancelled => assert!(times <= 1, "seed {seed}: {name}"),
                // Nothing may fail for the network's sake; only where a side forgot may an outcome be unknown.
                End::Failed(code) if *code == tabagent_protocol::Code::LIMIT_REACHED => assert_eq!(times, 0),
                End::Failed(code) => assert!(is_honest(code) && self.crashes > 0, "seed {seed}: {name} failed: {code}"),
            }
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let ends = self.ledger.ends.values();
        Totals {
            calls: self.ledger.ends.len(),
            answered: ends.clone().filter(|end| **end == End::Answered).count(),
            unknown: ends.filter(|end| matches!(end, End::Failed(code) if is_honest(code))).count(),
            items: self.ledger.items,
            wires: self.made,
            crashes: self.crashes,
        }
    }
}

/// One transport in three cannot say how full it is.
fn confine(endpoint: &mut Endpoint, connection: ConnectionId) {
    if connection.0 % 3 == 2 {
        endpoint.confine(connection, 40_000);
    }
}

fn planned(rng: &mut Rng) -> Planned {
    let at = rng.u64(0..PEACE);
    let kind = [Kind::Unary, Kind::Down, Kind::Down, Kind::Up, Kind::Nested][rng.usize(0..5)];
    let bytes = [10, 300, 5_000, 20_000, 70_000][rng.usize(0..5)];
    let items = if bytes > 10_000 { rng.u32(1..12) } else { rng.u32(1..150) };
    let lane = if rng.u32(0..3) == 0 { Lane::Bulk } else { Lane::Interactive };
    let cancel_at = (rng.u32(0..8) == 0).then(|| at + rng.u64(0..2_000));
    Planned { at, kind, items, bytes, lane, cancel_at }
}

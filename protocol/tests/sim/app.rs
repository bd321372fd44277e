//! What the two applications do: unary calls, streams down, streams up, calls within calls. And the ledger.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use tabagent_protocol::{Body, CallId, Code, Endpoint, Event, Fault, Lane, Millis, Request};

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asked and answered.
    Unary,
    /// Items come down.
    Down,
    /// Items go up.
    Up,
    /// The server asks back before it answers.
    Nested,
}

/// A call of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) at: Millis,
    pub(crate) kind: Kind,
    pub(crate) items: u32,
    pub(crate) bytes: usize,
    pub(crate) lane: Lane,
    pub(crate) cancel_at: Option<Millis>,
}

/// How a call ended for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answered,
    Cancelled,
    Failed(Code),
}

/// What became of each call, by its name. Outlives crashes: it is the truth that they are held against.
#[derive(Default)]
pub(crate) struct Ledger {
    /// How often the server began to carry it out.
    pub(crate) executed: BTreeMap<String, u32>,
    pub(crate) ends: BTreeMap<String, End>,
    pub(crate) items: u64,
}

impl Ledger {
    fn settle(&mut self, name: &str, end: End) {
        let before = self.ends.insert(name.to_owned(), end);
        assert_eq!(before, None, "call {name} ended a second time");
    }
}

/// A call of the client that is not settled.
struct Mine {
    name: String,
    plan: Planned,
    /// Items received, or sent.
    items: u32,
}

/// The client's application.
#[derive(Default)]
pub(crate) struct Caller {
    mine: BTreeMap<u32, Mine>,
    /// Items taken but not yet read, and when they will be.
    unread: VecDeque<(Millis, CallId, u32)>,
}

/// A body that says which item of which call it is, padded.
fn item(name: &str, number: u32, bytes: usize) -> Body {
    Body::json(format!("\"{name}:{number}:{}\"", "x".repeat(bytes)))
}

fn number_of(name: &str, body: &Body) -> u32 {
    let text = String::from_utf8_lossy(&body.value);
    let mut parts = text.trim_matches('"').split(':');
    assert_eq!(parts.next(), Some(name), "an item of another call");
    parts.next().and_then(|number| number.parse().ok()).expect("a number")
}

impl Caller {
    pub(crate) fn begin(&mut self, endpoint: &mut Endpoint, now: Millis, name: String, plan: Planned, ledger: &mut Ledger) {
        let request = Request {
            action: format!("{:?}", plan.kind),
            request_id: Some(name.clone()),
            lane: plan.lane,
            streams: plan.kind == Kind::Up,
            body: Body::json(format!("[{},{}]", plan.items, plan.bytes)),
            ..Request::default()
        };
        match endpoint.call(now, request) {
            Ok(call) => drop(self.mine.insert(call.0, Mine { name, plan, items: 0 })),
            Err(fault) => ledger.settle(&name, End::Failed(fault.code)),
        }
    }

    /// Sends what may be sent, cancels what is to be cancelled, reads what is due.
    pub(crate) fn work(&mut self, endpoint: &mut Endpoint, now: Millis, ledger: &mut Ledger) {
        while self.unread.front().is_some_and(|(due, ..)| *due <= now) {
            if let Some((_, call, cost)) = self.unread.pop_front() {
                endpoint.consumed(call, cost);
            }
        }
        let mut gone = Vec::new();
        for (id, mine) in &mut self.mine {
            let call = CallId(*id);
            if mine.plan.cancel_at.is_some_and(|at| at <= now) {
                endpoint.cancel(call);
                ledger.settle(&mine.name, End::Cancelled);
                gone.push(*id);
                continue;
            }
            while mine.plan.kind == Kind::Up && mine.items < mine.plan.items && endpoint.writable(call) {
                let sent = endpoint.item(call, &item(&mine.name, mine.items, mine.plan.bytes));
                assert!(sent.is_ok(), "{sent:?}");
                mine.items += 1;
                if mine.items == mine.plan.items {
                    endpoint.end_items(call);
                }
            }
        }
        gone.iter().for_each(|id| drop(self.mine.remove(id)));
    }

    pub(crate) fn hear(&mut self, endpoint: &mut Endpoint, now: Millis, event: Event, ledger: &mut Ledger, rng: &mut Rng) {
        match event {
            Event::Item { call, body, cost } => {
                if let Some(mine) = self.mine.get_mut(&call.0) {
                    assert_eq!(number_of(&mine.name, &body), mine.items, "an item of {} is lost or doubled", mine.name);
                    mine.items += 1;
                    ledger.items += 1;
                }
                let due = self.unread.back().map_or(0, |last| last.0).max(now + rng.u64(0..3) * rng.u64(0..20));
                self.unread.push_back((due, call, cost));
            }
            Event::Response { call, body } => {
                let mine = self.mine.remove(&call.0).expect("an answer to a call of ours");
                assert_eq!(body.value, mine.name.as_bytes(), "another call's answer");
                if mine.plan.kind == Kind::Down {
                    assert_eq!(mine.items, mine.plan.items, "items of {} are missing", mine.name);
                }
                ledger.settle(&mine.name, End::Answered);
            }
            Event::Failed { call, fault } => {
                let mine = self.mine.remove(&call.0).expect("a failure of a call of ours");
                ledger.settle(&mine.name, End::Failed(fault.code));
            }
            Event::Request { call, request } => endpoint.respond(call, Ok(request.body)),
            _ => {}
        }
    }

    pub(crate) fn due(&self) -> Option<Millis> {
        let cancels = self.mine.values().filter_map(|mine| mine.plan.cancel_at);
        cancels.chain(self.unread.front().map(|unread| unread.0)).min()
    }

    /// The client crashes: its calls end with it.
    pub(crate) fn crash(&mut self, ledger: &mut Ledger) {
        for mine in std::mem::take(&mut self.mine).into_values() {
            ledger.settle(&mine.name, End::Failed(Code::CLIENT_CRASHED));
        }
        self.unread.clear();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.mine.len()
    }
}

/// A call that the server is carrying out.
struct Theirs {
    name: String,
    kind: String,
    items: u32,
    bytes: usize,
    done: u32,
}

/// The server's application, for one session.
#[derive(Default)]
pub(crate) struct Answerer {
    theirs: BTreeMap<u32, Theirs>,
    /// Calls of ours to the client, and whose sake they are for.
    nested: BTreeMap<u32, u32>,
}

impl Answerer {
    pub(crate) fn hear(&mut self, endpoint: &mut Endpoint, now: Millis, event: Event, ledger: &mut Ledger) {
        match event {
            Event::Request { call, request } => self.begin(endpoint, now, call, &request, ledger),
            Event::Item { call, body, cost } => {
                if let Some(theirs) = self.theirs.get_mut(&call.0) {
                    assert_eq!(number_of(&theirs.name, &body), theirs.done, "an item of {} is lost or doubled", theirs.name);
                    theirs.done += 1;
                    ledger.items += 1;
                }
                endpoint.consumed(call, cost);
            }
            Event::Ended { call } => {
                let theirs = self.theirs.remove(&call.0).expect("a call under way");
                assert_eq!(theirs.done, theirs.items, "items of {} are missing", theirs.name);
                endpoint.respond(call, Ok(Body::json(theirs.name)));
            }
            Event::Cancelled { call } | Event::Abandoned { call } => drop(self.theirs.remove(&call.0)),
            Event::Response { call, body } => {
                let outer = self.nested.remove(&call.0).expect("a call of ours");
                if let Some(theirs) = self.theirs.remove(&outer) {
                    assert_eq!(body.value, theirs.name.as_bytes());
                    endpoint.respond(CallId(outer), Ok(Body::json(theirs.name)));
                }
            }
            Event::Failed { call, fault } => {
                if let Some(outer) = self.nested.remove(&call.0) {
                    self.theirs.remove(&outer);
                    endpoint.respond(CallId(outer), Err(fault));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, endpoint: &mut Endpoint, now: Millis, call: CallId, request: &Request, ledger: &mut Ledger) {
        let name = request.request_id.clone().expect("a name");
        let times = ledger.executed.entry(name.clone()).or_default();
        *times += 1;
        assert_eq!(*times, 1, "call {name} was carried out {times} times");
        let numbers = String::from_utf8_lossy(&request.body.value).into_owned();
        let mut numbers = numbers.trim_matches(['[', ']']).split(',').map(|number| number.parse().expect("a number"));
        let (items, bytes) = (numbers.next().expect("items"), numbers.next().expect("bytes"));
        let theirs = Theirs { name: name.clone(), kind: request.action.clone(), items: items as u32, bytes, done: 0 };
        match request.action.as_str() {
            "Unary" => endpoint.respond(call, Ok(Body::json(name))),
            "Nested" => {
                let back = Request { action: "back".into(), body: Body::json(name.clone()), ..Request::default() };
                match endpoint.call(now, back) {
                    Ok(inner) => {
                        self.nested.insert(inner.0, call.0);
                        self.theirs.insert(call.0, theirs);
                    }
                    Err(fault) => endpoint.respond(call, Err(fault)),
                }
            }
            _ => drop(self.theirs.insert(call.0, theirs)),
        }
    }

    /// Sends what may be sent.
    pub(crate) fn work(&mut self, endpoint: &mut Endpoint) {
        let mut done = Vec::new();
        for (id, theirs) in &mut self.theirs {
            if theirs.kind != "Down" {
                continue;
            }
            let call = CallId(*id);
            while theirs.done < theirs.items && endpoint.writable(call) {
                let sent = endpoint.item(call, &item(&theirs.name, theirs.done, theirs.bytes));
                assert!(sent.is_ok(), "{sent:?}");
                theirs.done += 1;
            }
            if theirs.done == theirs.items {
                endpoint.respond(call, Ok(Body::json(theirs.name.clone())));
                done.push(*id);
            }
        }
        done.iter().for_each(|id| drop(self.theirs.remove(id)));
    }

    pub(crate) fn waiting(&self) -> usize {
        self.theirs.len()
    }
}

/// Whether a failure is one that a fault explains.
pub(crate) fn is_honest(fault: &Code) -> bool {
    [Code::OUTCOME_UNKNOWN, Code::CLIENT_CRASHED].contains(fault)
}

/// A fault for whoever asks a session that is gone.
pub(crate) fn expired() -> Fault {
    Fault::new(Code::SESSION_EXPIRED, "this session is gone")
}

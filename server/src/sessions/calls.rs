//! The calls of one session, both ways: what the client asks is answered in tasks, what handlers ask is put to the client.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tabagent_protocol::{Body, CallId, Code, Endpoint, Fault, Millis, Request};
use tokio::sync::{mpsc, oneshot};

use super::pump::{self, Part, Pump, Wish};
use crate::{
    Pace,
    service::{Asked, Incoming, IncomingSender, Principal, Reverse, ReverseCaller, Service},
};

/// Calls in flight, of either side.
pub(super) struct Calls {
    service: Arc<Service>,
    principal: Principal,
    session: u64,
    /// How fast this session may ask.
    pace: Pace,
    /// The client's calls that are being answered here.
    running: HashMap<CallId, Pump>,
    /// Of these, the ones whose caller still sends items.
    uploads: HashMap<CallId, IncomingSender>,
    /// Our calls that the client is answering.
    asked: HashMap<CallId, oneshot::Sender<Result<Body, Fault>>>,
    wishes: mpsc::Sender<Wish>,
    reverse: ReverseCaller,
}

impl Calls {
    /// None yet. What their tasks wish goes to `wishes`; handlers call the client through `reverse`.
    pub(super) fn new(
        service: &Arc<Service>,
        principal: Principal,
        session: u64,
        pace: Pace,
        wishes: mpsc::Sender<Wish>,
        reverse: ReverseCaller,
    ) -> Self {
        Self {
            service: Arc::clone(service),
            principal,
            session,
            pace,
            running: HashMap::new(),
            uploads: HashMap::new(),
            asked: HashMap::new(),
            wishes,
            reverse,
        }
    }

    /// The client asks: the service answers, in a task of the call's own.
    pub(super) fn start(&mut self, endpoint: &mut Endpoint, call: CallId, request: Request) {
        let fields = match serde_json::from_slice(&request.body.value) {
            Ok(fields) => fields,
            Err(error) => {
                let fault = Fault::new(Code::BAD_REQUEST, format!("the body of call {call} is not JSON: {error}"));
                return endpoint.respond(call, Err(fault));
            }
        };
        let asked = Asked {
            principal: self.principal.clone(),
            session: Some(self.session),
            action: request.action,
            fields,
            payload: request.body.payload,
            incoming: request.streams.then(|| self.upload(call)),
            request_id: request.request_id,
            deadline: request.deadline_ms.map(|ms| Duration::from_millis(ms.into())),
            idempotency_key: request.idempotency_key,
            boot: request.boot,
            reverse: Some(self.reverse.clone()),
        };
        match self.pace.take(std::time::Instant::now()) {
            Ok(wait) => {
                let pump = Pump::start(call, wait, Arc::clone(&self.service), asked, self.wishes.clone());
                self.running.insert(call, pump);
            }
            Err(fault) => {
                self.over(call);
                endpoint.respond(call, Err(fault));
            }
        }
    }

    /// The caller will send items: the way to the handler, which says when it has read one.
    fn upload(&mut self, call: CallId) -> Incoming {
        let wishes = self.wishes.clone();
        let (sender, incoming) = Incoming::channel(move |cost| {
            let wishes = wishes.clone();
            // Nobody reads for a session that is gone.
            Box::pin(async move { drop(wishes.send(Wish::Read(call, cost)).await) })
        });
        self.uploads.insert(call, sender);
        incoming
    }

    /// An item of the caller's has arrived.
    pub(super) fn item(&mut self, endpoint: &mut Endpoint, call: CallId, body: Body, cost: u32) {
        match self.uploads.get(&call) {
            Some(upload) => upload.push(body, cost),
            // Nothing waits for what a client action streams; reading it keeps the client from waiting for us.
            None => endpoint.consumed(call, cost),
        }
    }

    /// The caller's items are complete.
    pub(super) fn ended(&mut self, call: CallId) {
        if let Some(upload) = self.uploads.remove(&call) {
            upload.end();
        }
    }

    /// The reader can take more.
    pub(super) fn go_on(&self, call: CallId) {
        if let Some(pump) = self.running.get(&call) {
            pump.go_on();
        }
    }

    /// The caller wants no answer: the handler stops, whoever else might have read it.
    pub(super) fn cancel(&mut self, call: CallId) {
        if let Some(pump) = self.over(call) {
            pump.cancel();
        }
    }

    /// A call of the client's is settled.
    pub(super) fn over(&mut self, call: CallId) -> Option<Pump> {
        self.uploads.remove(&call);
        self.running.remove(&call)
    }

    /// A call's task asks for something.
    pub(super) fn wish(&mut self, endpoint: &mut Endpoint, wish: Wish) {
        match wish {
            Wish::Read(call, cost) => endpoint.consumed(call, cost),
            Wish::Withdraw(call) => {
                self.asked.remove(&call);
                endpoint.cancel(call);
            }
            Wish::Done(call, answer) => {
                self.over(call);
                endpoint.respond(call, answer);
            }
            Wish::Part(call, part) => {
                let sent = match part {
                    Part::Item(body) => endpoint.item(call, &body),
                    Part::News(body) => endpoint.news(call, &body),
                };
                match sent {
                    Ok(true) => self.go_on(call),
                    Ok(false) => {} // the endpoint says when the reader is ready
                    Err(fault) => {
                        self.over(call);
                        endpoint.respond(call, Err(fault));
                    }
                }
            }
        }
    }

    /// A handler asks the client.
    pub(super) fn ask(&mut self, endpoint: &mut Endpoint, now: Millis, reverse: Reverse) {
        match endpoint.call(now, reverse.request) {
            Ok(call) => {
                let (answer, answered) = oneshot::channel();
                self.asked.insert(call, answer);
                tokio::spawn(pump::relay(call, answered, reverse.answer, self.wishes.clone()));
            }
            // The handler may have been stopped meanwhile; then nobody minds.
            Err(fault) => drop(reverse.answer.send(Err(fault))),
        }
    }

    /// The client has answered.
    pub(super) fn answered(&mut self, call: CallId, answer: Result<Body, Fault>) {
        if let Some(waiting) = self.asked.remove(&call) {
            drop(waiting.send(answer));
        }
    }
}

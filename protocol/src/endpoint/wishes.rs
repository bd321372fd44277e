//! What the application asks for. Wishes are methods, not inputs: they may be refused on the spot.

use super::{Endpoint, Event, NOW, Phase, outgoing::NO_CALL};
use crate::{
    CallId, Millis,
    call::{Call, Outgoing, Reading, Sending, body_flags},
    error::{Code, Fault},
    frame::{FrameType, STREAM, body::Body, request::Request},
    lane::{Class, Lane},
    text::{decimal, join},
};

impl Endpoint {
    /// Asks the peer. The answer comes as [`Event::Response`] or [`Event::Failed`], exactly once. A request that streams waits
    /// for [`Event::Writable`] before its first item.
    ///
    /// # Errors
    /// `payload_too_large`, `limit_reached` (calls in flight, or all ids used), or why the session is closed.
    pub fn call(&mut self, now: Millis, mut request: Request) -> Result<CallId, Fault> {
        if self.phase == Phase::Closed {
            return Err(Fault::new(Code::INVALID_STATE, "the session is closed; connect anew"));
        }
        if self.ours.len() >= self.limits.calls as usize {
            return Err(above(Code::LIMIT_REACHED, self.ours.len() + 1, "calls", self.limits.calls));
        }
        let id = self.next_call;
        let Some(next) = id.checked_add(2) else {
            return Err(Fault::new(Code::LIMIT_REACHED, "this session has used all its call ids; connect anew"));
        };
        request.credit = u64::from(self.limits.call_window);
        let bytes = request.encode();
        self.check_size(bytes.len(), Code::PAYLOAD_TOO_LARGE)?;
        self.next_call = next;
        let reading = Reading { granted: request.credit, ..Reading::default() };
        let deadline = request.deadline_ms.map(|ms| now + Millis::from(ms));
        // The peer says how much it takes of our items; until then there is nothing to send.
        let sending = Sending { blocked: request.streams, ..Sending::default() };
        // Without a turn it waits for the next session.
        let scheduled = self.holding;
        let call = Call { lane: request.lane, reading, sending, deadline, announced: true, scheduled, ..Call::default() };
        self.ours.insert(id, call);
        let flags = body_flags(&request.body) | if request.streams { STREAM } else { 0 };
        self.enqueue(id, Outgoing::new(FrameType::Request, flags, bytes));
        Ok(CallId(id))
    }

    /// Sends an item of a call's stream, either way. Wait for [`Event::Writable`] after it returned false.
    ///
    /// # Errors
    /// `invalid_state` without credit, `payload_too_large`. A call that is settled swallows it: its reader is gone.
    pub fn item(&mut self, call: CallId, body: &Body) -> Result<bool, Fault> {
        self.send_part(call, FrameType::Item, body)
    }

    /// Sends news of a call to its caller; costs credit like an item.
    ///
    /// # Errors
    /// As [`Endpoint::item`].
    pub fn news(&mut self, call: CallId, body: &Body) -> Result<bool, Fault> {
        self.send_part(call, FrameType::Event, body)
    }

    fn send_part(&mut self, call: CallId, kind: FrameType, body: &Body) -> Result<bool, Fault> {
        let message = Outgoing::body(kind, body);
        let size = message.bytes.len();
        self.check_size(size, Code::RESPONSE_TOO_LARGE)?;
        let Some(state) = self.call_mut(call.0) else { return Ok(false) };
        if !state.sending.open() {
            let message = join(&["call ", &decimal(call.0.into()), " has no credit left; wait until it is writable"]);
            return Err(Fault::new(Code::INVALID_STATE, message));
        }
        state.sending.offset += size as u64;
        state.sending.blocked = !state.sending.open();
        let open = !state.sending.blocked;
        self.enqueue(call.0, message);
        Ok(open)
    }

    /// Whether an item of this call may be sent now.
    pub fn writable(&mut self, call: CallId) -> bool {
        self.call_mut(call.0).is_some_and(|state| {
            state.sending.blocked = !state.sending.open();
            !state.sending.blocked
        })
    }

    /// Says that our own items are complete.
    pub fn end_items(&mut self, call: CallId) {
        self.enqueue(call.0, Outgoing::new(FrameType::End, 0, Vec::new()));
    }

    /// Answers a call of the peer. A second answer, or one to a call that is gone, is ignored.
    pub fn respond(&mut self, call: CallId, answer: Result<Body, Fault>) {
        let unsettled = self.theirs.get(call.0).is_some_and(|state| !core::mem::replace(&mut state.settled, true));
        if !unsettled {
            return;
        }
        let body = answer.map(|body| Outgoing::body(FrameType::Response, &body));
        let checked = body.and_then(|message| {
            self.check_size(message.bytes.len(), Code::RESPONSE_TOO_LARGE)?;
            Ok(message)
        });
        let message = checked.unwrap_or_else(|fault| Outgoing::new(FrameType::Fault, 0, fault.encode()));
        if let Some(state) = self.theirs.get(call.0) {
            state.deadline = None;
        }
        self.enqueue(call.0, message);
    }

    /// Withdraws a call of ours: at once, without an answer. One that has not left yet is never carried out.
    pub fn cancel(&mut self, call: CallId) {
        if !self.is_ours(call.0) {
            return;
        }
        let Some(state) = self.take_call(call.0) else { return };
        if state.sent {
            self.lanes[state.lane.index()].cancels.push_back(call.0);
        }
    }

    /// Notes that the application has read `cost` bytes of a call's items; its producer may go on.
    pub fn consumed(&mut self, call: CallId, cost: u32) {
        let window = u64::from(self.limits.call_window);
        let Some(state) = self.call_mut(call.0) else { return };
        if state.reading.take(cost.into(), window) {
            let lane = state.lane;
            self.grant(lane, call.0);
        }
    }

    pub(super) fn grant(&mut self, lane: Lane, call: u32) {
        let credits = &mut self.lanes[lane.index()].credits;
        if !credits.contains(&call) {
            credits.push_back(call);
        }
    }

    /// Pushes an event that the session subscribed to. Never waits: the oldest are dropped beyond the limit `events`.
    pub fn publish(&mut self, body: &Body) {
        let message = Outgoing::body(FrameType::Event, body);
        if self.phase == Phase::Closed || message.bytes.len() > self.limits.message_bytes as usize {
            self.events_lost += 1;
            return;
        }
        if self.events.len() >= self.limits.events as usize {
            let begun = usize::from(self.events[0].offset > 0);
            self.events.remove(begun);
            self.events_lost += 1;
        }
        self.events.push_back(Box::new(message));
        if !core::mem::replace(&mut self.events_scheduled, true) {
            self.lanes[0].schedule(Class::Token, NO_CALL);
        }
    }

    /// Asks the peer for a sign of life; [`Event::Pong`] brings `token` back. Only the newest unsent ping leaves.
    pub fn ping(&mut self, token: u64) {
        self.ping = Some(token);
    }

    /// Ends the session for good, telling the peer why.
    pub fn close(&mut self, reason: Fault) {
        self.fail(reason);
    }

    /// Calls whose deadline has passed fail on both sides.
    pub(super) fn expire_calls(&mut self, now: Millis) {
        if self.ack_at.is_some_and(|due| due <= now) {
            self.ack_at = Some(NOW);
        }
        let late = |call: &Call| call.deadline.is_some_and(|due| due <= now);
        for id in self.ours.ids(&late) {
            self.cancel(CallId(id));
            self.tell(Event::Failed { call: CallId(id), fault: too_late(id) });
        }
        for id in self.theirs.ids(&late) {
            self.refuse(id, too_late(id));
        }
    }

    /// Answers a call of the peer with a failure of our own making; the application stops working for it.
    pub(super) fn refuse(&mut self, id: u32, fault: Fault) {
        if self.theirs.get(id).is_some_and(|call| call.announced) {
            self.tell(Event::Cancelled { call: CallId(id) });
        }
        self.respond(CallId(id), Err(fault));
    }

    fn check_size(&self, size: usize, code: Code) -> Result<(), Fault> {
        let limit = self.limits.message_bytes;
        if size <= limit as usize {
            return Ok(());
        }
        Err(above(code, size, "message_bytes", limit))
    }

    /// Removes a call, and gives back what its half-sent message held of the allowance.
    pub(super) fn take_call(&mut self, id: u32) -> Option<Call> {
        let call = if self.is_ours(id) { self.ours.remove(id) } else { self.theirs.remove(id) }?;
        self.assembling -= call.partial.as_ref().map_or(0, |partial| partial.bytes.len());
        Some(call)
    }
}

/// A refusal that names the limit, as they all do.
pub(super) fn above(code: Code, number: usize, name: &str, limit: u32) -> Fault {
    Fault::new(code, join(&[&decimal(number as u64), " is above the limit `", name, "` (", &decimal(limit.into()), ")"]))
}

fn too_late(id: u32) -> Fault {
    Fault::new(Code::DEADLINE_EXCEEDED, join(&["call ", &decimal(id.into()), " was not answered before its deadline"]))
}

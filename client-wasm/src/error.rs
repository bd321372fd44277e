//! Failures of reaching a server: which step, what was tried, what to check.

use tabagent_protocol::{
    Code, Fault, Millis,
    text::{decimal, join},
};
use wasm_bindgen::JsValue;

use crate::{
    js,
    transport::{Rung, Step},
};

/// A fault on its way up. Boxed: a pointer moves in a fraction of the code.
pub(crate) type Failure = Box<Fault>;

/// A step took too long.
pub(crate) fn timed_out(step: Step, rung: Rung, after: Millis) -> Failure {
    failed(&["not connected after ", &decimal(after), " ms: ", step.hint(rung)])
}

/// The transport broke, perhaps while a step was waited for.
pub(crate) fn broke(step: Option<Step>, rung: Rung, why: &str) -> Failure {
    match step {
        Some(step) => failed(&[why, ": ", step.hint(rung)]),
        None => failed(&[why]),
    }
}

/// The session wants no more of a transport.
pub(crate) fn given_up(rung: Rung) -> Failure {
    failed(&["the server did not answer over ", rung.name()])
}

/// The session ended meanwhile.
pub(crate) fn over() -> Failure {
    failed(&["the session is over"])
}

/// Somebody else is at the other end.
pub(crate) fn not_ours() -> Failure {
    failed(&["the peer does not speak this protocol"])
}

/// Names the step that a failed attempt stopped at, in the message and, where there are no other particulars, in `details.step`.
pub(crate) fn stopped(step: Step, fault: &mut Fault) {
    let name = step.name();
    fault.message = join(&["connecting stopped at `", name, "`: ", &fault.message]).into();
    if fault.details.is_empty() {
        fault.details = join(&[r#"{"step":""#, name, r#""}"#]).into_bytes();
    }
}

/// An error object as the server writes it. `None` for anything else.
pub(crate) fn refusal(value: &JsValue) -> Option<Failure> {
    let mut fault = Fault::new(Code::custom(js::text(value, "code")?), js::text(value, "message")?);
    fault.details = js::json(value, "details");
    fault.retry_after_ms = js::number(value, "retry_after_ms");
    Some(Box::new(fault))
}

fn failed(message: &[&str]) -> Failure {
    Box::new(Fault::new(Code::TRANSPORT_FAILED, join(message)))
}

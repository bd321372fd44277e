//! Failures of reaching a server: which step, what was tried, what to check.

use tabagent_protocol::{Code, Fault, Millis};

use crate::{js, transport::Step};

/// The server's HTTP port does not answer, or the browser does not let us ask.
pub(crate) fn unreachable(url: &str) -> Fault {
    let hint = "is the server running there, does it allow this origin, and may this page reach the local network?";
    failed(format!("no answer from {url}: {hint}"))
}

/// Whoever answered is no server of ours.
pub(crate) fn not_a_server(url: &str, status: u16) -> Fault {
    failed(format!("{url} answered with HTTP status {status}: is it a tabagent server?"))
}

/// A step took too long.
pub(crate) fn timed_out(step: Step, after: Millis) -> Fault {
    failed(format!("not connected after {after} ms: {}", step.hint()))
}

/// The transport broke before the session stood.
pub(crate) fn broke(step: Step, why: &str) -> Fault {
    failed(format!("{why}: {}", step.hint()))
}

/// The session is gone, or its peer speaks another language.
pub(crate) fn not_ours() -> Fault {
    failed("the peer does not speak this protocol".to_owned())
}

/// The browser found no network interface.
pub(crate) fn stranded() -> Fault {
    let message = "the browser has no network interface for WebRTC (or, with a relay-only policy, no relay answered): go online, \
                   or connect another way";
    Fault::new(Code::NO_CANDIDATES, message)
}

/// Names the step that a failed attempt stopped at, in the message and, where there are no other particulars, in `details.step`.
pub(crate) fn stopped(step: Step, fault: &mut Fault) {
    let name = step.name();
    fault.message = format!("connecting stopped at `{name}`: {}", fault.message).into();
    if fault.details.is_empty() {
        fault.details = format!(r#"{{"step":"{name}"}}"#).into_bytes();
    }
}

/// An error object as the server writes it, over HTTP or as text on a channel. `None` for anything else.
pub(crate) fn refusal(json: &str) -> Option<Fault> {
    let value = js::parse(json);
    let mut fault = Fault::new(Code::custom(js::text(&value, "code")?), js::text(&value, "message")?);
    let details = js::field(&value, "details");
    if details.is_object() {
        fault.details = js::stringify(&details).into_bytes();
    }
    fault.retry_after_ms = js::number(&value, "retry_after_ms");
    Some(fault)
}

fn failed(message: String) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, message)
}

//! Failures of reaching a server: which step, what was tried, what to check.

use tabagent_protocol::{Code, Fault, Millis};
use wasm_bindgen::JsValue;

use crate::{js, transport::Step};

/// The server's HTTP port does not answer, or the browser does not let us ask.
pub(crate) fn unreachable(url: &str) -> Fault {
    let hint = "is the server running there, does it allow this origin, and may this page reach the local network?";
    Fault::new(Code::TRANSPORT_FAILED, format!("no answer from {url}: {hint}"))
}

/// A step took too long.
pub(crate) fn timed_out(step: Step, after: Millis) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, format!("not connected after {after} ms: {}", step.hint()))
}

/// The transport broke before the session stood.
pub(crate) fn broke(step: Step, why: &str) -> Fault {
    Fault::new(Code::TRANSPORT_FAILED, format!("{why}: {}", step.hint()))
}

/// The browser found no network interface.
pub(crate) fn stranded() -> Fault {
    let message = "the browser has no network interface to use WebRTC on (with a relay-only policy: no relay answered): \
                   go online, or connect another way";
    Fault::new(Code::NO_CANDIDATES, message)
}

/// Names the step that a failed attempt stopped at, in the message and, where there are no other particulars, in `details.step`.
pub(crate) fn stopped(step: Step, fault: Fault) -> Fault {
    let name = step.name();
    let details = if fault.details.is_empty() { format!(r#"{{"step":"{name}"}}"#).into_bytes() } else { fault.details };
    Fault { message: format!("connecting stopped at `{name}`: {}", fault.message).into(), details, ..fault }
}

/// An error object as the server writes it, over HTTP or as text on a channel. `None` for anything else.
pub(crate) fn refusal(json: &str) -> Option<Fault> {
    let value = js::parse(json);
    let code = js::text(&value, "code")?;
    let details = js::field(&value, "details");
    Some(Fault {
        code: Code::custom(code),
        message: js::text(&value, "message").unwrap_or_default().into(),
        details: if details.is_object() { js::stringify(&details).into_bytes() } else { Vec::new() },
        retry_after_ms: js::field(&value, "retry_after_ms").as_f64().map(|ms| ms as u32),
    })
}

/// What a value that should have been a reply says instead.
pub(crate) fn no_reply(url: &str, value: &JsValue) -> Fault {
    let kind = if value.is_object() { "another object" } else { "no JSON object" };
    Fault::new(Code::TRANSPORT_FAILED, format!("{url} answered with {kind}: is it a tabagent server?"))
}

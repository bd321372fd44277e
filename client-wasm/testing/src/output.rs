//! What is to be done, as JavaScript reads it: an array that begins with its kind.

use js_sys::{Array, Uint8Array};
use tabagent_protocol::{Body, CallId, Event, Output, Request};
use wasm_bindgen::JsValue;

/// An output of a session's endpoint; nothing for what concerns nobody outside.
pub(crate) fn array(session: u32, output: Output) -> Option<Array> {
    let id = |CallId(call): CallId| [session.into(), call.into()];
    Some(match output {
        Output::Transmit { connection, packet, .. } => {
            row("transmit", [connection.0.into(), Uint8Array::from(packet.as_slice()).into()])
        }
        Output::Close { connection } => row("close", [connection.0.into()]),
        Output::Event(event) => match event {
            Event::Request { call, request: Request { action, request_id, body, streams, .. } } => {
                let [value, payload] = parts(&body);
                let [session, call] = id(call);
                row(
                    "request",
                    [session, call, action.into(), request_id.unwrap_or_default().into(), value, payload, streams.into()],
                )
            }
            Event::Item { call, body, cost } | Event::News { call, body, cost } => {
                let ([session, call], [value, payload]) = (id(call), parts(&body));
                row("item", [session, call, cost.into(), value, payload])
            }
            Event::Response { call, body } => {
                let ([session, call], [value, payload]) = (id(call), parts(&body));
                row("response", [session, call, value, payload])
            }
            Event::Failed { call, fault } => {
                let [session, call] = id(call);
                row("failed", [session, call, fault.code.as_str().into(), fault.message.as_ref().into(), text(&fault.details)])
            }
            Event::Ended { call } => row("ended", id(call)),
            Event::Cancelled { call } | Event::Abandoned { call } => row("cancelled", id(call)),
            Event::Writable { call } => row("writable", id(call)),
            Event::Closed(_) => row("over", [session.into()]),
            Event::Welcomed(_) => row("begun", [session.into()]),
            Event::Moved { .. }
            | Event::Disconnected
            | Event::Expired(_)
            | Event::Published(_)
            | Event::Pong { .. }
            | Event::GoAway(_) => return None,
        },
    })
}

fn row<const N: usize>(kind: &str, rest: [JsValue; N]) -> Array {
    let row = Array::new();
    row.push(&kind.into());
    for each in rest {
        row.push(&each);
    }
    row
}

fn parts(body: &Body) -> [JsValue; 2] {
    let payload = body.payload.as_ref().map_or(JsValue::UNDEFINED, |payload| Uint8Array::from(payload.bytes.as_slice()).into());
    [text(&body.value), payload]
}

fn text(json: &[u8]) -> JsValue {
    String::from_utf8_lossy(json).as_ref().into()
}

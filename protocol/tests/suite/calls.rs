//! Calls in both directions: asked, answered, streamed, cancelled, too late.

use tabagent_protocol::{Code, Event, Fault, Lane, Limits, Payload, Request};

use crate::pair::{Pair, big, code, json, request};

#[test]
fn a_call_is_answered() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.ask("health", "{}");
    pair.run();
    let (asked, request) = pair.asked();
    assert_eq!((asked, request.action.as_str(), request.body.value.as_slice()), (call, "health", b"{}".as_slice()));
    pair.server.endpoint.respond(asked, Ok(json(r#"{"type":"health_response"}"#)));
    pair.run();
    assert_eq!(pair.client.events(), [Event::Response { call, body: json(r#"{"type":"health_response"}"#) }]);
    assert_eq!(pair.client.endpoint.calls_in_flight(), (0, 0));
    assert_eq!(pair.server.endpoint.calls_in_flight(), (0, 0));
}

#[test]
fn a_call_fails_with_its_particulars() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.ask("chat", "{}");
    pair.run();
    let fault = Fault::new(Code::VALIDATION_FAILED, "model is missing").with_details(r#"{"field":"model"}"#).retry_after(9);
    let asked = pair.asked().0;
    pair.server.endpoint.respond(asked, Err(fault.clone()));
    pair.run();
    assert_eq!(pair.client.events(), [Event::Failed { call, fault }]);
}

#[test]
fn the_server_calls_the_client() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.server.endpoint.call(pair.now, request("read_selection", "{}")).expect("a call");
    assert_eq!(call.0 % 2, 0, "a server's ids are even");
    pair.run();
    assert!(matches!(pair.client.events()[..], [Event::Request { call: asked, .. }] if asked == call));
    pair.client.endpoint.respond(call, Ok(json(r#""words""#)));
    pair.run();
    assert_eq!(pair.server.events(), [Event::Response { call, body: json(r#""words""#) }]);
}

#[test]
fn a_call_inside_a_call_is_answered_at_the_limit() {
    let mut pair = Pair::connected(Limits { calls: 1, ..Limits::default() });
    let outer = pair.ask("summarise_page", "{}");
    pair.run();
    pair.asked();
    let inner =
        pair.server.endpoint.call(pair.now, request("read_page", "{}")).expect("odd and even ids have limits of their own");
    pair.run();
    pair.client.events();
    pair.client.endpoint.respond(inner, Ok(json("1")));
    pair.run();
    assert_eq!(pair.server.events(), [Event::Response { call: inner, body: json("1") }]);
    pair.server.endpoint.respond(outer, Ok(json("2")));
    pair.run();
    assert_eq!(pair.client.events(), [Event::Response { call: outer, body: json("2") }]);
}

#[test]
fn items_arrive_in_order_before_the_answer() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.ask("chat", "{}");
    pair.run();
    pair.asked();
    for n in 0..500 {
        assert!(pair.server.endpoint.item(call, &json(&n.to_string())).expect("credit"));
    }
    pair.server.endpoint.respond(call, Ok(json("\"end\"")));
    pair.run();
    let events = pair.client.events();
    assert_eq!(events.len(), 501);
    for (n, event) in events[..500].iter().enumerate() {
        assert!(matches!(event, Event::Item { body, .. } if body.value == n.to_string().as_bytes()), "{n}: {event:?}");
    }
    assert!(matches!(events[500], Event::Response { .. }));
    let packets = pair.trace.iter().filter(|(up, _, bytes)| !up && bytes[0] == 2).count();
    assert!(packets < 10, "small frames share packets: {packets}");
}

#[test]
fn a_caller_streams_up() {
    let mut pair = Pair::connected(Limits::default());
    let upload = Request { streams: true, lane: Lane::Bulk, ..request("write_file", "{}") };
    let call = pair.client.endpoint.call(pair.now, upload).expect("a call");
    assert!(!pair.client.endpoint.writable(call), "nothing may be sent before the callee grants credit");
    pair.run();
    pair.asked();
    assert_eq!(pair.client.events(), [Event::Writable { call }]);
    pair.client.endpoint.item(call, &json("1")).expect("credit");
    pair.client.endpoint.end_items(call);
    pair.run();
    assert!(matches!(pair.server.events()[..], [Event::Item { .. }, Event::Ended { .. }]));
    assert!(pair.trace.iter().any(|(up, lane, _)| *up && *lane == Lane::Bulk), "every frame of a call stays in its lane");
}

#[test]
fn big_messages_and_raw_bytes_arrive_whole() {
    let mut pair = Pair::connected(Limits::default());
    let mut ask = request("echo", "");
    ask.body = big(300_000);
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    ask.body.payload = Some(Payload { content_type: Some("application/x-floats".to_owned()), bytes });
    let sent = ask.body.clone();
    let limit = pair.client.endpoint.call(pair.now, ask.clone()).expect_err("1.1 MB is above the limit");
    assert_eq!(code(&limit), "payload_too_large");
    let payload = ask.body.payload.as_mut().expect("it is there");
    payload.bytes.truncate(500_000);
    let sent = tabagent_protocol::Body { payload: ask.body.payload.clone(), ..sent };
    let call = pair.client.endpoint.call(pair.now, ask).expect("a call");
    pair.run();
    let (_, request) = pair.asked();
    assert_eq!(request.body, sent);
    pair.server.endpoint.respond(call, Ok(sent.clone()));
    pair.run();
    assert_eq!(pair.client.events(), [Event::Response { call, body: sent }]);
    assert!(pair.trace.iter().all(|(.., bytes)| bytes.len() <= 16 * 1024));
}

#[test]
fn a_small_call_overtakes_a_large_one() {
    let mut pair = Pair::connected(Limits::default());
    pair.network.depth = 2;
    let mut large = request("large", "");
    large.body = big(900_000);
    pair.client.endpoint.call(pair.now, large).expect("a call");
    pair.run_for(5);
    pair.ask("small", "{}");
    pair.run_for(10);
    assert_eq!(pair.asked().1.action, "small", "the large request is still arriving");
    pair.run();
    assert_eq!(pair.asked().1.action, "large");
}

#[test]
fn large_messages_take_turns() {
    let mut pair = Pair::connected(Limits::default());
    pair.network.depth = 2;
    for name in ["first", "second"] {
        let mut large = request(name, "");
        large.body = big(400_000);
        pair.client.endpoint.call(pair.now, large).expect("a call");
    }
    pair.run();
    assert_eq!(pair.server.events().len(), 2);
    let turns: Vec<u32> =
        pair.trace.iter().filter(|(up, _, bytes)| *up && bytes[0] == 2).map(|(.., bytes)| u32::from(bytes[16])).collect();
    let changes = turns.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 20, "pieces of both are mixed: {turns:?}");
}

#[test]
fn cancel_stops_the_callee_at_once() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.ask("chat", "{}");
    pair.run();
    pair.asked();
    pair.server.endpoint.item(call, &json("1")).expect("credit");
    pair.client.endpoint.cancel(call);
    pair.run();
    assert_eq!(pair.server.events(), [Event::Cancelled { call }]);
    assert_eq!(pair.client.events(), [], "the caller asked not to hear of it again");
    pair.server.endpoint.respond(call, Ok(json("late")));
    pair.run();
    assert_eq!(pair.client.events(), []);
    assert_eq!(pair.server.endpoint.calls_in_flight(), (0, 0));
}

#[test]
fn cancel_right_behind_the_request() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.ask("never_leaves", "{}");
    pair.client.endpoint.cancel(call);
    pair.run();
    assert_eq!(pair.server.events(), [], "a request that had not left is withdrawn");
}

#[test]
fn cancel_in_the_middle_of_a_large_request() {
    let mut pair = Pair::connected(Limits::default());
    pair.network.depth = 2;
    let mut large = request("large", "");
    large.body = big(900_000);
    let call = pair.client.endpoint.call(pair.now, large).expect("a call");
    pair.run_for(5);
    pair.client.endpoint.cancel(call);
    pair.run();
    assert_eq!(pair.server.events(), [], "the callee never had the whole");
    let next = pair.ask("health", "{}");
    pair.run();
    assert_eq!(pair.asked().0, next, "the session goes on");
}

#[test]
fn deadlines_tick_on_both_sides() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.client.endpoint.call(pair.now, Request { deadline_ms: Some(500), ..request("slow", "{}") }).expect("a call");
    pair.run();
    pair.asked();
    pair.run_for(600);
    assert!(matches!(&pair.client.events()[..], [Event::Failed { fault, .. }] if code(fault) == "deadline_exceeded"));
    assert_eq!(pair.server.events(), [Event::Cancelled { call }]);
}

#[test]
fn an_answer_in_time_stops_the_clock() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.client.endpoint.call(pair.now, Request { deadline_ms: Some(500), ..request("quick", "{}") }).expect("a call");
    pair.run();
    pair.asked();
    pair.server.endpoint.respond(call, Ok(json("1")));
    pair.run_for(2_000);
    assert!(matches!(pair.client.events()[..], [Event::Response { .. }]));
    assert_eq!(pair.server.events(), []);
}

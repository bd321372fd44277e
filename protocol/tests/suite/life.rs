//! A session's life: hello, welcome, keepalive, the end from either side.

use tabagent_protocol::{Code, Event, Fault, Input, Limits, frame::hello::Hello};

use crate::pair::{LINK, Pair, code, json};

#[test]
fn the_welcome_brings_the_servers_limits() {
    let mut pair = Pair::connected(Limits { calls: 3, ..Limits::default() });
    for _ in 0..3 {
        pair.ask("health", "{}");
    }
    let refused = pair.client.endpoint.call(pair.now, crate::pair::request("health", "{}")).expect_err("the limit");
    assert_eq!(code(&refused), "limit_reached");
}

#[test]
fn requests_may_follow_the_hello_at_once() {
    let mut pair = Pair::new(Limits::default());
    let early = pair.ask("before_any_transport", "{}");
    pair.open();
    pair.run();
    let events = pair.server.events();
    assert!(matches!(&events[..], [Event::Welcomed(_), Event::Request { call, .. }] if *call == early), "{events:?}");
    assert_eq!(pair.trace[1].2[0], 2, "the request is the second packet: it did not wait for the welcome");
}

#[test]
fn disjoint_versions_are_told_apart() {
    let mut pair = Pair::new(Limits::default());
    let hello = Hello {
        versions: (7, 9),
        epoch: 1,
        secret: [0; 32],
        welcomed: false,
        sent: [0; 2],
        received: [0; 2],
        bearer: None,
        replaces: vec![],
    };
    pair.server.endpoint.accept(pair.now, LINK, &hello);
    pair.run();
    assert!(matches!(&pair.server.events()[..], [Event::Closed(fault)] if code(fault) == "version_mismatch"));
}

#[test]
fn a_welcome_that_never_comes() {
    let mut pair = Pair::new(Limits::default());
    pair.network.stalled = true;
    let call = pair.ask("health", "{}");
    pair.open();
    pair.run_for(10_000);
    assert_eq!(pair.client.events(), [Event::Disconnected], "the call waits for another transport");
    assert!(pair.client.closed);
    pair.run_for(60_000);
    let events = pair.client.events();
    let [Event::Failed { call: failed, fault }, Event::Expired(_)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*failed, code(fault)), (call, "outcome_unknown"), "it was sent behind the hello");
}

#[test]
fn silence_is_asked_about_and_then_believed() {
    let mut pair = Pair::connected(Limits::default());
    pair.run_for(60_000);
    assert_eq!(pair.server.events(), [], "a client that answers pings is alive for ever");
    pair.network.stalled = true;
    pair.run_for(19_000);
    assert_eq!(pair.server.events(), [], "three pings of five seconds each");
    pair.run_for(3_000);
    assert_eq!(pair.server.events(), [Event::Disconnected]);
    pair.run_for(60_000);
    assert!(matches!(&pair.server.events()[..], [Event::Closed(fault)] if code(fault) == "session_expired"));
}

#[test]
fn a_session_that_stays_lost_settles_what_had_left_and_keeps_what_had_not() {
    let mut pair = Pair::connected(Limits::default());
    let sent = pair.ask("sent", "{}");
    pair.run();
    let (asked, _) = pair.asked();
    pair.network.stalled = true;
    for side in [&mut pair.client, &mut pair.server] {
        side.endpoint.handle(pair.now, Input::Closed { connection: LINK });
    }
    let unsent = pair.ask("unsent", "{}");
    pair.run();
    assert_eq!(pair.client.events(), [Event::Disconnected]);
    assert_eq!(pair.server.events(), [Event::Disconnected], "its call goes on");
    pair.run_for(60_000);
    let events = pair.client.events();
    let [Event::Failed { call, fault }, Event::Expired(reason)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*call, code(fault), code(reason)), (sent, "outcome_unknown", "session_expired"), "it may have been carried out");
    assert!(matches!(&pair.server.events()[..], [Event::Abandoned { call }, Event::Closed(_)] if *call == asked));
    // The next session takes along what never left.
    pair.network.stalled = false;
    pair.client.endpoint.restart([2; 32]);
    pair.renew_server();
    pair.open();
    pair.run();
    let events = pair.server.events();
    assert!(matches!(&events[..], [Event::Welcomed(_), Event::Request { call, .. }] if *call == unsent), "{events:?}");
}

#[test]
fn close_tells_the_other_side_why() {
    let mut pair = Pair::connected(Limits::default());
    pair.ask("chat", "{}");
    pair.run();
    pair.asked();
    pair.client.endpoint.close(Fault::new(Code::CANCELLED, "the page is done"));
    pair.run();
    let events = pair.server.events();
    assert!(
        matches!(&events[..], [Event::GoAway(away), Event::Abandoned { .. }, Event::Closed(_)] if away.reason.message == "the page is done"),
        "{events:?}"
    );
    assert!(pair.client.closed && pair.server.closed);
    let refused = pair.client.endpoint.call(pair.now, crate::pair::request("late", "{}")).expect_err("closed");
    assert_eq!(code(&refused), "invalid_state");
}

#[test]
fn pings_measure_the_way() {
    let mut pair = Pair::connected(Limits::default());
    pair.client.endpoint.ping(42);
    pair.run();
    assert_eq!(pair.client.events(), [Event::Pong { token: 42 }]);
}

#[test]
fn nothing_is_due_when_nothing_happens() {
    let mut pair = Pair::connected(Limits::default());
    let call = pair.ask("health", "{}");
    pair.run();
    pair.asked();
    pair.server.endpoint.respond(call, Ok(json("1")));
    pair.run();
    assert_eq!(pair.client.endpoint.deadline(), None, "an idle client sleeps");
}

//! Nobody is flooded: credit per call, full pipes, acknowledgements, events for slow readers.

use tabagent_protocol::{Event, Lane, Limits};

use crate::pair::{Pair, big, code, json};

#[test]
fn a_slow_reader_holds_its_producer_and_nobody_else() {
    let mut pair = Pair::connected(Limits { call_window: 10_000, ..Limits::default() });
    let slow = pair.ask("slow", "{}");
    pair.run();
    pair.asked();
    let mut given = 0;
    while pair.server.endpoint.writable(slow) {
        pair.server.endpoint.item(slow, &big(1_000)).expect("credit");
        given += 1;
    }
    assert_eq!(given, 10, "a window of 10 kB takes ten items of 1 kB, the last one overdraws");
    let refused = pair.server.endpoint.item(slow, &json("1")).expect_err("no credit");
    assert_eq!(code(&refused), "invalid_state");
    let other = pair.ask("other", "{}");
    pair.run();
    pair.server.events();
    pair.server.endpoint.respond(other, Ok(json("1")));
    pair.run();
    let events = pair.client.events();
    assert!(matches!(events.last(), Some(Event::Response { call, .. }) if *call == other), "other calls go on");
    let costs: Vec<u32> =
        events.iter().filter_map(|event| if let Event::Item { cost, .. } = event { Some(*cost) } else { None }).collect();
    assert_eq!(costs.len(), 10);
    pair.client.endpoint.consumed(slow, costs[..6].iter().sum());
    pair.run();
    assert_eq!(pair.server.events(), [Event::Writable { call: slow }], "reading opens the window");
}

#[test]
fn a_message_larger_than_the_window_may_overdraw_it() {
    let mut pair = Pair::connected(Limits { call_window: 1_000, ..Limits::default() });
    let call = pair.ask("one_big_item", "{}");
    pair.run();
    pair.asked();
    assert!(!pair.server.endpoint.item(call, &big(500_000)).expect("credit"));
    pair.run();
    let events = pair.client.events();
    let [Event::Item { cost, .. }] = events[..] else { panic!("{events:?}") };
    pair.client.endpoint.consumed(call, cost);
    pair.run();
    assert_eq!(pair.server.events(), [Event::Writable { call }]);
}

#[test]
fn items_without_credit_end_the_session() {
    let mut pair = Pair::connected(Limits { call_window: 1_000, ..Limits::default() });
    let call = pair.ask("flood", "{}");
    pair.run();
    pair.asked();
    pair.server.endpoint.item(call, &big(2_000)).expect("credit");
    pair.run();
    pair.client.events();
    // A server that does not heed credit: the same item once more, forged under the next number.
    let (.., mut packet) =
        pair.trace.iter().rev().find(|(up, _, bytes)| !up && bytes[0] == 2).cloned().expect("the item's packet");
    packet[4] += 1;
    pair.client.endpoint.handle(pair.now, tabagent_protocol::Input::Packet { connection: crate::pair::LINK, bytes: &packet });
    pair.run();
    let events = pair.client.events();
    assert!(matches!(events.last(), Some(Event::Closed(fault)) if code(fault) == "protocol_error"), "{events:?}");
}

#[test]
fn both_pipes_full_still_read() {
    let mut pair = Pair::connected(Limits::default());
    pair.network.depth = 1;
    let up = pair.ask("up", "{}");
    pair.run();
    pair.asked();
    let down = pair.server.endpoint.call(pair.now, crate::pair::request("down", "{}")).expect("a call");
    pair.run();
    pair.client.events();
    pair.server.endpoint.respond(up, Ok(big(900_000)));
    pair.client.endpoint.respond(down, Ok(big(900_000)));
    pair.run_for(1_000);
    assert!(matches!(pair.client.events()[..], [Event::Response { .. }]));
    assert!(matches!(pair.server.events()[..], [Event::Response { .. }]));
}

#[test]
fn a_stalled_network_loses_nothing() {
    let mut pair = Pair::connected(Limits::default());
    pair.network.stalled = true;
    let calls: Vec<_> = (0..100).map(|n| pair.ask("health", &n.to_string())).collect();
    pair.run_for(300);
    assert_eq!(pair.server.events(), []);
    pair.network.stalled = false;
    pair.run();
    let heard: Vec<_> = pair
        .server
        .events()
        .into_iter()
        .map(|event| if let Event::Request { call, .. } = event { Some(call) } else { None })
        .collect();
    assert_eq!(heard, calls.into_iter().map(Some).collect::<Vec<_>>());
}

#[test]
fn acknowledgements_follow_bytes_at_once_and_the_tail_soon() {
    let mut pair = Pair::connected(Limits::default());
    let before = acks(&pair);
    pair.ask("tail", "{}");
    pair.run_for(10);
    assert_eq!(acks(&pair), before, "a small packet waits for company");
    pair.run_for(30);
    assert_eq!(acks(&pair), before + 1);
    let mut large = crate::pair::request("large", "");
    large.body = big(320_000);
    pair.client.endpoint.call(pair.now, large).expect("a call");
    pair.run();
    assert!((before + 8..=before + 13).contains(&acks(&pair)), "about one per 32 KiB: {}", acks(&pair));
    let [sent, acked, ..] = pair.client.endpoint.lane_counts(Lane::Interactive);
    assert_eq!(sent, acked);
}

fn acks(pair: &Pair) -> usize {
    pair.trace.iter().filter(|(up, _, bytes)| !up && bytes[0] == 1 && bytes[4] == 3).count()
}

#[test]
fn events_never_wait_and_say_what_was_lost() {
    let mut pair = Pair::connected(Limits { events: 10, ..Limits::default() });
    pair.network.stalled = true;
    pair.network.depth = 1;
    for n in 0..50 {
        pair.server.endpoint.publish(&json(&n.to_string()));
        pair.run_for(1);
    }
    pair.network.stalled = false;
    pair.run_for(300);
    let heard: Vec<String> = pair.client.events().into_iter().map(text).collect();
    assert_eq!(heard.first().map(String::as_str), Some("0"), "{heard:?}");
    assert_eq!(heard.last().map(String::as_str), Some("49"));
    let lost = heard.iter().find(|event| event.contains("events_lost")).expect("the reader is told");
    let count: usize = lost.split(':').next_back().and_then(|n| n.trim_end_matches('}').parse().ok()).expect("a number");
    assert_eq!(count + heard.len() - 1, 50, "every event is either there or counted");
}

fn text(event: Event) -> String {
    match event {
        Event::Published(body) => String::from_utf8(body.value).expect("text"),
        other => panic!("{other:?}"),
    }
}

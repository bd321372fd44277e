//! Sessions that change their transport: the interleavings that random ones might miss, each by name.

use tabagent_protocol::{
    Body, CallId, Code, ConnectionId, Endpoint, Event, Fault, Input, Lane, Limits, Request,
    frame::{go_away::GoAway, hello::Hello},
};

use crate::{
    pair::{big, code, json, request},
    rig::{Rig, Way},
};

#[test]
fn a_session_goes_on_where_it_was() {
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("slow");
    rig.flush();
    assert_eq!(rig.asked(), [call]);
    rig.cut(1);
    rig.respond(call, "1");
    rig.open(2);
    rig.flush();
    assert_eq!(rig.answered(), [(call, "1".to_owned())]);
    assert_eq!(rig.client.sending(), Some(ConnectionId(2)));
    assert_eq!(rig.server.sending(), Some(ConnectionId(2)));
}

#[test]
fn what_the_peer_never_got_is_sent_again_and_what_it_got_is_not_heard_twice() {
    let mut rig = Rig::connected(Limits::default());
    let (heard, lost) = (rig.ask("heard"), rig.ask("lost"));
    rig.deliver(1, Way::Up, Lane::Interactive);
    rig.cut(1);
    assert_eq!(rig.asked(), [heard]);
    rig.respond(heard, "1");
    rig.open(2);
    rig.flush();
    assert_eq!(rig.asked(), [lost]);
    assert_eq!(rig.answered(), [(heard, "1".to_owned())]);
}

#[test]
fn a_session_moves_while_its_transport_lives_and_the_older_one_is_closed() {
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("before");
    rig.open(2);
    let during = rig.ask("during");
    rig.flush();
    assert_eq!(rig.asked(), [call, during]);
    assert_eq!(rig.transports(), [2], "the first one was closed by the server");
    rig.respond(during, "2");
    rig.respond(call, "1");
    rig.flush();
    assert_eq!(rig.answered(), [(during, "2".to_owned()), (call, "1".to_owned())]);
}

#[test]
fn the_welcome_is_lost_on_the_new_transport_while_the_old_one_lives() {
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("asked");
    rig.open(2);
    rig.deliver(2, Way::Up, Lane::Interactive);
    // The welcome is under way on 2 when it breaks.
    rig.cut(2);
    rig.flush();
    assert_eq!(rig.asked(), [call]);
    rig.respond(call, "1");
    rig.flush();
    assert_eq!(rig.answered(), [(call, "1".to_owned())], "the old transport went on");
    assert_eq!(rig.client.sending(), Some(ConnectionId(1)));
}

#[test]
fn the_proof_of_the_welcome_is_lost_and_the_old_transport_is_fallen_back_to() {
    let mut rig = Rig::connected(Limits::default());
    rig.open(2);
    rig.deliver(2, Way::Up, Lane::Interactive);
    rig.deliver(2, Way::Down, Lane::Interactive);
    assert_eq!(rig.client.sending(), Some(ConnectionId(2)), "the client has moved");
    assert_eq!(rig.server.sending(), Some(ConnectionId(1)), "the server waits for the proof");
    let call = rig.ask("on the new one");
    rig.cut(2);
    assert_eq!(rig.client.sending(), Some(ConnectionId(1)));
    rig.flush();
    assert_eq!(rig.asked(), [call]);
}

#[test]
fn hellos_cross() {
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("asked");
    rig.flush();
    rig.asked();
    rig.open(2);
    rig.open(3);
    // The later hello arrives first; the earlier one is refused, its transport alone.
    rig.deliver(3, Way::Up, Lane::Interactive);
    rig.deliver(2, Way::Up, Lane::Interactive);
    rig.flush();
    rig.respond(call, "1");
    rig.flush();
    assert_eq!(rig.answered(), [(call, "1".to_owned())]);
    assert_eq!(rig.transports(), [3]);
}

#[test]
fn a_first_hello_is_raced_over_two_transports_and_makes_one_session() {
    for later_first in [false, true] {
        let mut rig = Rig::new(Limits::default());
        let call = rig.ask("early");
        rig.open(1);
        rig.open(2);
        let [first, second] = if later_first { [2, 1] } else { [1, 2] };
        rig.deliver(first, Way::Up, Lane::Interactive);
        rig.deliver(second, Way::Up, Lane::Interactive);
        rig.flush();
        assert_eq!(rig.asked(), [call], "once, over whichever");
        rig.respond(call, "1");
        rig.flush();
        assert_eq!(rig.answered(), [(call, "1".to_owned())]);
        assert_eq!(rig.transports(), [2]);
    }
}

#[test]
fn a_first_hello_is_repeated_after_its_transport_broke() {
    let mut rig = Rig::new(Limits::default());
    let call = rig.ask("early");
    rig.open(1);
    // The server had hello and request; its welcome never came.
    rig.deliver(1, Way::Up, Lane::Interactive);
    rig.deliver(1, Way::Up, Lane::Interactive);
    assert_eq!(rig.asked(), [call]);
    rig.cut(1);
    rig.respond(call, "1");
    rig.open(2);
    rig.flush();
    assert_eq!(rig.asked(), [], "carried out once");
    assert_eq!(rig.answered(), [(call, "1".to_owned())]);
}

#[test]
fn requests_behind_a_resume_whose_predecessors_died() {
    let mut rig = Rig::connected(Limits::default());
    let first = rig.ask("died under way");
    rig.cut(1);
    let second = rig.ask("made while disconnected");
    rig.open(2);
    let third = rig.ask("made behind the hello");
    rig.deliver(2, Way::Up, Lane::Interactive);
    rig.cut(2);
    let fourth = rig.ask("made while disconnected again");
    rig.open(3);
    rig.flush();
    assert_eq!(rig.asked(), [first, second, third, fourth]);
}

#[test]
fn a_cancel_right_behind_its_request() {
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("regretted");
    rig.client.cancel(call);
    rig.drain();
    rig.cut(1);
    rig.open(2);
    rig.flush();
    let heard = std::mem::take(&mut rig.server_heard);
    let relevant: Vec<_> =
        heard.iter().filter(|event| matches!(event, Event::Request { .. } | Event::Cancelled { .. })).collect();
    assert!(matches!(relevant[..], [Event::Request { .. }, Event::Cancelled { .. }]), "{relevant:?}");
    // One that never left is withdrawn without a word.
    rig.cut(2);
    let unsent = rig.ask("withdrawn");
    rig.client.cancel(unsent);
    rig.open(3);
    rig.flush();
    assert_eq!(rig.asked(), []);
}

#[test]
fn both_pipes_are_full_in_both_directions_and_both_ends_still_read() {
    let limits = Limits { call_window: 1024 * 1024, ..Limits::default() };
    let mut rig = Rig::connected(limits);
    rig.depth = 2;
    let up = rig.client.call(rig.now, Request { streams: true, ..request("both", "{}") }).expect("a call");
    rig.flush();
    rig.asked();
    for _ in 0..20 {
        rig.client.item(up, &big(30_000)).expect("credit");
        rig.server.item(up, &big(30_000)).expect("credit");
    }
    rig.flush();
    let items = |heard: &[Event]| heard.iter().filter(|event| matches!(event, Event::Item { .. })).count();
    assert_eq!((items(&rig.client_heard), items(&rig.server_heard)), (20, 20));
}

#[test]
fn four_unread_streams_do_not_hold_up_a_nested_call() {
    let mut rig = Rig::connected(Limits { call_window: 16 * 1024, ..Limits::default() });
    let streams: Vec<_> = (0..4).map(|n| rig.ask(&format!("stream {n}"))).collect();
    rig.flush();
    assert_eq!(rig.asked(), streams);
    for stream in &streams {
        while rig.server.writable(*stream) {
            rig.server.item(*stream, &big(5_000)).expect("credit");
        }
    }
    let outer = rig.ask("outer");
    rig.flush();
    assert_eq!(rig.asked(), [outer]);
    let inner = rig.server.call(rig.now, request("inner", "{}")).expect("a call");
    rig.flush();
    rig.client.respond(inner, Ok(json("1")));
    rig.flush();
    rig.respond(outer, "2");
    rig.flush();
    assert!(rig.answered().contains(&(outer, "2".to_owned())), "though nobody reads the streams");
}

#[test]
fn a_message_larger_than_the_calls_window_arrives_over_two_transports() {
    let mut rig = Rig::connected(Limits { call_window: 4 * 1024, ..Limits::default() });
    let call = rig.ask("large");
    rig.flush();
    rig.asked();
    rig.server.item(call, &big(200_000)).expect("credit");
    rig.drain();
    for _ in 0..5 {
        rig.deliver(1, Way::Down, Lane::Interactive);
    }
    rig.cut(1);
    rig.open(2);
    rig.flush();
    let items: Vec<_> = rig
        .client_heard
        .iter()
        .filter_map(|event| if let Event::Item { body, .. } = event { Some(body.value.len()) } else { None })
        .collect();
    assert_eq!(items, [200_002]);
}

#[test]
fn a_lane_at_its_budget_makes_its_producer_wait_and_the_other_lane_goes_on() {
    let limits = Limits { bulk_bytes: 64 * 1024, call_window: 1024 * 1024, ..Limits::default() };
    let mut rig = Rig::connected(limits);
    let bulk = rig.client.call(rig.now, Request { lane: Lane::Bulk, streams: true, ..request("upload", "{}") }).expect("a call");
    rig.flush();
    rig.asked();
    for _ in 0..20 {
        rig.client.item(bulk, &big(15_000)).expect("credit");
    }
    rig.drain();
    let [sent, acked, ..] = rig.client.lane_counts(Lane::Bulk);
    assert!(sent - acked <= 5, "{sent} sent, {acked} acknowledged");
    let call = rig.ask("quick");
    while rig.deliver(1, Way::Up, Lane::Interactive) {}
    assert_eq!(rig.asked(), [call]);
    rig.flush();
    let items = rig.server_heard.iter().filter(|event| matches!(event, Event::Item { .. })).count();
    assert_eq!(items, 20, "the rest follows as it is acknowledged");
}

#[test]
fn over_a_transport_that_cannot_say_how_full_it_is_no_more_is_under_way_than_may_be_sent_again_or_new() {
    const MOST: usize = 64 * 1024;
    for lane in Lane::ALL {
        let limits = Limits { interactive_bytes: 1024 * 1024, call_window: 4 * 1024 * 1024, ..Limits::default() };
        let mut rig = Rig::connected(limits);
        let call = rig.client.call(rig.now, Request { lane, streams: true, ..request("upload", "{}") }).expect("a call");
        rig.flush();
        rig.asked();
        let mut sent = 0;
        let mut send = |rig: &mut Rig, items| {
            for _ in 0..items {
                rig.client.item(call, &big(15_000 + sent)).expect("credit");
                sent += 1;
            }
            rig.drain();
        };
        send(&mut rig, 10);
        rig.flush();
        send(&mut rig, 30);
        let before = rig.under_way(1, Way::Up, lane);
        assert!(before > MOST + 16 * 1024, "{before}");
        rig.cut(1);
        rig.confined = Some(MOST as u32);
        rig.open(2);
        send(&mut rig, 10);
        let mut most = 0;
        while let Some((id, way, which)) = rig.pending().first().copied() {
            most = most.max(rig.under_way(2, Way::Up, lane));
            rig.deliver(id, way, which);
        }
        assert!(most <= MOST + 16 * 1024, "{most} bytes in {lane:?}");
        rig.flush();
        let item = |event: &Event| if let Event::Item { body, .. } = event { Some(body.value.len()) } else { None };
        let items: Vec<_> = rig.server_heard.iter().filter_map(item).collect();
        assert_eq!(items, (0..50).map(|n| 15_002 + n).collect::<Vec<_>>());
    }
}

#[test]
fn somebody_else_goes_on_with_the_secret() {
    // The client is copied, with all it knows, after its first call; then both go on.
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("first");
    rig.flush();
    rig.asked();
    rig.respond(call, "1");
    rig.flush();
    let hello = |epoch, received| Hello {
        versions: (1, 1),
        epoch,
        secret: [1; 32],
        welcomed: true,
        sent: [1, 0],
        received,
        bearer: None,
        replaces: vec![],
    };
    // The copy claims to have received what was never sent.
    rig.server.accept(rig.now, ConnectionId(7), &hello(2, [9, 0]));
    rig.drain();
    assert!(rig.server_heard.iter().any(|event| matches!(event, Event::Closed(fault) if code(fault) == "protocol_error")));
}

#[test]
fn a_client_learns_that_somebody_else_went_on() {
    let mut rig = Rig::connected(Limits::default());
    let copy_of_counts = rig.client.lane_counts(Lane::Interactive);
    assert_eq!(copy_of_counts[0], 0);
    // Somebody else, over a transport of their own, sends a request this client never made.
    let hello = Hello {
        versions: (1, 1),
        epoch: 2,
        secret: [1; 32],
        welcomed: true,
        sent: [0; 2],
        received: [0; 2],
        bearer: None,
        replaces: vec![],
    };
    rig.server.accept(rig.now, ConnectionId(7), &hello);
    let ack = tabagent_protocol::frame::ack::Ack { epoch: 2, received: [0; 2] };
    rig.server.handle(rig.now, Input::Packet { connection: ConnectionId(7), bytes: &ack.packet() });
    let foreign = foreign_request();
    rig.server.handle(rig.now, Input::Packet { connection: ConnectionId(7), bytes: &foreign });
    rig.drain();
    // The first client's transport was closed; it comes back, and is told of a packet it never sent.
    rig.open(2);
    rig.flush();
    // Its hello has an epoch that somebody else has used: only that transport is refused.
    rig.open(3);
    rig.flush();
    let ended = rig.client_heard.iter().any(|event| matches!(event, Event::Closed(fault) if code(fault) == "protocol_error"));
    assert!(ended, "{:?}", rig.client_heard);
}

/// A data packet, number 1, with the request of call 1.
fn foreign_request() -> Vec<u8> {
    use tabagent_protocol::{
        frame::{FrameType, RawFrame},
        packet::{self, Header},
    };
    let mut packet = packet::begin(Header::Data { lane: Lane::Interactive, sequence: 1 });
    let body = request("foreign", "{}").encode();
    packet::put_frame(&mut packet, RawFrame { kind: FrameType::Request, flags: 0, call: 1, body: &body });
    packet
}

#[test]
fn a_transport_that_looks_alive_but_carries_nothing_is_given_up() {
    let limits = Limits { keepalive: 1_000, keepalive_misses: 2, ..Limits::default() };
    let mut rig = Rig::connected(limits);
    let call = rig.ask("stuck");
    // The request never arrives, while pings and pongs still do.
    for _ in 0..4 {
        rig.pass(1_000);
    }
    assert_eq!(rig.client.sending(), None);
    assert!(rig.client_heard.contains(&Event::Disconnected));
    rig.open(2);
    rig.flush();
    assert_eq!(rig.asked(), [call]);
}

#[test]
fn deadlines_tick_while_nobody_is_connected() {
    let mut rig = Rig::connected(Limits::default());
    let timed = Request { deadline_ms: Some(5_000), ..request("timed", "{}") };
    let call = rig.client.call(rig.now, timed).expect("a call");
    rig.flush();
    rig.asked();
    rig.cut(1);
    rig.pass(6_000);
    assert!(rig.server_heard.contains(&Event::Cancelled { call }), "the server stops working");
    assert!(
        rig.client_heard.iter().any(|event| matches!(event, Event::Failed { fault, .. } if code(fault) == "deadline_exceeded"))
    );
}

#[test]
fn events_wait_for_the_next_transport_within_their_bound() {
    let mut rig = Rig::connected(Limits { events: 3, ..Limits::default() });
    rig.cut(1);
    for n in 0..5 {
        rig.server.publish(&Body::json(n.to_string()));
    }
    rig.open(2);
    rig.flush();
    let events: Vec<_> = rig
        .client_heard
        .iter()
        .filter_map(|event| {
            if let Event::Published(body) = event { Some(String::from_utf8_lossy(&body.value).into_owned()) } else { None }
        })
        .collect();
    assert_eq!(events, [r#"{"type":"event","event":"events_lost","count":2}"#, "2", "3", "4"]);
}

/// Every order of events in a short exchange with up to two cuts and one move: calls up, an answer, items down.
#[test]
fn every_order_of_a_short_exchange() {
    let mut choices: Vec<(usize, usize)> = Vec::new();
    let mut runs = 0_u64;
    loop {
        play(&mut choices);
        runs += 1;
        // The next sequence of choices, as an odometer counts.
        while choices.last().is_some_and(|(choice, options)| choice + 1 == *options) {
            choices.pop();
        }
        let Some(last) = choices.last_mut() else { break };
        last.0 += 1;
    }
    println!("{runs} orders");
    assert!(runs > 10_000, "{runs}");
}

/// Plays the exchange by these choices, then by first ones, which it writes down.
fn play(choices: &mut Vec<(usize, usize)>) {
    let mut rig = Rig::new(Limits::default());
    let (mut cuts, mut moves, mut next, mut at) = (2, 1, 2, 0);
    let (mut executed, mut answers, mut items) = (Vec::new(), Vec::new(), 0);
    let call = rig.ask("stream");
    rig.open(1);
    loop {
        for event in std::mem::take(&mut rig.server_heard) {
            if let Event::Request { call, .. } = event {
                executed.push(call);
                for n in 0..2 {
                    rig.server.item(call, &json(&n.to_string())).expect("credit");
                }
                rig.server.respond(call, Ok(json("done")));
            }
        }
        rig.drain();
        for event in std::mem::take(&mut rig.client_heard) {
            match event {
                Event::Item { body, .. } => {
                    assert_eq!(body.value, items.to_string().as_bytes());
                    items += 1;
                }
                Event::Response { call, .. } => answers.push(call),
                Event::Disconnected => {
                    rig.open(next);
                    next += 1;
                }
                Event::Failed { fault, .. } | Event::Closed(fault) => panic!("{choices:?}: {fault:?}"),
                _ => {}
            }
        }
        let pending = rig.pending();
        if pending.is_empty() && answers.len() == 1 {
            break;
        }
        let transports = rig.transports();
        let mut options = pending.len();
        let cuttable = if cuts > 0 && answers.is_empty() { transports.len() } else { 0 };
        options += cuttable;
        let movable = usize::from(moves > 0 && answers.is_empty() && transports.len() < 3);
        options += movable;
        if pending.is_empty() && answers.is_empty() {
            // Only time can help: acknowledgements, welcomes that do not come.
            rig.pass(1_000);
            assert!(rig.now < 200_000, "{choices:?}: nothing happens any more");
            continue;
        }
        if choices.len() == at {
            choices.push((0, options));
        }
        let choice = choices[at].0;
        at += 1;
        if let Some((id, way, lane)) = pending.get(choice) {
            rig.deliver(*id, *way, *lane);
        } else if choice < pending.len() + cuttable {
            cuts -= 1;
            rig.cut(transports[choice - pending.len()]);
        } else {
            moves -= 1;
            rig.open(next);
            next += 1;
        }
    }
    assert_eq!((executed.as_slice(), answers.as_slice(), items), (&[call][..], &[call][..], 2), "{choices:?}");
    assert_eq!(call, CallId(1));
}

/// The server answers the hello of a transport with a refusal of the session.
fn refuse(rig: &mut Rig, id: u32, refusal: Code) {
    let packet = GoAway { last: true, deadline_ms: 0, reason: Fault::new(refusal, "no") }.packet();
    rig.client.handle(rig.now, Input::Packet { connection: ConnectionId(id), bytes: &packet });
    rig.drain();
}

/// How calls failed since the last look.
fn failed(rig: &mut Rig) -> Vec<(CallId, String)> {
    let heard = std::mem::take(&mut rig.client_heard);
    let faults = heard.into_iter().filter_map(|event| match event {
        Event::Failed { call, fault } => Some((call, code(&fault).to_owned())),
        _ => None,
    });
    faults.collect()
}

#[test]
fn what_left_behind_a_hello_that_is_refused_was_not_carried_out_and_waits_for_the_next_session() {
    let mut rig = Rig::connected(Limits::default());
    let before = rig.ask("sent before");
    rig.cut(1);
    let large = Request { body: big(40_000), ..request("large", "{}") };
    let waiting = [rig.ask("made meanwhile"), rig.client.call(rig.now, large).expect("a call")];
    rig.depth = 3;
    rig.open(2);
    refuse(&mut rig, 2, Code::SESSION_EXPIRED);
    assert_eq!(failed(&mut rig), [(before, "outcome_unknown".to_owned())]);
    rig.depth = usize::MAX;
    rig.client.restart([2; 32]);
    rig.server = Endpoint::server(Limits::default(), [9; 16]);
    rig.open(3);
    rig.flush();
    assert_eq!(rig.asked(), waiting, "both, each once and whole");
    waiting.iter().for_each(|call| rig.respond(*call, "1"));
    rig.flush();
    assert_eq!(rig.answered(), waiting.map(|call| (call, "1".to_owned())));
}

#[test]
fn what_left_behind_a_hello_that_was_lost_may_have_been_carried_out() {
    let mut rig = Rig::connected(Limits::default());
    rig.cut(1);
    let call = rig.ask("made meanwhile");
    rig.open(2);
    rig.cut(2);
    rig.open(2);
    refuse(&mut rig, 2, Code::SESSION_EXPIRED);
    assert_eq!(failed(&mut rig), [(call, "outcome_unknown".to_owned())]);
}

#[test]
fn calls_of_a_stranger_fail_for_the_reason_of_the_refusal() {
    let mut rig = Rig::new(Limits::default());
    let call = rig.ask("early");
    rig.open(1);
    refuse(&mut rig, 1, Code::UNAUTHORIZED);
    assert_eq!(failed(&mut rig), [(call, "unauthorized".to_owned())]);
}

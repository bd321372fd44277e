//! A server that announces its end, a connection that is to be left, hellos that are refused for now.

use tabagent_protocol::{
    Code, ConnectionId, Endpoint, Event, Fault, Input, Limits, Millis, frame::go_away::GoAway, frame::hello::Hello,
};

use crate::{
    pair::{code, request},
    rig::{Rig, Way},
};

const DEADLINE: Millis = 5_000;

fn draining() -> Fault {
    Fault::new(Code::DRAINING, "bye")
}

fn announce(rig: &mut Rig) {
    rig.server.leave(rig.now, rig.now + DEADLINE, draining());
    rig.flush();
}

/// What was announced since the last look: whether it is the end, and when.
fn announced(rig: &mut Rig) -> Vec<(bool, u32)> {
    let heard = std::mem::take(&mut rig.client_heard);
    let away = heard.into_iter().filter_map(|event| match event {
        Event::GoAway(GoAway { last, deadline_ms, .. }) => Some((last, deadline_ms)),
        _ => None,
    });
    away.collect()
}

#[test]
fn what_has_left_is_finished_and_what_has_not_waits_for_the_next_server() {
    let mut rig = Rig::connected(Limits::default());
    let [before, never] = [rig.ask("before"), rig.ask("never answered")];
    rig.flush();
    assert_eq!(rig.asked(), [before, never]);
    announce(&mut rig);
    assert_eq!(announced(&mut rig), [(true, DEADLINE as u32)]);

    let held = rig.ask("held");
    rig.respond(before, "1");
    rig.flush();
    assert_eq!(rig.answered(), [(before, "1".to_owned())]);
    assert!(rig.asked().is_empty(), "no call leaves for a server that ends");
    assert!(!rig.server.is_settled(), "one is under way");

    // Its last word, before its transport is closed.
    let end = GoAway { last: true, deadline_ms: 0, reason: draining() }.packet();
    rig.client.handle(rig.now, Input::Packet { connection: ConnectionId(1), bytes: &end });
    rig.drain();
    let failed: Vec<_> = rig.client_heard.drain(..).collect();
    assert!(
        failed
            .iter()
            .any(|event| matches!(event, Event::Failed { call, fault } if *call == never && code(fault) == "outcome_unknown"))
    );
    assert!(failed.iter().any(|event| matches!(event, Event::Expired(fault) if fault.code == Code::DRAINING)), "{failed:?}");

    rig.client.restart([2; 32]);
    rig.server = Endpoint::server(Limits::default(), [8; 16]);
    let later = rig.ask("later");
    rig.open(3);
    rig.flush();
    assert_eq!(rig.asked(), [held, later], "each once");
}

#[test]
fn the_end_is_announced_on_every_transport_that_comes_before_it() {
    let mut rig = Rig::connected(Limits::default());
    let call = rig.ask("under way");
    rig.flush();
    announce(&mut rig);
    rig.cut(1);
    rig.now += 2_000;
    rig.open(2);
    rig.flush();
    let left = announced(&mut rig);
    assert!(matches!(left[..], [(true, _), (true, 1..=3_000)]), "{left:?}");
    rig.respond(call, "1");
    rig.flush();
    assert_eq!(rig.answered(), [(call, "1".to_owned())], "a session that resumes is served to its end");
    assert!(rig.server.is_settled());
}

#[test]
fn who_is_asked_to_move_loses_nothing_and_may_make_calls() {
    let mut rig = Rig::connected(Limits::default());
    let before = rig.ask("before");
    rig.flush();
    rig.server.move_from(ConnectionId(1), 1_000, Fault::new(Code::TRANSPORT_FAILED, "come over"));
    rig.flush();
    assert_eq!(announced(&mut rig), [(false, 1_000)]);
    let meanwhile = rig.ask("meanwhile");
    rig.open(2);
    rig.flush();
    assert_eq!(rig.asked(), [before, meanwhile]);
    assert_eq!(rig.transports(), [2], "the server has closed the one before");
}

#[test]
fn a_call_that_waits_for_the_next_server_keeps_its_deadline() {
    let mut rig = Rig::connected(Limits::default());
    announce(&mut rig);
    let mut hurried = request("hurried", "{}");
    hurried.deadline_ms = Some(500);
    let call = rig.client.call(rig.now, hurried).expect("a call");
    rig.pass(500);
    let late = |event: &Event| matches!(event, Event::Failed { call: late, fault } if *late == call && fault.code == Code::DEADLINE_EXCEEDED);
    assert!(rig.client_heard.iter().any(late), "{:?}", rig.client_heard);
}

/// The hello that is under way on a transport.
fn hello(rig: &mut Rig, id: u32) -> Hello {
    let hello = rig.first(id, Way::Up);
    Hello::read(&hello).expect("a hello")
}

#[test]
fn a_session_whose_hellos_were_all_refused_has_sent_nothing() {
    let mut rig = Rig::new(Limits::default());
    let call = rig.ask("early");
    let later = GoAway { last: false, deadline_ms: 0, reason: Fault::new(Code::LIMIT_REACHED, "later") }.packet();
    for id in 1..=2 {
        rig.open(id);
        assert_eq!(hello(&mut rig, id).sent, [0; 2], "transport {id}");
        rig.client.handle(rig.now, Input::Packet { connection: ConnectionId(id), bytes: &later });
        rig.drain();
    }
    rig.open(3);
    rig.cut(3);
    rig.open(4);
    assert_eq!(hello(&mut rig, 4).sent, [1, 0], "the third may have been read");
    rig.flush();
    assert_eq!(rig.asked(), [call]);
}

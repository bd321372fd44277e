//! A peer that does not keep to the protocol harms itself only.

use proptest::prelude::*;
use tabagent_protocol::{
    Event, Lane, Limits,
    frame::{FrameType, MORE, RawFrame, ack::Ack},
    packet::{self, Header},
};

use crate::pair::{Pair, big, code, request};

fn data(sequence: u64, frames: &[RawFrame<'_>]) -> Vec<u8> {
    let mut out = packet::begin(Header::Data { lane: Lane::Interactive, sequence });
    for frame in frames {
        packet::put_frame(&mut out, *frame);
    }
    out
}

fn frame(kind: FrameType, flags: u8, call: u32, body: &[u8]) -> RawFrame<'_> {
    RawFrame { kind, flags, call, body }
}

fn closed_with(pair: &mut Pair, expected: &str) {
    let events = pair.server.events();
    assert!(matches!(events.last(), Some(Event::Closed(fault)) if code(fault) == expected), "{events:?}");
    assert!(matches!(pair.client.events().last(), Some(Event::Closed(fault)) if code(fault) == expected), "the peer is told");
}

#[test]
fn bytes_that_are_no_packet() {
    let mut pair = Pair::connected(Limits::default());
    pair.forge(&[0xff; 100]);
    closed_with(&mut pair, "protocol_error");
}

#[test]
fn a_packet_above_the_limit() {
    let mut pair = Pair::connected(Limits::default());
    pair.forge(&[2; 16 * 1024 + 1]);
    closed_with(&mut pair, "payload_too_large");
}

#[test]
fn a_response_to_a_call_nobody_made() {
    let mut pair = Pair::connected(Limits::default());
    pair.forge(&data(1, &[frame(FrameType::Response, 0, 400, &[0; 8])]));
    closed_with(&mut pair, "protocol_error");
}

#[test]
fn a_call_under_an_id_of_the_other_side() {
    let mut pair = Pair::connected(Limits::default());
    let body = request("health", "{}").encode();
    pair.forge(&data(1, &[frame(FrameType::Request, 0, 2, &body)]));
    closed_with(&mut pair, "protocol_error");
}

#[test]
fn an_acknowledgement_of_the_future() {
    let mut pair = Pair::connected(Limits::default());
    pair.forge(&Ack { epoch: 1, received: [77, 0] }.packet());
    closed_with(&mut pair, "protocol_error");
}

#[test]
fn a_gap_in_the_numbers_ends_the_connection() {
    let mut pair = Pair::connected(Limits::default());
    pair.forge(&data(5, &[]));
    assert_eq!(pair.server.events(), [Event::Disconnected], "the session may still come back");
    assert!(pair.server.closed);
}

#[test]
fn a_repeated_packet_is_dropped() {
    let mut pair = Pair::connected(Limits::default());
    pair.ask("once", "{}");
    pair.run();
    pair.asked();
    let (.., packet) =
        pair.trace.iter().rev().find(|(up, _, bytes)| *up && bytes[0] == 2).cloned().expect("the request's packet");
    pair.forge(&packet);
    assert_eq!(pair.server.events(), [], "carried out once");
}

#[test]
fn a_message_above_the_limit_fails_its_call_only() {
    let mut pair = Pair::forged(Limits { message_bytes: 100_000, ..Limits::default() });
    let mut piece = 2_000_000_u32.to_le_bytes().to_vec();
    piece.resize(1_000, 0);
    pair.forge(&data(1, &[frame(FrameType::Request, MORE, 1, &piece)]));
    pair.forge(&data(2, &[frame(FrameType::Chunk, MORE, 1, &piece)]));
    assert_eq!(pair.server.events(), [], "nobody is bothered with it");
    assert!(!pair.server.closed);
    let answered = pair.trace.iter().any(|(up, _, bytes)| !up && bytes.windows(17).any(|window| window == b"payload_too_large"));
    assert!(answered, "the caller is told");
}

#[test]
fn half_sent_messages_share_one_allowance() {
    let limits = Limits { reassembly_bytes: 40_000, ..Limits::default() };
    let mut pair = Pair::forged(limits);
    let mut piece = 900_000_u32.to_le_bytes().to_vec();
    piece.resize(15_000, 0);
    for n in 0..4_u32 {
        pair.forge(&data(u64::from(n) + 1, &[frame(FrameType::Request, MORE, 2 * n + 1, &piece)]));
    }
    let refusals =
        pair.trace.iter().filter(|(up, _, bytes)| !up && bytes.windows(17).any(|window| window == b"payload_too_large")).count();
    assert_eq!(refusals, 2, "two fit into 40 kB, two do not");
}

#[test]
fn an_early_answer_gives_back_what_a_half_sent_item_held() {
    let mut pair = Pair::forged(Limits { reassembly_bytes: 40_000, ..Limits::default() });
    let body = request("write_file", "{}").encode();
    let mut piece = 900_000_u32.to_le_bytes().to_vec();
    piece.resize(15_000, 0);
    for n in 0..10_u32 {
        let call = 2 * n + 1;
        let sequence = 2 * u64::from(n) + 1;
        pair.forge(&data(sequence, &[frame(FrameType::Request, tabagent_protocol::frame::STREAM, call, &body)]));
        pair.forge(&data(sequence + 1, &[frame(FrameType::Item, MORE, call, &piece)]));
        pair.server.endpoint.respond(tabagent_protocol::CallId(call), Ok(tabagent_protocol::Body::json("1")));
        pair.run();
    }
    let heard = pair.server.events();
    assert!(heard.iter().all(|event| matches!(event, Event::Request { .. })), "none was refused: {heard:?}");
    assert_eq!(pair.server.endpoint.calls_in_flight(), (0, 0));
}

#[test]
fn a_message_inside_another_of_its_call() {
    let mut pair = Pair::connected(Limits::default());
    let piece = 20_u32.to_le_bytes();
    let end = frame(FrameType::End, 0, 1, &[]);
    pair.forge(&data(1, &[frame(FrameType::Request, MORE, 1, &piece), end]));
    closed_with(&mut pair, "protocol_error");
}

#[test]
fn pieces_that_do_not_add_up() {
    let mut pair = Pair::connected(Limits::default());
    let piece = 20_u32.to_le_bytes();
    pair.forge(&data(1, &[frame(FrameType::Request, MORE, 1, &piece), frame(FrameType::Chunk, 0, 1, &[0; 4])]));
    closed_with(&mut pair, "protocol_error");
}

#[test]
fn requests_beyond_the_limit_are_refused_not_queued() {
    let mut pair = Pair::forged(Limits { calls: 4, ..Limits::default() });
    let body = request("health", "{}").encode();
    let frames: Vec<_> = (0..6).map(|n| frame(FrameType::Request, 0, 2 * n + 1, &body)).collect();
    pair.forge(&data(1, &frames));
    assert_eq!(pair.server.events().len(), 4);
    assert!(!pair.server.closed);
}

#[test]
fn a_flood_that_reads_no_refusal_ends_the_session() {
    let mut pair = Pair::connected(Limits { calls: 4, ..Limits::default() });
    let body = request("health", "{}").encode();
    let frames: Vec<_> = (0..20).map(|n| frame(FrameType::Request, 0, 2 * n + 1, &body)).collect();
    pair.forge(&data(1, &frames));
    closed_with(&mut pair, "limit_reached");
}

#[test]
fn a_stalled_flood_of_large_items_is_bounded_by_the_window() {
    let mut pair = Pair::connected(Limits { call_window: 50_000, ..Limits::default() });
    let call = pair.ask("chat", "{}");
    pair.run();
    pair.asked();
    pair.network.stalled = true;
    let mut given = 0;
    while pair.server.endpoint.writable(call) {
        given += 1;
        pair.server.endpoint.item(call, &big(20_000)).expect("credit");
    }
    assert_eq!(given, 3);
}

proptest! {
    /// Whatever arrives, nothing panics, and the endpoint either goes on or says why not.
    #[test]
    fn arbitrary_packets_never_panic(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..20)) {
        let mut pair = Pair::connected(Limits::default());
        for packet in packets {
            pair.forge(&packet);
        }
        pair.run();
    }

    /// Packets with a right header and arbitrary frames reach deeper.
    #[test]
    fn arbitrary_frames_never_panic(frames in proptest::collection::vec((1_u8..30, any::<u8>(), 0_u32..6, proptest::collection::vec(any::<u8>(), 0..60)), 1..20)) {
        let mut pair = Pair::connected(Limits::default());
        let call = pair.ask("chat", "{}");
        pair.run();
        let _ = pair.server.endpoint.item(call, &big(10));
        let mut sequence = 1;
        for (kind, flags, call, body) in frames {
            let Ok(kind) = FrameType::from_byte(kind) else { continue };
            if kind.is_control() {
                pair.forge(&packet::control(kind, &body));
            } else {
                sequence += 1;
                pair.forge(&data(sequence, &[frame(kind, flags & 7, call, &body)]));
            }
        }
    }
}

//! What is written is what is read, and arbitrary bytes are an error at worst.

use proptest::{collection::vec, option, prelude::*};
use tabagent_protocol::{
    Body, Code, Fault, Lane, Payload, Request,
    frame::{FrameType, ack::Ack, go_away::GoAway, hello::Hello, welcome::Welcome},
    packet,
};

fn bodies() -> impl Strategy<Value = Body> {
    let payload = (option::of("[a-z]{1,9}/[a-z]{1,9}"), vec(any::<u8>(), 0..500));
    let payload = payload.prop_map(|(content_type, bytes)| Payload { content_type, bytes });
    (vec(any::<u8>(), 0..500), option::of(payload)).prop_map(|(value, payload)| Body { value, payload })
}

fn requests() -> impl Strategy<Value = Request> {
    let names = ("[a-z_]{1,30}", option::of(".{0,40}"), option::of(".{0,40}"), option::of("[0-9a-f-]{55}"));
    let numbers = (option::of(any::<u32>()), any::<u64>(), option::of(any::<[u8; 16]>()), any::<bool>());
    (names, numbers, bodies()).prop_map(
        |((action, request_id, idempotency_key, trace_parent), (deadline_ms, credit, boot, streams), body)| Request {
            action,
            lane: Lane::Bulk,
            request_id,
            deadline_ms,
            credit,
            idempotency_key,
            boot,
            trace_parent,
            streams,
            body,
        },
    )
}

proptest! {
    #[test]
    fn bodies_round_trip(body in bodies()) {
        prop_assert_eq!(Body::decode(&body.encode(), body.payload.is_some()), Ok(body));
    }

    #[test]
    fn payloads_are_aligned(body in bodies()) {
        let encoded = body.encode();
        let bytes = body.payload.map_or(Vec::new(), |payload| payload.bytes);
        prop_assert!(bytes.is_empty() || (encoded.len() - bytes.len()).is_multiple_of(4));
    }

    #[test]
    fn requests_round_trip(request in requests()) {
        let decoded = Request::decode(&request.encode(), Lane::Bulk, request.body.payload.is_some(), request.streams);
        prop_assert_eq!(decoded, Ok(request));
    }

    #[test]
    fn faults_round_trip(code in 0..Code::TABLE.len(), message in ".{0,200}", details in vec(any::<u8>(), 0..100), wait in option::of(any::<u32>())) {
        let fault = Fault { code: Code::custom(Code::TABLE[code].0), message: message.into(), details, retry_after_ms: wait };
        prop_assert_eq!(Fault::decode(&fault.encode()), Ok(fault));
    }

    #[test]
    fn hellos_round_trip(versions in any::<(u16, u16)>(), epoch in any::<u32>(), secret in any::<[u8; 32]>(), welcomed in any::<bool>(),
                         sent in any::<[u64; 2]>(), received in any::<[u64; 2]>(), bearer in option::of("[ -~]{0,100}"),
                         replaces in vec(any::<[u8; 32]>(), 0..4)) {
        let hello = Hello { versions, epoch, secret, welcomed, sent, received, bearer, replaces };
        prop_assert_eq!(Hello::read(&hello.packet()), Ok(hello));
    }

    #[test]
    fn welcomes_acks_and_go_aways_round_trip(numbers in any::<[u32; 6]>(), resumed in any::<bool>(), boot in any::<[u8; 16]>(), received in any::<[u64; 2]>(), last in any::<bool>(), reason in ".{0,50}") {
        let [epoch, message_bytes, calls, call_window, keepalive_ms, deadline_ms] = numbers;
        let welcome = Welcome { version: 1, resumed, epoch, boot, received, message_bytes, calls, call_window, keepalive_ms };
        prop_assert_eq!(Welcome::decode(&only_frame(&welcome.packet(), FrameType::Welcome)), Ok(welcome));
        let ack = Ack { epoch, received };
        prop_assert_eq!(Ack::decode(&only_frame(&ack.packet(), FrameType::Ack)), Ok(ack));
        let away = GoAway { last, deadline_ms, reason: Fault::new(Code::DRAINING, reason) };
        prop_assert_eq!(GoAway::decode(&only_frame(&away.packet(), FrameType::GoAway)), Ok(away));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600), raw in any::<bool>()) {
        let _ = Hello::read(&bytes);
        let _ = Body::decode(&bytes, raw);
        let _ = Request::decode(&bytes, Lane::Interactive, raw, false);
        let _ = Fault::decode(&bytes);
        let _ = Welcome::decode(&bytes);
        let _ = GoAway::decode(&bytes);
        if let Ok((_, frames)) = packet::read(&bytes) {
            prop_assert!(frames.count() <= bytes.len());
        }
    }
}

fn only_frame(packet: &[u8], kind: FrameType) -> Vec<u8> {
    let (_, mut frames) = packet::read(packet).expect("a packet");
    let frame = frames.next().expect("a frame").expect("a good one");
    assert_eq!(frame.kind, kind);
    assert!(frames.next().is_none());
    frame.body.to_vec()
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let fault = Fault::new(Code::INTERNAL, "ü".repeat(5_000));
    let read = Fault::decode(&fault.encode()).expect("readable");
    assert_eq!(read.message.chars().count(), 1_024);
}

#[test]
fn codes_are_unique_and_have_a_status() {
    let mut names: Vec<_> = Code::TABLE.iter().map(|row| row.0).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::TABLE.len());
    assert!(Code::TABLE.iter().all(|(name, status, _)| (400..600).contains(status) && Code::custom(*name).status() == *status));
}

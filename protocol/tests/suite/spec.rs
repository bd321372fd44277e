//! `docs/PROTOCOL.md` and the code say the same bytes: every example is written, compared, and read back.

use std::collections::BTreeMap;

use tabagent_protocol::{
    Body, Code, Fault, Lane, Payload, Request,
    frame::{FrameType, MORE, RAW, RawFrame, ack::Ack, go_away::GoAway, hello::Hello, welcome::Welcome},
    packet::{self, Header},
};

const SPEC: &str = include_str!("../../../docs/PROTOCOL.md");

/// The bytes of every ```` ```hex name ```` block; what follows `|` on a line is for people.
fn examples() -> BTreeMap<&'static str, Vec<u8>> {
    let blocks = SPEC.split("```hex ").skip(1);
    blocks.map(|block| block.split_once("```").expect("a closed block").0).map(parse).collect()
}

fn parse(block: &'static str) -> (&'static str, Vec<u8>) {
    let (name, lines) = block.split_once('\n').expect("a name");
    let hex: String = lines.lines().map(|line| line.split('|').next().unwrap_or("")).flat_map(str::split_whitespace).collect();
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits"));
    (name.trim(), bytes.collect())
}

fn data(frames: &[RawFrame<'_>]) -> Vec<u8> {
    let mut out = packet::begin(Header::Data { lane: Lane::Interactive, sequence: 1 });
    for frame in frames {
        packet::put_frame(&mut out, *frame);
    }
    out
}

fn one(kind: FrameType, flags: u8, call: u32, body: &[u8]) -> Vec<u8> {
    data(&[RawFrame { kind, flags, call, body }])
}

fn hello() -> Hello {
    let secret = core::array::from_fn(|at| at as u8);
    Hello {
        versions: (1, 1),
        epoch: 1,
        secret,
        welcomed: false,
        sent: [0; 2],
        received: [0; 2],
        bearer: Some("k3y".to_owned()),
        replaces: vec![[0xee; 32]],
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        resumed: false,
        epoch: 1,
        boot: [0xb0; 16],
        received: [0; 2],
        message_bytes: 1 << 20,
        calls: 256,
        call_window: 256 * 1024,
        keepalive_ms: 5_000,
    }
}

fn ask() -> Request {
    Request {
        action: "chat".to_owned(),
        request_id: Some("r-1".to_owned()),
        deadline_ms: Some(30_000),
        credit: 256 * 1024,
        body: Body::json("{}"),
        ..Request::default()
    }
}

fn floats() -> Body {
    let payload = Payload { content_type: Some("x/f32".to_owned()), bytes: 1.0_f32.to_le_bytes().to_vec() };
    Body { value: b"{}".to_vec(), payload: Some(payload) }
}

fn fault() -> Fault {
    Fault::new(Code::NOT_FOUND, "no such page").with_details("{}")
}

fn split() -> Vec<u8> {
    let mut first = 12_u32.to_le_bytes().to_vec();
    first.extend_from_slice(&Body::json("1234").encode()[..8]);
    data(&[
        RawFrame { kind: FrameType::Item, flags: MORE, call: 1, body: &first },
        RawFrame { kind: FrameType::Chunk, flags: 0, call: 1, body: b"1234" },
    ])
}

fn written() -> BTreeMap<&'static str, Vec<u8>> {
    let away = GoAway { last: true, deadline_ms: 2_000, reason: Fault::new(Code::DRAINING, "bye") };
    BTreeMap::from([
        ("hello", hello().packet()),
        ("welcome", welcome().packet()),
        ("ack", Ack { epoch: 1, received: [3, 0] }.packet()),
        ("ping", packet::control(FrameType::Ping, &7_u64.to_le_bytes())),
        ("pong", packet::control(FrameType::Pong, &7_u64.to_le_bytes())),
        ("go-away", away.packet()),
        ("request", one(FrameType::Request, 0, 1, &ask().encode())),
        ("response", one(FrameType::Response, 0, 1, &Body::json(r#"{"type":"success"}"#).encode())),
        ("item", one(FrameType::Item, RAW, 1, &floats().encode())),
        ("end", one(FrameType::End, 0, 1, &[])),
        ("fault", one(FrameType::Fault, 0, 1, &fault().encode())),
        ("cancel", one(FrameType::Cancel, 0, 1, &[])),
        ("credit", one(FrameType::Credit, 0, 1, &400_000_u64.to_le_bytes())),
        ("event", one(FrameType::Event, 0, 0, &Body::json("{}").encode())),
        ("chunk", split()),
    ])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

#[test]
fn every_frame_has_an_example_that_is_written_so() {
    let (spec, code) = (examples(), written());
    for (name, bytes) in &code {
        let example = spec.get(name).unwrap_or_else(|| panic!("{name} has no example; it is {}", hex(bytes)));
        assert_eq!(example, bytes, "{name} is written as {}", hex(bytes));
    }
    assert_eq!(spec.len(), code.len(), "an example for something that does not exist");
}

#[test]
fn every_example_is_read_as_what_it_shows() {
    let spec = examples();
    assert_eq!(Hello::read(&spec["hello"]), Ok(hello()));
    let body = |name: &str, at: usize| {
        let (header, frames) = packet::read(&spec[name]).expect("a packet");
        let control = header == Header::Control;
        assert!(control || header == Header::Data { lane: Lane::Interactive, sequence: 1 }, "{name}");
        frames.collect::<Result<Vec<_>, _>>().expect("frames")[at].body.to_vec()
    };
    assert_eq!(Welcome::decode(&body("welcome", 0)), Ok(welcome()));
    assert_eq!(Ack::decode(&body("ack", 0)), Ok(Ack { epoch: 1, received: [3, 0] }));
    assert_eq!(body("ping", 0), 7_u64.to_le_bytes());
    assert_eq!(body("pong", 0), 7_u64.to_le_bytes());
    assert_eq!(GoAway::decode(&body("go-away", 0)).map(|away| (away.last, away.deadline_ms)), Ok((true, 2_000)));
    assert_eq!(Request::decode(&body("request", 0), Lane::Interactive, false, false), Ok(ask()));
    assert_eq!(Body::decode(&body("response", 0), false), Ok(Body::json(r#"{"type":"success"}"#)));
    assert_eq!(Body::decode(&body("item", 0), true), Ok(floats()));
    assert_eq!(body("end", 0), b"");
    assert_eq!(Fault::decode(&body("fault", 0)), Ok(fault()));
    assert_eq!(body("cancel", 0), b"");
    assert_eq!(body("credit", 0), 400_000_u64.to_le_bytes());
    assert_eq!(Body::decode(&body("event", 0), false), Ok(Body::json("{}")));
    let whole = [&body("chunk", 0)[4..], &body("chunk", 1)].concat();
    assert_eq!(Body::decode(&whole, false), Ok(Body::json("1234")));
}

#[test]
fn the_table_of_codes_is_in_the_spec() {
    for (code, status, _) in Code::TABLE {
        assert!(SPEC.contains(&format!("| `{code}` | {status} |")), "{code} ({status}) is not in docs/PROTOCOL.md");
    }
}

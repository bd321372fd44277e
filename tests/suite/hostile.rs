//! A peer that forges packets harms itself only: the same server serves others on.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tabagent_protocol::{
    Code, Fault, Lane,
    frame::{FrameType, MORE, RawFrame, ack::Ack, go_away::GoAway, hello::Hello},
    packet::{self, Header},
};
use tabagent_server::transport::Message;
use tabagent_tests::{Link, NativeClient, TestServer};

const PATIENCE: Duration = Duration::from_secs(10);

fn hello(secret: u8) -> Hello {
    Hello {
        versions: (1, 1),
        epoch: 1,
        secret: [secret; 32],
        welcomed: false,
        sent: [0; 2],
        received: [0; 2],
        bearer: None,
        replaces: vec![],
    }
}

async fn send(link: &Link, packet: Vec<u8>) {
    link.channels[0].sender.send(Message::Binary(Bytes::from(packet))).await;
}

/// The next packet in which there is a frame of this kind: its body.
async fn expect(link: &mut Link, kind: FrameType) -> Vec<u8> {
    loop {
        let message = tokio::time::timeout(PATIENCE, link.channels[0].receiver.receive()).await.expect("in time");
        let Some(Message::Binary(bytes)) = message else { panic!("closed before {kind:?}: {message:?}") };
        let (_, frames) = packet::read(&bytes).expect("a packet");
        if let Some(frame) = frames.filter_map(Result::ok).find(|frame| frame.kind == kind) {
            return frame.body.to_vec();
        }
    }
}

async fn closed(link: &mut Link) {
    while tokio::time::timeout(PATIENCE, link.channels[0].receiver.receive()).await.expect("in time").is_some() {}
}

async fn refused(link: &mut Link) -> String {
    let away = GoAway::decode(&expect(link, FrameType::GoAway).await).expect("a go-away");
    assert!(away.last);
    closed(link).await;
    away.reason.code.as_str().to_owned()
}

#[tokio::test]
async fn each_forgery_gets_its_code_and_others_are_served_on() {
    let server = TestServer::reference();
    let honest = NativeClient::connect(&server.url()).await.expect("a session");

    let mut link = Link::open(&server.url()).await.expect("channels");
    send(&link, vec![0xa5; 300]).await;
    assert_eq!(refused(&mut link).await, "protocol_error", "random bytes instead of a hello");

    let mut link = Link::open(&server.url()).await.expect("channels");
    send(&link, vec![1; 8 * 1024]).await;
    assert_eq!(refused(&mut link).await, "payload_too_large", "a stranger's first packet of 8 KiB");

    let mut link = Link::open(&server.url()).await.expect("channels");
    send(&link, Hello { welcomed: true, ..hello(2) }.packet()).await;
    assert_eq!(refused(&mut link).await, "session_expired", "a session that this server does not know");

    let mut link = Link::open(&server.url()).await.expect("channels");
    send(&link, Hello { versions: (8, 9), ..hello(3) }.packet()).await;
    assert_eq!(refused(&mut link).await, "version_mismatch");

    let mut link = Link::open(&server.url()).await.expect("channels");
    send(&link, hello(4).packet()).await;
    expect(&mut link, FrameType::Welcome).await;
    send(&link, vec![0x5a; 1_000]).await;
    assert_eq!(refused(&mut link).await, "protocol_error", "random bytes in a session");

    let answer = honest.request("health", &json!({})).await.expect("others are served on");
    assert_eq!(answer["status"], "healthy");
    honest.close().await;
}

#[tokio::test]
async fn a_framed_message_of_two_mebibytes_fails_its_call_only() {
    let server = TestServer::reference();
    let mut link = Link::open(&server.url()).await.expect("channels");
    send(&link, hello(5).packet()).await;
    expect(&mut link, FrameType::Welcome).await;
    send(&link, Ack { epoch: 1, received: [0; 2] }.packet()).await;

    let mut first = (2_u32 * 1024 * 1024).to_le_bytes().to_vec();
    first.resize(8_000, b' ');
    for sequence in 1..=3 {
        let kind = if sequence == 1 { FrameType::Request } else { FrameType::Chunk };
        let mut packet = packet::begin(Header::Data { lane: Lane::Interactive, sequence });
        packet::put_frame(&mut packet, RawFrame { kind, flags: MORE, call: 1, body: &first });
        send(&link, packet).await;
    }
    let fault = Fault::decode(&expect(&mut link, FrameType::Fault).await).expect("a fault");
    assert_eq!(fault.code, Code::PAYLOAD_TOO_LARGE);

    let request = tabagent_protocol::Request {
        action: "health".to_owned(),
        body: tabagent_protocol::Body::json("{}"),
        ..tabagent_protocol::Request::default()
    };
    let mut packet = packet::begin(Header::Data { lane: Lane::Interactive, sequence: 4 });
    packet::put_frame(&mut packet, RawFrame { kind: FrameType::Request, flags: 0, call: 3, body: &request.encode() });
    send(&link, packet).await;
    expect(&mut link, FrameType::Response).await;
}

//! The WebSocket's door: who may open one, what is refused before a hello, and how it is said.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tabagent_protocol::{
    Body, Fault, Lane, Request,
    frame::{FrameType, RawFrame, ack::Ack, go_away::GoAway, hello::Hello},
    packet::{self, Header},
};
use tabagent_server::{ServerLimits, ServerOptions, Service};
use tabagent_tests::{
    NativeClient, News, Options, Rung, TestServer,
    ledger::Executed,
    ws::{self, Socket},
};
use tokio_tungstenite::tungstenite::{Error, Message};

const PATIENCE: Duration = Duration::from_secs(10);
const LISTED: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
const KEY: &str = "the-key";

fn serve(limits: &[&str], service: Service) -> TestServer {
    let mut all = ServerLimits::default();
    limits.iter().for_each(|limit| all.set(limit).expect("as written"));
    let options = ServerOptions {
        limits: all,
        keys: vec![KEY.parse().expect("as written")],
        allow_origins: vec![LISTED.parse().expect("as written")],
        ..ServerOptions::default()
    };
    TestServer::start(options, service)
}

pub(crate) fn hello(bearer: Option<&str>) -> Hello {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).expect("randomness");
    let bearer = bearer.map(str::to_owned);
    Hello { versions: (1, 1), epoch: 1, secret, welcomed: false, sent: [0; 2], received: [0; 2], bearer, replaces: vec![] }
}

async fn next(socket: &mut Socket) -> Message {
    let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
    message.expect("a message").expect("no error")
}

pub(crate) async fn say(socket: &mut Socket, packet: Vec<u8>) {
    socket.send(Message::Binary(packet.into())).await.expect("an open socket");
}

/// The next frame of this kind, its body.
pub(crate) async fn expect(socket: &mut Socket, kind: FrameType) -> Vec<u8> {
    loop {
        let Message::Binary(bytes) = next(socket).await else { continue };
        let (_, frames) = packet::read(&bytes).expect("a packet");
        if let Some(frame) = frames.filter_map(Result::ok).find(|frame| frame.kind == kind) {
            return frame.body.to_vec();
        }
    }
}

/// The number that the server closes the socket with.
async fn closed(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = next(socket).await {
            return frame.map_or(0, |frame| frame.code.into());
        }
    }
}

/// The code of the go-away, and the number of the end behind it.
pub(crate) async fn refused(socket: &mut Socket) -> (String, u16) {
    let away = GoAway::decode(&expect(socket, FrameType::GoAway).await).expect("a go-away");
    (away.reason.code.as_str().to_owned(), closed(socket).await)
}

/// How HTTP refuses it.
async fn status(server: &TestServer, headers: &[(&'static str, &str)]) -> u16 {
    match ws::open(&server.url(), headers).await {
        Err(Error::Http(reply)) => reply.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn strangers_do_not_pass_the_door() {
    let server = serve(&[], Service::reference());
    assert_eq!(status(&server, &[("origin", "https://evil.test")]).await, 403);
    assert_eq!(status(&server, &[("origin", "null")]).await, 403);
    assert_eq!(status(&server, &[("host", "evil.test")]).await, 421);
    assert_eq!(status(&server, &[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(status(&server, &[("authorization", "Bearer wrong")]).await, 401);
    assert_eq!(status(&server, &[("sec-websocket-protocol", "")]).await, 400);
    assert_eq!(status(&server, &[("sec-websocket-protocol", "tabagent.v9")]).await, 400);
    let plain = reqwest::get(format!("{}/v1/ws", server.url())).await.expect("a reply");
    assert_eq!(plain.status(), 400);
    let refusal: serde_json::Value = plain.json().await.expect("JSON");
    assert_eq!(refusal["code"], "bad_request");
}

#[tokio::test]
async fn who_comes_in_is_said_by_a_header_or_the_hello() {
    let server = serve(&[], Service::reference());
    let own = server.url();
    type Row<'a> = (&'a [(&'static str, &'a str)], Option<&'a str>, Option<&'a str>);
    let rows: [Row<'_>; 8] = [
        (&[], None, None),
        (&[], Some(KEY), None),
        (&[], Some("wrong"), Some("unauthorized")),
        (&[("origin", &own)], None, None),
        (&[("origin", LISTED)], None, Some("unauthorized")),
        (&[("origin", LISTED)], Some(KEY), None),
        (&[("origin", LISTED), ("authorization", "Bearer the-key")], None, None),
        (&[("x-forwarded-for", "192.0.2.1")], None, Some("unauthorized")),
    ];
    for (headers, bearer, refusal) in rows {
        let mut socket = ws::open(&own, headers).await.expect("it opens before anybody is known");
        say(&mut socket, hello(bearer).packet()).await;
        match refusal {
            None => drop(expect(&mut socket, FrameType::Welcome).await),
            Some(code) => assert_eq!(refused(&mut socket).await, (code.to_owned(), 1008), "{headers:?} {bearer:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_is_its_principals_on_every_rung() {
    let server = serve(&[], Service::reference());
    for (key, headers) in [(None, None), (Some(KEY), Some(("authorization", "Bearer the-key")))] {
        let secret = hello(None).secret;
        let options = Options { url: server.url(), key: key.map(str::to_owned), secret: Some(secret), ..Options::default() };
        let mut client = NativeClient::new(options);
        client.open(Rung::WebRtc).await.expect("channels");
        client.until(|news| matches!(news, News::Welcomed(false, _))).await;
        // The key in the request instead of the hello: the same principal.
        let mut socket = ws::open(&server.url(), headers.as_slice()).await.expect("a socket");
        say(&mut socket, Hello { secret, epoch: 2, welcomed: true, ..hello(None) }.packet()).await;
        let welcome = expect(&mut socket, FrameType::Welcome).await;
        assert_eq!(welcome[2], 1, "resumed");
    }
}

#[tokio::test]
async fn what_is_no_hello_is_told_so() {
    let server = serve(&["hello=300"], Service::reference());
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, vec![0xa5; 300]).await;
    assert_eq!(refused(&mut socket).await, ("protocol_error".to_owned(), 1002), "random bytes");

    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, vec![1; 8 * 1024]).await;
    assert_eq!(refused(&mut socket).await, ("payload_too_large".to_owned(), 1009), "a first packet of 8 KiB");

    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, vec![1; 16 * 1024 + 1]).await;
    assert_eq!(closed(&mut socket).await, 1009, "more than any packet");

    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    socket.send(Message::Text("{}".into())).await.expect("an open socket");
    assert_eq!(refused(&mut socket).await, ("protocol_error".to_owned(), 1002), "text");

    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    assert_eq!(refused(&mut socket).await, ("protocol_error".to_owned(), 1002), "silence");

    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, Hello { welcomed: true, ..hello(None) }.packet()).await;
    assert_eq!(refused(&mut socket).await, ("session_expired".to_owned(), 1000), "a session that is not here");

    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    let first = hello(None);
    say(&mut socket, first.packet()).await;
    expect(&mut socket, FrameType::Welcome).await;
    say(&mut socket, Hello { epoch: 2, ..first }.packet()).await;
    assert_eq!(refused(&mut socket).await, ("protocol_error".to_owned(), 1002), "a second hello on one socket");
}

#[tokio::test]
async fn silent_sockets_have_few_places() {
    let server = serve(&["websocket_strangers=3", "hello=500"], Service::reference());
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(ws::open(&server.url(), &[]).await.expect("a place"));
    }
    assert_eq!(status(&server, &[]).await, 429);
    // One that says who it is makes room; so does one that does not, when its time is over.
    let mut first = silent.remove(0);
    say(&mut first, hello(None).packet()).await;
    expect(&mut first, FrameType::Welcome).await;
    let next = ws::open(&server.url(), &[]).await.expect("a place");
    assert_eq!(status(&server, &[]).await, 429);
    for mut socket in silent {
        assert_eq!(refused(&mut socket).await.0, "protocol_error");
    }
    // The place is free when the socket is closed, a moment after it said why.
    let mut last = loop {
        if let Ok(socket) = ws::open(&server.url(), &[]).await {
            break socket;
        }
        tokio::task::yield_now().await;
    };
    say(&mut last, hello(None).packet()).await;
    expect(&mut last, FrameType::Welcome).await;
    drop(next);
}

#[tokio::test]
async fn sockets_are_connections_and_who_resumes_is_no_new_one() {
    let server = serve(&["connections_per_minute_loopback=2"], Service::reference());
    let mut client = NativeClient::new(Options { url: server.url(), ..Options::default() });
    let mut link = client.open(Rung::WebRtc).await.expect("channels");
    client.until(|news| matches!(news, News::Welcomed(..))).await;
    for _ in 0..5 {
        client.cut(link).await;
        client.until(|news| *news == News::Disconnected).await;
        link = client.open(Rung::WebSocket).await.expect("a socket");
        client.until(|news| *news == News::Moved(link)).await;
    }
    let stats = client.request("get_stats", &json!({})).await.expect("an answer");
    assert_eq!(stats["sessions"]["total"], 6, "{stats}");
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, hello(None).packet()).await;
    expect(&mut socket, FrameType::Welcome).await;
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, hello(None).packet()).await;
    assert_eq!(refused(&mut socket).await, ("rate_limited".to_owned(), 1013));
    client.close().await;
}

fn data(sequence: u64, frame: RawFrame<'_>) -> Vec<u8> {
    let mut packet = packet::begin(Header::Data { lane: Lane::Interactive, sequence });
    packet::put_frame(&mut packet, frame);
    packet
}

#[tokio::test]
async fn a_reader_that_stops_is_still_read() {
    let executed = Executed::default();
    let server = serve(&[], executed.service());
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, hello(None).packet()).await;
    expect(&mut socket, FrameType::Welcome).await;
    say(&mut socket, Ack { epoch: 1, received: [0; 2] }.packet()).await;
    let body = Body::json(json!({"name": "endless", "items": 1_000_000_000_u64, "bytes": 1000}).to_string());
    let request = Request { action: "produce".to_owned(), body, credit: 1 << 40, ..Request::default() };
    say(&mut socket, data(1, RawFrame { kind: FrameType::Request, flags: 0, call: 1, body: &request.encode() })).await;
    // Acknowledged but never read: the server fills every buffer on the way, and then waits.
    while executed.times("endless") == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..200 {
        say(&mut socket, Ack { epoch: 1, received: [0; 2] }.packet()).await;
    }
    say(&mut socket, data(2, RawFrame { kind: FrameType::Cancel, flags: 0, call: 1, body: &[] })).await;
    while server.calls_in_flight().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn frames_of_the_sockets_own_are_answered_and_no_packets() {
    let server = serve(&[], Service::reference());
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    socket.send(Message::Ping("are you there?".into())).await.expect("an open socket");
    assert!(matches!(next(&mut socket).await, Message::Pong(body) if body == "are you there?"));
    say(&mut socket, hello(None).packet()).await;
    expect(&mut socket, FrameType::Welcome).await;
    socket.send(Message::Pong("unasked".into())).await.expect("an open socket");
    say(&mut socket, packet::control(FrameType::Ping, &7_u64.to_le_bytes())).await;
    assert_eq!(expect(&mut socket, FrameType::Pong).await, 7_u64.to_le_bytes());
}

#[tokio::test]
async fn the_end_of_the_server_is_told() {
    let server = serve(&["drain=1000"], Service::reference());
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut socket, hello(None).packet()).await;
    expect(&mut socket, FrameType::Welcome).await;
    let mut silent = ws::open(&server.url(), &[]).await.expect("a socket");
    let ending = tokio::spawn(server.end());
    assert_eq!(refused(&mut socket).await, ("draining".to_owned(), 1001));
    assert_eq!(refused(&mut silent).await, ("draining".to_owned(), 1001));
    ending.await.expect("it ends");
}

#[tokio::test]
async fn a_fault_behind_the_hello_says_more_than_a_number() {
    let server = serve(&["connections_per_principal=1"], Service::reference());
    let mut first = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut first, hello(None).packet()).await;
    expect(&mut first, FrameType::Welcome).await;
    let mut second = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut second, hello(None).packet()).await;
    let away = GoAway::decode(&expect(&mut second, FrameType::GoAway).await).expect("a go-away");
    let Fault { code, message, retry_after_ms, .. } = away.reason;
    assert_eq!((code.as_str(), away.last), ("limit_reached", false), "it may be tried again");
    assert!(message.contains("connections_per_principal") && retry_after_ms.is_some(), "{message}");
}

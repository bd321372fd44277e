//! Peers that fall silent, or all come at once: each is noticed within its bound, and nobody else notices.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tabagent_protocol::frame::{FrameType, ack::Ack, hello::Hello};
use tabagent_tests::{Link, NativeClient, News, Options, Rung, TestServer, client::answer, ledger::Chain, ws};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    websocket,
    whole::{client, produce, read, serve},
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server counts.
async fn counts(server: &TestServer) -> Value {
    let reply = reqwest::get(format!("{}/v1/stats", server.url())).await.expect("a reply");
    reply.json::<Value>().await.expect("JSON")["sessions"].clone()
}

async fn until(server: &TestServer, fits: impl Fn(&Value) -> bool) {
    let looking = async {
        while !fits(&counts(server).await) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("in time");
}

#[tokio::test]
async fn data_channels_that_say_nothing_are_closed() {
    let (server, _) = serve(&["hello=300"]);
    let mut link = Link::open(&server.url()).await.expect("channels");
    let closed = async { while link.channels[0].receiver.receive().await.is_some() {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("in time");
    until(&server, |counts| counts["active"] == 0).await;
}

#[tokio::test]
async fn a_socket_whose_peer_is_gone_without_a_word_is_given_up_and_its_session_waits() {
    let (server, _) = serve(&["keepalive=100", "keepalive_misses=2"]);
    let mut socket = ws::open(&server.url(), &[]).await.expect("a socket");
    let hello = websocket::hello(None);
    let say = async |socket: &mut ws::Socket, packet: Vec<u8>| socket.send(Message::Binary(packet.into())).await;
    say(&mut socket, hello.packet()).await.expect("an open socket");
    websocket::expect(&mut socket, FrameType::Welcome).await;
    say(&mut socket, Ack { epoch: 1, received: [0; 2] }.packet()).await.expect("an open socket");
    // From here on it is neither read nor written, and not closed either.
    until(&server, |counts| counts["connected"] == 0 && counts["disconnected"] == 1).await;
    let mut next = ws::open(&server.url(), &[]).await.expect("a socket");
    say(&mut next, Hello { epoch: 2, welcomed: true, ..hello }.packet()).await.expect("an open socket");
    let welcome = websocket::expect(&mut next, FrameType::Welcome).await;
    assert_eq!(welcome[2], 1, "resumed");
    until(&server, |counts| counts["disconnected"] == 0).await;
    drop(socket);
}

#[tokio::test]
async fn a_herd_that_comes_back_at_once_is_let_in_again_and_nothing_is_lost() {
    const HERD: usize = 60;
    let (server, executed) = serve(&[]);
    let mut herd = Vec::new();
    for n in 0..HERD {
        let mut client = client(&server);
        let link = client.open(Rung::WebSocket).await.expect("a transport");
        client.until(|news| matches!(news, News::Welcomed(..))).await;
        let (_, replies) = client.stream("produce", &produce(&format!("h{n}"), 500, 100)).await.expect("a call");
        herd.push((client, link, replies));
    }
    // All are cut in one moment, and all come back in the next.
    for (client, link, _) in &herd {
        client.cut(*link).await;
    }
    let returning = herd.into_iter().enumerate().map(|(n, (mut client, _, mut replies))| {
        tokio::spawn(async move {
            client.until(|news| *news == News::Disconnected).await;
            // There may be no place for another stranger; then it tries again, as every client does.
            while client.open(Rung::WebSocket).await.is_err() {
                tokio::task::yield_now().await;
            }
            let mut chain = Chain::default();
            assert_eq!(read(&mut replies, &mut chain, u64::MAX).await, None, "client {n}");
            assert_eq!(chain.items(), 500, "client {n}");
            client.close().await;
        })
    });
    for returned in returning.collect::<Vec<_>>() {
        tokio::time::timeout(PATIENCE, returned).await.expect("in time").expect("a whole stream");
    }
    assert!((0..HERD).all(|n| executed.times(&format!("h{n}")) == 1));
}

#[tokio::test]
async fn one_too_many_is_told_when_to_come_again_and_may() {
    let (server, _) = serve(&["connections_per_principal=1"]);
    let first = client(&server);
    first.open(Rung::WebSocket).await.expect("a transport");
    assert_eq!(first.request("health", &json!({})).await.expect("an answer")["status"], "healthy");
    let mut second = NativeClient::new(Options { url: server.url(), ..Options::default() });
    // Made before anybody lets it in: it waits.
    let (_, mut replies) = second.stream("health", &json!({})).await.expect("a call");
    second.open(Rung::WebSocket).await.expect("a socket");
    let News::GoAway(reason) = second.until(|news| matches!(news, News::GoAway(_))).await else { unreachable!() };
    assert!(reason.retry_after_ms.is_some(), "{reason:?}");
    second.until(|news| *news == News::Disconnected).await;
    first.close().await;
    until(&server, |counts| counts["active"] == 0).await;
    // The server is young: it would take a session that had sent something for one that it, or its predecessor, has lost.
    second.open(Rung::WebSocket).await.expect("a socket");
    assert_eq!(answer(&mut replies).await.expect("an answer")["status"], "healthy");
    second.close().await;
}

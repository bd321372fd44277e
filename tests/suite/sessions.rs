//! The life of sessions at the server: how long, how many, how much, whose; and what is left of them.

use std::time::Duration;

use serde_json::{Value, json};
use tabagent_protocol::Code;
use tabagent_tests::{NativeClient, News, Options, Rung, TestServer, client::answer, ledger::Chain};

use crate::whole::{client, produce, read, serve};

#[tokio::test]
async fn a_session_that_waits_too_long_is_gone() {
    let (server, executed) = serve(&["window=200"]);
    let mut client = client(&server);
    let link = client.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut replies) = client.stream("produce", &produce("lost", 1_000_000, 100)).await.expect("a call");
    let mut chain = Chain::default();
    read(&mut replies, &mut chain, 50).await.expect("there is more");
    assert_eq!(server.calls_in_flight().await, 1);
    client.cut(link).await;
    client.until(|news| *news == News::Disconnected).await;
    let (_, mut unsent) = client.stream("produce", &produce("kept", 3, 10)).await.expect("a call");
    // The server stops working for a client that does not come back.
    while server.calls_in_flight().await > 0 {
        tokio::task::yield_now().await;
    }
    client.open(Rung::WebSocket).await.expect("another transport");
    let News::Expired(reason) = client.until(|news| matches!(news, News::Expired(_))).await else { unreachable!() };
    assert_eq!(reason.code, Code::SESSION_EXPIRED);
    let lost = answer(&mut replies).await.expect_err("it may have been carried out");
    assert_eq!(lost.code, Code::OUTCOME_UNKNOWN);
    // What never left goes on in the next session.
    client.restart().await;
    client.open(Rung::WebSocket).await.expect("another transport");
    client.until(|news| matches!(news, News::Welcomed(false, _))).await;
    assert_eq!(answer(&mut unsent).await.expect("an answer")["type"], "produced");
    assert_eq!(executed.times("kept"), 1);
    client.close().await;
}

#[tokio::test]
async fn another_server_process_does_not_have_the_session() {
    let ((first, executed), (second, again)) = (serve(&[]), serve(&[]));
    let mut client = client(&first);
    let link = client.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut replies) = client.stream("produce", &produce("once", 1_000_000, 100)).await.expect("a call");
    read(&mut replies, &mut Chain::default(), 10).await.expect("there is more");
    client.cut(link).await;
    client.until(|news| *news == News::Disconnected).await;
    client.open_at(Rung::WebRtc, &second.url()).await.expect("another transport");
    client.until(|news| matches!(news, News::Expired(reason) if reason.code == Code::SESSION_EXPIRED)).await;
    assert_eq!(answer(&mut replies).await.expect_err("gone").code, Code::OUTCOME_UNKNOWN);
    assert_eq!((executed.times("once"), again.times("once")), (1, 0));
    client.close().await;
}

#[tokio::test]
async fn a_server_that_ends_waits_for_nobody_who_is_not_there() {
    let (server, executed) = serve(&["drain=100"]);
    let mut client = client(&server);
    let link = client.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut replies) = client.stream("produce", &produce("unread", 1_000_000, 1_000)).await.expect("a call");
    read(&mut replies, &mut Chain::default(), 10).await.expect("there is more");
    client.cut(link).await;
    client.until(|news| *news == News::Disconnected).await;
    tokio::time::timeout(Duration::from_secs(5), server.end()).await.expect("long before the window ends");
    assert_eq!(executed.times("unread"), 1);
}

#[tokio::test]
async fn a_request_whose_welcome_was_lost_is_not_repeated_at_a_new_server() {
    let ((first, executed), (second, again)) = (serve(&[]), serve(&[]));
    let mut client = client(&first);
    // Behind the hello, before any welcome.
    let (_, mut replies) = client.stream("produce", &produce("early", 1, 1)).await.expect("a call");
    let link = client.open(Rung::WebSocket).await.expect("a transport");
    client.cut(link).await;
    client.until(|news| *news == News::Disconnected).await;
    client.open_at(Rung::WebSocket, &second.url()).await.expect("another transport");
    client.until(|news| matches!(news, News::Welcomed(..) | News::Expired(_))).await;
    let settled = answer(&mut replies).await;
    // Whether its first server got it or not, nobody did it twice.
    assert!(executed.times("early") + again.times("early") <= 1, "{settled:?}");
    client.close().await;
}

#[tokio::test]
async fn a_foreign_principals_session_looks_absent() {
    let (server, _) = serve(&[]);
    let options =
        |key: &str| Options { url: server.url(), key: Some(key.to_owned()), secret: Some([7; 32]), ..Options::default() };
    let mut owner = NativeClient::new(options("key-a"));
    owner.open(Rung::WebRtc).await.expect("a transport");
    owner.until(|news| matches!(news, News::Welcomed(false, _))).await;
    // The same secret under another key is another session.
    let mut other = NativeClient::new(options("key-b"));
    let link = other.open(Rung::WebSocket).await.expect("a transport");
    other.until(|news| matches!(news, News::Welcomed(false, _))).await;
    other.cut(link).await;
    // Under the owner's key on the other rung it is the owner's.
    let moved = owner.open(Rung::WebSocket).await.expect("a transport");
    owner.until(|news| *news == News::Moved(moved)).await;
    assert_eq!(owner.request("health", &json!({})).await.expect("an answer")["status"], "healthy");
    owner.close().await;
}

#[tokio::test]
async fn sessions_have_bounds() {
    let (server, _) = serve(&["sessions_per_principal=2"]);
    let mut clients = [client(&server), client(&server), client(&server)];
    let mut links = Vec::new();
    for client in &mut clients[..2] {
        links.push(client.open(Rung::WebSocket).await.expect("a transport"));
        client.until(|news| matches!(news, News::Welcomed(..))).await;
    }
    let [first, second, third] = &mut clients;
    third.open(Rung::WebSocket).await.expect("a transport");
    let News::GoAway(refused) = third.until(|news| matches!(news, News::GoAway(_))).await else { unreachable!() };
    assert_eq!(refused.code, Code::LIMIT_REACHED);
    // One that waits for a connection, and for nothing else, makes room.
    first.cut(links[0]).await;
    first.until(|news| *news == News::Disconnected).await;
    let welcomed = loop {
        let mut next = client(&server);
        next.open(Rung::WebSocket).await.expect("a transport");
        // The server hears of the cut a moment later.
        if let News::Welcomed(resumed, _) = next.until(|news| matches!(news, News::Welcomed(..) | News::GoAway(_))).await {
            break (next, resumed);
        }
    };
    assert!(!welcomed.1);
    first.open(Rung::WebSocket).await.expect("a transport");
    first.until(|news| matches!(news, News::Expired(_))).await;
    assert_eq!(second.request("health", &json!({})).await.expect("an answer")["status"], "healthy");
}

#[tokio::test]
async fn of_sessions_without_a_connection_the_longest_waiting_goes_first() {
    let (server, _) = serve(&["disconnected_sessions=1"]);
    let mut clients = [client(&server), client(&server)];
    for client in &mut clients {
        let link = client.open(Rung::WebSocket).await.expect("a transport");
        client.until(|news| matches!(news, News::Welcomed(..))).await;
        client.cut(link).await;
        client.until(|news| *news == News::Disconnected).await;
        // The server has seen it too when the place among the connections is free again.
        while counts(&server).await["connected"] != 0 || counts(&server).await["disconnected"] != 1 {
            tokio::task::yield_now().await;
        }
    }
    let [longest, latest] = &mut clients;
    let link = latest.open(Rung::WebRtc).await.expect("a transport");
    latest.until(|news| *news == News::Moved(link)).await;
    longest.open(Rung::WebRtc).await.expect("a transport");
    longest.until(|news| matches!(news, News::Expired(_))).await;
}

/// Connections, as HTTP tells.
async fn counts(server: &TestServer) -> Value {
    let reply = reqwest::get(format!("{}/v1/stats", server.url())).await.expect("a reply");
    reply.json::<Value>().await.expect("JSON")["sessions"].clone()
}

#[tokio::test]
async fn a_resume_too_many_is_told_when_to_come_again_and_costs_nothing_else() {
    let (server, executed) = serve(&["resumes_per_minute=2"]);
    let mut client = client(&server);
    let (_, mut replies) = client.stream("produce", &produce("resumed", 5_000, 100)).await.expect("a call");
    let mut link = client.open(Rung::WebSocket).await.expect("a transport");
    client.until(|news| matches!(news, News::Welcomed(..))).await;
    let mut chain = Chain::default();
    for rung in [Rung::WebRtc, Rung::WebSocket] {
        let before = std::mem::replace(&mut link, client.open(rung).await.expect("another transport"));
        client.until(|news| *news == News::Moved(link)).await;
        client.until(|news| *news == News::Lost(before)).await;
    }
    let many = client.open(Rung::WebSocket).await.expect("a socket");
    let News::GoAway(refused) = client.until(|news| matches!(news, News::GoAway(_))).await else { unreachable!() };
    assert_eq!(refused.code, Code::LIMIT_REACHED);
    assert!(refused.message.contains("resumes_per_minute"), "{refused}");
    assert!(refused.retry_after_ms.is_some_and(|ms| (1..=60_000).contains(&ms)), "{refused:?}");
    client.until(|news| *news == News::Lost(many)).await;
    assert_eq!(read(&mut replies, &mut chain, u64::MAX).await, None, "the stream goes on where it was");
    assert_eq!((chain.items(), executed.times("resumed")), (5_000, 1));
    client.close().await;
}

#[tokio::test]
async fn sessions_that_are_over_leave_nothing_behind() {
    let (server, _) = serve(&["window=300"]);
    let before = server.tasks();
    for rung in [Rung::WebRtc, Rung::WebSocket].repeat(5) {
        let mut client = client(&server);
        let link = client.open(rung).await.expect("a transport");
        let (_, mut replies) = client.stream("produce", &produce("left", 1_000_000, 1_000)).await.expect("a call");
        read(&mut replies, &mut Chain::default(), 10).await.expect("there is more");
        client.cut(link).await;
        client.until(|news| *news == News::Disconnected).await;
    }
    assert!(server.calls_in_flight().await > 0, "they go on for a while");
    while server.calls_in_flight().await > 0 {
        tokio::task::yield_now().await;
    }
    while server.tasks() > before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counts(&server).await["active"], 0);
}

#[tokio::test]
async fn sessions_without_a_connection_keep_so_much_and_no_more() {
    let (server, _) = serve(&["disconnected_bytes=100000"]);
    let mut busy = client(&server);
    let link = busy.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut replies) = busy.stream("produce", &produce("large", 1_000_000, 2_000)).await.expect("a call");
    read(&mut replies, &mut Chain::default(), 10).await.expect("there is more");
    let mut idle = client(&server);
    let other = idle.open(Rung::WebSocket).await.expect("a transport");
    idle.until(|news| matches!(news, News::Welcomed(..))).await;
    for (client, link) in [(&mut idle, other), (&mut busy, link)] {
        client.cut(link).await;
        client.until(|news| *news == News::Disconnected).await;
    }
    // The handler goes on until its window is full, which is more than may be kept.
    while server.calls_in_flight().await > 0 {
        tokio::task::yield_now().await;
    }
    busy.open(Rung::WebSocket).await.expect("a transport");
    busy.until(|news| matches!(news, News::Expired(_))).await;
    let resumed = idle.open(Rung::WebSocket).await.expect("a transport");
    idle.until(|news| *news == News::Moved(resumed)).await;
}

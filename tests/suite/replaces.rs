//! Sessions that take the place of others: a client that crashed names what it can no longer continue.

use serde_json::json;
use tabagent_protocol::Code;
use tabagent_tests::{NativeClient, News, Options, Rung, TestServer, client::answer, ledger::Chain};

use crate::whole::{finish, produce, read, serve};

const OLD: [u8; 32] = [1; 32];

fn client(server: &TestServer, options: Options) -> NativeClient {
    NativeClient::new(Options { url: server.url(), ..options })
}

async fn standing(server: &TestServer, options: Options) -> NativeClient {
    let mut client = client(server, options);
    client.open(Rung::WebSocket).await.expect("a transport");
    client.until(|news| matches!(news, News::Welcomed(false, _))).await;
    client
}

#[tokio::test]
async fn the_session_that_is_replaced_ends_at_once_and_its_transports_with_it() {
    for rung in [Rung::WebSocket, Rung::WebRtc] {
        let (server, executed) = serve(&[]);
        let mut old = client(&server, Options { secret: Some(OLD), ..Options::default() });
        old.open(rung).await.expect("a transport");
        let (_, mut stopped) = old.stream("produce", &produce("unkeyed", 1_000_000, 100)).await.expect("a call");
        read(&mut stopped, &mut Chain::default(), 10).await.expect("there is more");
        let keyed = json!({"name": "keyed", "items": 3_000, "bytes": 100, "idempotency_key": "one"});
        let (_, mut replies) = old.stream("produce", &keyed).await.expect("a call");
        read(&mut replies, &mut Chain::default(), 10).await.expect("there is more");

        let new = standing(&server, Options { replaces: vec![OLD], ..Options::default() }).await;
        old.until(|news| matches!(news, News::Closed(reason) if reason.code == Code::CLIENT_CRASHED)).await;
        assert_eq!(answer(&mut stopped).await.expect_err("its session ended").code, Code::OUTCOME_UNKNOWN);
        drop(old);
        // What has a key goes on, and is read from its first item.
        let (_, again) = new.stream("produce", &keyed).await.expect("a call");
        finish(again, Chain::default(), 3_000).await;
        assert_eq!((executed.times("keyed"), executed.times("unkeyed")), (1, 1));
        while server.calls_in_flight().await > 0 {
            tokio::task::yield_now().await;
        }
        new.close().await;
    }
}

#[tokio::test]
async fn a_session_that_rests_is_replaced_too() {
    let (server, _executed) = serve(&[]);
    let mut old = client(&server, Options { secret: Some(OLD), ..Options::default() });
    let link = old.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut replies) = old.stream("produce", &produce("lost", 1_000_000, 100)).await.expect("a call");
    read(&mut replies, &mut Chain::default(), 10).await.expect("there is more");
    old.cut(link).await;
    old.until(|news| *news == News::Disconnected).await;
    let new = standing(&server, Options { replaces: vec![OLD], ..Options::default() }).await;
    while server.calls_in_flight().await > 0 {
        tokio::task::yield_now().await;
    }
    old.open(Rung::WebSocket).await.expect("another transport");
    old.until(|news| matches!(news, News::Expired(reason) if reason.code == Code::SESSION_EXPIRED)).await;
    new.close().await;
}

#[tokio::test]
async fn nobody_ends_anothers_session_and_unknown_names_are_passed_over() {
    let (server, executed) = serve(&[]);
    let of = |key: &str, secret, replaces| Options { key: Some(key.to_owned()), secret, replaces, ..Options::default() };
    let mut old = standing(&server, of("key-a", Some(OLD), vec![])).await;
    let (_, replies) = old.stream("produce", &produce("kept", 3_000, 100)).await.expect("a call");
    let other = standing(&server, of("key-b", None, vec![OLD, [9; 32]])).await;
    assert_eq!(other.request("health", &json!({})).await.expect("an answer")["status"], "healthy");
    finish(replies, Chain::default(), 3_000).await;
    assert_eq!(executed.times("kept"), 1);
    // Its own may be named among others.
    let new = standing(&server, of("key-a", None, vec![[9; 32], OLD])).await;
    assert_eq!(new.request("health", &json!({})).await.expect("an answer")["status"], "healthy");
    old.until(|news| matches!(news, News::Closed(reason) if reason.code == Code::CLIENT_CRASHED)).await;
    other.close().await;
    new.close().await;
}

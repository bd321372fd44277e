//! The end of a server: what is under way is finished, whatever breaks meanwhile; what is new goes to the next one. And connections that
//! are to be left.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::{
    Code, Fault,
    api::{Action, NoItem},
};
use tabagent_server::{ServerLimits, ServerOptions};
use tabagent_tests::{
    NativeClient, News, Options, Rung, TestServer,
    client::answer,
    ledger::{Chain, Executed},
};
use tokio::sync::Semaphore;

use crate::whole::{finish, produce, read};

/// Longer than any test: what ends before has not waited for it.
const DRAIN: u64 = 600_000;

/// Is answered when the test says so.
#[derive(Deserialize, Serialize, schemars::JsonSchema)]
struct Hold {}

impl Action for Hold {
    const NAME: &'static str = "hold";
    type Response = Value;
    type Item = NoItem;
}

/// A server with a call that lasts, what was carried out there, and what lets the call go.
fn serve(drain: u64) -> (TestServer, Executed, Arc<Semaphore>) {
    let (executed, gate) = (Executed::default(), Arc::new(Semaphore::new(0)));
    let held = Arc::clone(&gate);
    let service = executed.service().on(move |_, _: Hold| {
        let held = Arc::clone(&held);
        async move {
            held.acquire().await.map_err(|_| Fault::new(Code::INTERNAL, "no gate"))?.forget();
            Ok(json!({"type": "held"}))
        }
    });
    let limits = ServerLimits { drain, ..ServerLimits::default() };
    (TestServer::start(ServerOptions { limits, ..ServerOptions::default() }, service), executed, gate)
}

fn client(server: &TestServer) -> NativeClient {
    NativeClient::new(Options { url: server.url(), ..Options::default() })
}

async fn begun(server: &TestServer, calls: u64) {
    while server.calls_in_flight().await < calls {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sessions_are_resumed_until_their_calls_are_done_and_new_calls_go_to_the_next_server() {
    let (server, executed, gate) = serve(DRAIN);
    let (next, executed_next, _) = serve(DRAIN);
    let mut client = client(&server);
    let first = client.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut held) = client.stream("hold", &json!({})).await.expect("a call");
    begun(&server, 1).await;
    let url = server.url();
    let ending = tokio::spawn(server.end());
    let News::GoAway(reason) = client.until(|news| matches!(news, News::GoAway(_))).await else { unreachable!() };
    assert_eq!(reason.code, Code::DRAINING);

    // What is made now waits for the next server.
    let (_, later) = client.stream("produce", &produce("later", 50, 10)).await.expect("a call");
    client.cut(first).await;
    for rung in [Rung::WebRtc, Rung::WebSocket] {
        let link = client.open(rung).await.expect("the listener is there for those who come back");
        client.until(|news| *news == News::Moved(link)).await;
    }

    // Nobody new is let in, over whatever way, and everybody is told when to come again.
    let mut stranger = NativeClient::new(Options { url: url.clone(), key: Some("no key".into()), ..Options::default() });
    assert_eq!(stranger.open(Rung::WebRtc).await.expect_err("refused").code, Code::UNAUTHORIZED);
    stranger = NativeClient::new(Options { url: url.clone(), ..Options::default() });
    stranger.open(Rung::WebSocket).await.expect("it has not said yet who it is");
    let News::GoAway(reason) = stranger.until(|news| matches!(news, News::GoAway(_))).await else { unreachable!() };
    assert_eq!(reason.code, Code::DRAINING);
    assert!(reason.retry_after_ms.is_some_and(|ms| ms > 0 && u64::from(ms) <= DRAIN), "{reason:?}");
    stranger.until(|news| *news == News::Disconnected).await;

    gate.add_permits(1);
    assert_eq!(answer(&mut held).await.expect("an answer")["type"], "held");
    client.until(|news| matches!(news, News::Expired(reason) if reason.code == Code::DRAINING)).await;
    tokio::time::timeout(Duration::from_secs(30), ending).await.expect("long before the deadline").expect("an end");

    client.restart().await;
    client.open_at(Rung::WebSocket, &next.url()).await.expect("a transport");
    finish(later, Chain::default(), 50).await;
    assert_eq!((executed.times("later"), executed_next.times("later")), (0, 1));
    client.close().await;
}

#[tokio::test]
async fn an_answer_that_was_given_while_nobody_was_there_is_waited_for() {
    let (server, _, gate) = serve(DRAIN);
    let mut client = client(&server);
    let link = client.open(Rung::WebSocket).await.expect("a transport");
    let (_, mut held) = client.stream("hold", &json!({})).await.expect("a call");
    begun(&server, 1).await;
    client.cut(link).await;
    client.until(|news| *news == News::Disconnected).await;
    let url = server.url();
    let ending = tokio::spawn(server.end());
    while reqwest::get(format!("{url}/v1/stats")).await.expect("a reply").status() != 503 {}
    gate.add_permits(1);
    // No call runs any more, but its answer has not arrived.
    client.open(Rung::WebSocket).await.expect("the listener is still there");
    assert_eq!(answer(&mut held).await.expect("an answer")["type"], "held");
    tokio::time::timeout(Duration::from_secs(30), ending).await.expect("long before the deadline").expect("an end");
}

#[tokio::test]
async fn what_is_not_finished_at_the_deadline_is_unknown() {
    let (server, ..) = serve(100);
    let mut client = client(&server);
    client.open(Rung::WebRtc).await.expect("a transport");
    let (_, mut held) = client.stream("hold", &json!({})).await.expect("a call");
    begun(&server, 1).await;
    server.end().await;
    assert_eq!(answer(&mut held).await.expect_err("cut off").code, Code::OUTCOME_UNKNOWN);
    client.until(|news| matches!(news, News::Expired(reason) if reason.code == Code::DRAINING)).await;
}

#[tokio::test]
async fn a_connection_that_is_to_be_left_is_left_and_nothing_stops() {
    const ITEMS: u64 = 4_000;
    let (server, executed, _) = serve(DRAIN);
    let mut client = client(&server);
    let mut link = client.open(Rung::WebSocket).await.expect("a transport");
    client.until(|news| matches!(news, News::Welcomed(..))).await;
    let (_, mut replies) = client.stream("produce", &produce("moving", ITEMS, 200)).await.expect("a call");
    let mut chain = Chain::default();
    for (turn, rung) in (1..).zip([Rung::WebRtc, Rung::WebSocket, Rung::WebRtc]) {
        read(&mut replies, &mut chain, turn * 500).await.expect("there is more");
        server.server.retire_connections();
        client.until(|news| matches!(news, News::GoAway(_))).await;
        let before = std::mem::replace(&mut link, client.open(rung).await.expect("another transport"));
        client.until(|news| *news == News::Moved(link)).await;
        client.until(|news| *news == News::Lost(before)).await;
    }
    finish(replies, chain, ITEMS).await;
    assert_eq!(executed.times("moving"), 1);
    while let Some(news) = client.heard() {
        assert!(!matches!(news, News::Disconnected | News::Expired(_)), "{news:?}");
    }
    client.close().await;
}

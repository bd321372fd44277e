//! Connections come and go, some of them badly; descriptors and tasks return to where they were. A program of its own: descriptors are
//! counted for the whole process.

use std::time::Duration;

use serde_json::json;
use tabagent_protocol::Limits;
use tabagent_server::{
    ServerLimits, ServerOptions, Service,
    transport::{ChannelSpec, Peer, PeerOptions},
};
use tabagent_tests::{NativeClient, TestServer};
use tokio::time::Instant;

const CYCLES: usize = 200;
const ABANDONED: usize = 50;
/// Longest wait for the last connection to be let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// Many sessions a minute; abandoned handshakes, and sessions whose goodbye was lost with their channel, are given up quickly.
fn options() -> ServerOptions {
    let session = Limits { window: 1_000, ..Limits::default() };
    let limits = ServerLimits { connections_per_minute_loopback: 100_000, unanswered: 1_000, session, ..ServerLimits::default() };
    ServerOptions { limits, ..ServerOptions::default() }
}

#[tokio::test]
async fn two_hundred_cycles_and_fifty_abandoned_offers_leave_nothing_behind() {
    let server = TestServer::start(options(), Service::reference());
    cycle(&server).await;
    abandon(&server).await;
    let start = settled(&server, (0, usize::MAX)).await;

    for _ in 0..CYCLES {
        cycle(&server).await;
    }
    for _ in 0..ABANDONED {
        abandon(&server).await;
    }
    let end = settled(&server, start).await;
    println!("tasks and descriptors before {start:?}, after {CYCLES} cycles and {ABANDONED} abandoned offers {end:?}");
    assert!(end.0 <= start.0, "tasks: {} at the start, {} at the end", start.0, end.0);
    assert!(end.1 <= start.1, "descriptors: {} at the start, {} at the end", start.1, end.1);
}

async fn cycle(server: &TestServer) {
    let client = NativeClient::connect(&server.url()).await.expect("a session");
    let answer = client.request("health", &json!({})).await.expect("an answer");
    assert_eq!(answer["status"], "healthy");
    client.close().await;
}

/// An offer that is answered and then forgotten.
async fn abandon(server: &TestServer) {
    let specs = [ChannelSpec { label: "tabagent".to_owned(), protocol: String::new() }];
    let (peer, sdp, events) = Peer::offering(&PeerOptions::default(), &specs).await.expect("an offer");
    let body = json!({"offer": {"type": "offer", "sdp": sdp}});
    let reply =
        reqwest::Client::new().post(format!("{}/v1/webrtc/sessions", server.url())).json(&body).send().await.expect("a reply");
    assert_eq!(reply.status(), 201);
    peer.close();
    drop(events);
}

/// Tasks of the server and descriptors of the process, once they are no more than `goal` or have stopped falling.
async fn settled(server: &TestServer, goal: (usize, usize)) -> (usize, usize) {
    let end = Instant::now() + PATIENCE;
    let mut lowest = (usize::MAX, usize::MAX);
    let mut quiet_since = Instant::now();
    loop {
        let now = (server.tasks(), descriptors());
        if now.0 < lowest.0 || now.1 < lowest.1 {
            lowest = (lowest.0.min(now.0), lowest.1.min(now.1));
            quiet_since = Instant::now();
        }
        let arrived = now.0 <= goal.0 && now.1 <= goal.1;
        // Longer than any time-out that could still release something.
        if arrived || quiet_since.elapsed() > Duration::from_secs(8) || Instant::now() > end {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

//! Sessions outlive their connections: cut, moved, raced, expired; every stream is proved whole by both sides' ledgers.

use serde_json::{Value, json};
use tabagent_protocol::{Code, ConnectionId, Fault, Lane};
use tabagent_server::{ServerLimits, ServerOptions};
use tabagent_tests::{
    NativeClient, News, Options, Reply, Rung, TestServer,
    client::answer,
    ledger::{Chain, Executed},
};
use tokio::sync::mpsc::UnboundedReceiver;

/// A server whose calls are noted, under these limits.
fn serve(limits: &[&str]) -> (TestServer, Executed) {
    let executed = Executed::default();
    let mut all = ServerLimits::default();
    limits.iter().for_each(|limit| all.set(limit).expect("as written"));
    let keys = ["key-a", "key-b"].map(|key| key.parse().expect("as written")).into();
    let options = ServerOptions { limits: all, keys, ..ServerOptions::default() };
    (TestServer::start(options, executed.service()), executed)
}

fn client(server: &TestServer) -> NativeClient {
    NativeClient::new(Options { url: server.url(), ..Options::default() })
}

fn produce(name: &str, items: u64, bytes: usize) -> Value {
    json!({"name": name, "items": items, "bytes": bytes})
}

/// Reads until so many items have come in all; `None` when the answer came, which must be that of a whole stream.
async fn read(replies: &mut UnboundedReceiver<Reply>, chain: &mut Chain, upto: u64) -> Option<()> {
    while chain.items() < upto {
        match replies.recv().await.expect("the session goes on") {
            Reply::Item(item) => chain.check(item),
            Reply::Done(answer) => {
                assert_eq!(answer.expect("an answer")["chain"], chain.value());
                return None;
            }
        }
    }
    Some(())
}

/// Reads the rest and holds it against the producer's ledger.
async fn finish(mut replies: UnboundedReceiver<Reply>, mut chain: Chain, items: u64) {
    assert_eq!(read(&mut replies, &mut chain, u64::MAX).await, None);
    assert_eq!(chain.items(), items);
}

/// A stream over one transport, which is cut again and again and followed by another one.
async fn cut_again_and_again(rungs: &[Rung], lane: Lane) {
    const ITEMS: u64 = 3_000;
    let (server, executed) = serve(&[]);
    let mut client = client(&server);
    let mut link = client.open(rungs[0]).await.expect("a transport");
    let (_, mut replies) = client.stream_in(lane, "produce", &produce("s", ITEMS, 200)).await.expect("a call");
    let mut chain = Chain::default();
    for (cut, rung) in rungs[1..].iter().enumerate() {
        read(&mut replies, &mut chain, 300 * (cut as u64 + 1)).await.expect("there is more");
        client.cut(link).await;
        client.until(|news| *news == News::Disconnected).await;
        link = client.open(*rung).await.expect("another transport");
        client.until(|news| *news == News::Moved(link)).await;
    }
    finish(replies, chain, ITEMS).await;
    assert_eq!(executed.times("s"), 1);
    client.close().await;
}

#[tokio::test]
async fn a_stream_survives_its_peer_connections() {
    cut_again_and_again(&[Rung::WebRtc; 6], Lane::Interactive).await;
}

#[tokio::test]
async fn a_stream_survives_its_websockets() {
    cut_again_and_again(&[Rung::WebSocket; 9], Lane::Interactive).await;
}

#[tokio::test]
async fn a_stream_in_the_bulk_lane_survives_both() {
    let rungs = [Rung::WebSocket, Rung::WebRtc, Rung::WebSocket, Rung::WebRtc];
    cut_again_and_again(&rungs, Lane::Bulk).await;
}

/// Cuts, moves and races at random: `CUTS` of them, from `SEED`.
#[tokio::test]
async fn a_stream_goes_on_whatever_happens_to_its_transports() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, cuts) = (number("SEED").unwrap_or_else(|| fastrand::u64(..)), number("CUTS").unwrap_or(10));
    println!("SEED={seed} CUTS={cuts}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (server, executed) = serve(&["connections_per_minute_loopback=1000000"]);
    let mut client = client(&server);
    let items = cuts * 1_000;
    let (_, mut replies) = client.stream("produce", &produce("random", items, 100)).await.expect("a call");
    let mut chain = Chain::default();
    let mut link = open(&client, &mut rng).await.expect("a transport");
    for cut in 0..cuts {
        let upto = cut * 1_000 + rng.u64(1..1_000);
        read(&mut replies, &mut chain, upto).await.expect("there is more");
        let before = link;
        match rng.u32(0..4) {
            // Cut, and another one.
            0 => client.cut(before).await,
            // A move while it lives.
            1 => {}
            // Another one is cut in the middle of its hello, or a moment before or behind.
            2 => {
                let short = open(&client, &mut rng).await.expect("a transport");
                (0..rng.u32(0..20)).for_each(|_| std::thread::yield_now());
                client.cut(short).await;
            }
            // The one in use is cut while another one has hardly begun.
            _ => {
                open(&client, &mut rng).await.expect("a transport");
                client.cut(before).await;
            }
        }
        link = open(&client, &mut rng).await.expect("another transport");
        client.until(|news| *news == News::Moved(link)).await;
    }
    finish(replies, chain, items).await;
    assert_eq!(executed.times("random"), 1);
    client.close().await;
}

async fn open(client: &NativeClient, rng: &mut fastrand::Rng) -> Result<ConnectionId, Fault> {
    client.open(if rng.bool() { Rung::WebRtc } else { Rung::WebSocket }).await
}

/// What the caller streams up arrives whole, whatever happens to the transports on the way.
async fn an_upload_cut_again_and_again(rungs: &[Rung], lane: Lane) {
    const ITEMS: u32 = 6_000;
    let (server, executed) = serve(&[]);
    let mut client = client(&server);
    let mut link = client.open(rungs[0]).await.expect("a transport");
    let mut chain = Chain::default();
    let items: Vec<_> = (0..ITEMS).map(|_| json!(chain.next(500))).collect();
    let (_, mut replies) = client.upload(lane, "consume", &json!({"name": "up"}), items).await.expect("a call");
    for (cut, rung) in (1..).zip(&rungs[1..]) {
        while executed.times("item of up") < cut * 1_000 {
            tokio::task::yield_now().await;
        }
        client.cut(link).await;
        client.until(|news| *news == News::Disconnected).await;
        link = client.open(*rung).await.expect("another transport");
        client.until(|news| *news == News::Moved(link)).await;
    }
    let answer = answer(&mut replies).await.expect("an answer");
    assert_eq!((&answer["chain"], &answer["items"]), (&json!(chain.value()), &json!(ITEMS)));
    assert_eq!(executed.times("up"), 1);
    client.close().await;
}

#[tokio::test]
async fn an_upload_survives_its_transports() {
    an_upload_cut_again_and_again(&[Rung::WebRtc, Rung::WebSocket, Rung::WebRtc, Rung::WebRtc], Lane::Interactive).await;
    an_upload_cut_again_and_again(&[Rung::WebSocket, Rung::WebRtc, Rung::WebSocket, Rung::WebSocket], Lane::Bulk).await;
}

#[tokio::test]
async fn a_session_moves_between_living_transports() {
    const ITEMS: u64 = 4_000;
    let (server, executed) = serve(&[]);
    let mut client = client(&server);
    let mut link = client.open(Rung::WebSocket).await.expect("a transport");
    let streams = [Lane::Interactive, Lane::Bulk].map(|lane| (lane, format!("in-{lane:?}")));
    let mut reading = Vec::new();
    for (lane, name) in &streams {
        let (_, replies) = client.stream_in(*lane, "produce", &produce(name, ITEMS, 300)).await.expect("a call");
        reading.push((replies, Chain::default()));
    }
    for (turn, rung) in [Rung::WebRtc, Rung::WebSocket, Rung::WebRtc, Rung::WebSocket].into_iter().enumerate() {
        for (replies, chain) in &mut reading {
            read(replies, chain, 500 * (turn as u64 + 1)).await.expect("there is more");
        }
        let before = std::mem::replace(&mut link, client.open(rung).await.expect("another transport"));
        client.until(|news| *news == News::Moved(link)).await;
        client.until(|news| *news == News::Lost(before)).await;
    }
    for (replies, chain) in reading {
        finish(replies, chain, ITEMS).await;
    }
    assert!(streams.iter().all(|(_, name)| executed.times(name) == 1));
    while let Ok(news) = client.news.try_recv() {
        assert!(!matches!(news, News::Disconnected | News::Expired(_)), "{news:?}");
    }
    client.close().await;
}

#[tokio::test]
async fn calls_made_while_nothing_is_connected_wait_and_are_carried_out_once() {
    let (server, executed) = serve(&[]);
    let mut client = client(&server);
    let link = client.open(Rung::WebSocket).await.expect("a transport");
    client.until(|news| matches!(news, News::Welcomed(false, _))).await;
    client.cut(link).await;
    client.until(|news| *news == News::Disconnected).await;
    let mut waiting = Vec::new();
    for n in 0..20 {
        let (_, replies) = client.stream("produce", &produce(&format!("c{n}"), n, 10)).await.expect("a call");
        waiting.push(replies);
    }
    client.open(Rung::WebRtc).await.expect("another transport");
    for (n, replies) in (0..).zip(waiting) {
        finish(replies, Chain::default(), n).await;
        assert_eq!(executed.times(&format!("c{n}")), 1);
    }
    client.close().await;
}

#[tokio::test]
async fn two_first_hellos_over_both_transports_make_one_session() {
    let (server, executed) = serve(&["sessions_per_principal=1"]);
    for turn in 0..5 {
        let mut client = client(&server);
        let name = format!("raced-{turn}");
        let (_, replies) = client.stream("produce", &produce(&name, 200, 100)).await.expect("a call");
        let (socket, channels) = tokio::join!(client.open(Rung::WebSocket), client.open(Rung::WebRtc));
        socket.and(channels).expect("both transports");
        finish(replies, Chain::default(), 200).await;
        assert_eq!(executed.times(&name), 1);
        // Had there been two sessions, the limit would have refused one.
        while let Ok(news) = client.news.try_recv() {
            assert!(!matches!(news, News::GoAway(_) | News::Expired(_) | News::Closed(_)), "{news:?}");
        }
        client.close().await;
    }
}

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
    tokio::time::timeout(std::time::Duration::from_secs(5), server.end()).await.expect("long before the window ends");
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
    let News::Closed(refused) = third.until(|news| matches!(news, News::Closed(_))).await else { unreachable!() };
    assert_eq!(refused.code, Code::LIMIT_REACHED);
    // One that waits for a connection, and for nothing else, makes room.
    first.cut(links[0]).await;
    first.until(|news| *news == News::Disconnected).await;
    let welcomed = loop {
        let mut next = client(&server);
        next.open(Rung::WebSocket).await.expect("a transport");
        // The server hears of the cut a moment later.
        if let News::Welcomed(resumed, _) = next.until(|news| matches!(news, News::Welcomed(..) | News::Closed(_))).await {
            break (next, resumed);
        }
    };
    assert!(!welcomed.1);
    first.open(Rung::WebSocket).await.expect("a transport");
    first.until(|news| matches!(news, News::Expired(_))).await;
    assert_eq!(second.request("health", &json!({})).await.expect("an answer")["status"], "healthy");
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

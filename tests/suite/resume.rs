//! Streams outlive their connections: cut, moved, raced; every one is proved whole by both sides' ledgers.

use serde_json::json;
use tabagent_protocol::{ConnectionId, Fault, Lane};
use tabagent_tests::{NativeClient, News, Rung, client::answer, ledger::Chain};

use crate::whole::{client, finish, produce, read, serve};

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
    let (server, executed) = serve(&["connections_per_minute_loopback=1000000", "resumes_per_minute=1000000"]);
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
    while let Some(news) = client.heard() {
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
        let client = client(&server);
        let name = format!("raced-{turn}");
        let (_, replies) = client.stream("produce", &produce(&name, 200, 100)).await.expect("a call");
        let (socket, channels) = tokio::join!(client.open(Rung::WebSocket), client.open(Rung::WebRtc));
        socket.and(channels).expect("both transports");
        finish(replies, Chain::default(), 200).await;
        assert_eq!(executed.times(&name), 1);
        // Had there been two sessions, the limit would have refused one.
        while let Some(news) = client.heard() {
            assert!(!matches!(news, News::GoAway(_) | News::Expired(_) | News::Closed(_)), "{news:?}");
        }
        client.close().await;
    }
}

//! Signaling from outside: both flows to an open channel, every refusal, every limit, and what the log says of it.

mod common;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::{KEY, Outcome, PATIENCE, TestServer, options, refused, service};
use futures_util::future::{join_all, select_all};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tabagent_protocol::signaling::IceServer;
use tabagent_server::{
    ServerLimits, ServerOptions,
    transport::{Channel, ChannelSpec, Message, Peer, PeerEvent, PeerOptions},
};
use tokio::{net::UdpSocket, sync::mpsc, time::timeout};

type Failure = Box<dyn std::error::Error>;

/// The browser's side.
struct Browser {
    peer: Peer,
    sdp: String,
    events: mpsc::Receiver<PeerEvent>,
}

impl Browser {
    async fn offering(protocols: &[&str]) -> Result<Self, Failure> {
        let spec = |protocol: &&str| ChannelSpec { label: "mine".into(), protocol: (*protocol).into() };
        let specs: Vec<_> = protocols.iter().map(spec).collect();
        let (peer, sdp, events) = Peer::offering(&PeerOptions::default(), &specs).await?;
        Ok(Self { peer, sdp, events })
    }

    async fn answering(offer: &Value) -> Result<Self, Failure> {
        let offer = offer.as_str().ok_or("no offer")?;
        let (peer, sdp, events) = Peer::answering(&PeerOptions::default(), offer).await?;
        Ok(Self { peer, sdp, events })
    }

    async fn channel(&mut self) -> Result<Channel, Failure> {
        loop {
            match timeout(PATIENCE, self.events.recv()).await?.ok_or("no more events")? {
                PeerEvent::Channel(channel) => return Ok(channel),
                PeerEvent::Closed(reason) => return Err(reason.into()),
                PeerEvent::Candidate(_) | PeerEvent::Step(_) => {}
            }
        }
    }

    async fn closed(&mut self) -> Outcome {
        while !matches!(timeout(PATIENCE, self.events.recv()).await?, None | Some(PeerEvent::Closed(_))) {}
        Ok(())
    }
}

/// An offer that can be read and leads nowhere, since nobody is behind it.
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 \
    6D:89:5B:05:B9:0B:BC:73:8F:DF:AA:12:70:AA:02:62:EA:F2:9D:C2:3A:87:BB:AD:0B:02:55:76:47:2A:0F:9E\r\na=group:BUNDLE 0\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\n\
    a=sctp-port:5000\r\na=max-message-size:65536\r\na=ice-ufrag:abcdefgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n";
const CANDIDATE: &str = "candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host";

async fn start(limits: &[&str]) -> Result<TestServer, Failure> {
    let mut all = ServerLimits::default();
    for limit in limits {
        all.set(limit)?;
    }
    TestServer::start(ServerOptions { limits: all, ..options() }, service()).await
}

async fn post(server: &TestServer, path: &str, body: &Value) -> Result<Response, reqwest::Error> {
    server.post(path).json(body).send().await
}

/// The reply, which must be of this status.
async fn said(reply: Response, status: u16) -> Result<Value, Failure> {
    let (actual, body): (_, Value) = (reply.status(), reply.json().await?);
    assert_eq!(actual, status, "{body}");
    Ok(body)
}

async fn offer(server: &TestServer, body: &Value) -> Result<Value, Failure> {
    said(post(server, "/v1/webrtc/offer", body).await?, 200).await
}

async fn look(server: &TestServer, id: &str) -> Result<Value, Failure> {
    said(server.get(&format!("/v1/webrtc/session/{id}")).send().await?, 200).await
}

/// Looks until the connection is in this state.
async fn until(server: &TestServer, id: &str, state: &str) -> Result<Value, Failure> {
    let begun = Instant::now();
    loop {
        let info = look(server, id).await?;
        if info["state"] == state {
            return Ok(info);
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("not {state}: {info}").into());
        }
        tokio::task::yield_now().await;
    }
}

fn text(value: &Value) -> Result<&str, Failure> {
    value.as_str().ok_or_else(|| format!("{value} is no text").into())
}

async fn asks(channel: &mut Channel, request: &Value) -> Result<Value, Failure> {
    channel.sender.send(Message::Text(request.to_string().into())).await;
    hears(channel).await
}

async fn hears(channel: &mut Channel) -> Result<Value, Failure> {
    match timeout(PATIENCE, channel.receiver.receive()).await? {
        Some(Message::Text(text)) => Ok(serde_json::from_slice(&text)?),
        other => Err(format!("no text: {other:?}").into()),
    }
}

#[tokio::test]
async fn a_client_that_offers_is_connected_after_one_request() -> Outcome {
    let server = start(&[]).await?;
    let mut browser = Browser::offering(&[""]).await?;
    let offer = json!({ "offer": { "type": "offer", "sdp": browser.sdp }, "clientId": "tab 1" });
    let reply = said(post(&server, "/v1/webrtc/sessions", &offer).await?, 201).await?;
    let id = text(&reply["session_id"])?;
    assert_eq!((&reply["sessionId"], &reply["answer"]["type"]), (&json!(id), &json!("answer")));
    assert_eq!(reply["ice_servers"], json!([]));
    browser.peer.accept_answer(text(&reply["answer"]["sdp"])?).await?;

    let mut channel = browser.channel().await?;
    let answer = asks(&mut channel, &json!({ "action": "echo", "text": "hi", "id": 1 })).await?;
    assert_eq!(answer, json!({ "type": "echo_response", "text": "hi", "id": 1 }));

    let info = look(&server, id).await?;
    assert_eq!((&info["state"], &info["client_id"]), (&json!("connected"), &json!("tab 1")));
    assert_eq!(
        (&info["has_offer"], &info["has_answer"], &info["data_channel_connected"]),
        (&true.into(), &true.into(), &true.into())
    );
    let steps: Vec<_> = info["steps"].as_array().into_iter().flatten().map(|step| step["step"].clone()).collect();
    assert_eq!(steps, ["offer", "answer", "ice", "dtls", "channel", "welcome"]);
    for time in ["created_at", "last_activity"] {
        assert!(text(&info[time])?.ends_with('Z'), "{info}");
    }
    let all = said(server.get("/v1/webrtc/session").send().await?, 200).await?;
    assert_eq!(all["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(said(server.get(&format!("/v1/webrtc/session?session_id={id}")).send().await?, 200).await?["session_id"], id);

    let ended = server.client.delete(server.url(&format!("/v1/webrtc/session/{id}"))).send().await?;
    assert_eq!(said(ended, 200).await?, json!({ "success": true, "session_id": id, "sessionId": id }));
    refused(server.get(&format!("/v1/webrtc/session/{id}")).send().await?, 404, "session_not_found").await?;
    browser.closed().await
}

#[tokio::test]
async fn a_client_that_answers_is_connected_in_every_spelling() -> Outcome {
    let server = start(&[]).await?;
    let spellings = [
        |id: &str, sdp: &str| (String::from("/v1/webrtc/answer"), json!({ "session_id": id, "sdp": sdp })),
        |id: &str, sdp: &str| (String::from("/v1/webrtc/answer"), json!({ "sessionId": id, "answerSdp": sdp })),
        |id: &str, sdp: &str| (format!("/v1/webrtc/answer/{id}"), json!({ "answer_sdp": sdp })),
        |id: &str, sdp: &str| (format!("/v1/webrtc/answer/{id}"), json!({ "session_id": id, "sessionId": id, "sdp": sdp })),
    ];
    for spelling in spellings {
        let offered = offer(&server, &json!({ "peer_id": "p", "sdp": "ignored" })).await?;
        assert_eq!((&offered["type"], &offered["sdp"]), (&json!("offer"), &offered["offer_sdp"]));
        assert_eq!(offered["sdp"], offered["offerSdp"]);
        let id = text(&offered["session_id"])?;
        assert_eq!(look(&server, id).await?["state"], "waiting_for_answer");

        let mut browser = Browser::answering(&offered["sdp"]).await?;
        let (path, body) = spelling(id, &browser.sdp);
        assert_eq!(said(post(&server, &path, &body).await?, 200).await?["success"], true);
        let mut channel = browser.channel().await?;
        assert_eq!((channel.label.as_str(), channel.protocol.as_str()), ("tabagent", ""));
        assert_eq!(asks(&mut channel, &json!({ "action": "alive" })).await?["type"], "alive_response");
        assert_eq!(look(&server, id).await?["client_id"], "p");
        browser.peer.close();
        until(&server, id, "closed").await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_offer_for_the_sdk_has_a_channel_for_each_lane() -> Outcome {
    let server = start(&[]).await?;
    let offered = offer(&server, &json!({ "protocol": "tabagent.v1" })).await?;
    let id = text(&offered["session_id"])?;
    let mut browser = Browser::answering(&offered["sdp"]).await?;
    said(post(&server, "/v1/webrtc/answer", &json!({ "session_id": id, "sdp": browser.sdp })).await?, 200).await?;
    let mut protocols = [browser.channel().await?.protocol, browser.channel().await?.protocol];
    protocols.sort();
    assert_eq!(protocols, ["tabagent.v1", "tabagent.v1.bulk"]);
    let unknown = post(&server, "/v1/webrtc/offer", &json!({ "protocol": "chat" })).await?;
    assert_eq!(refused(unknown, 400, "validation_failed").await?["details"]["field"], "protocol");
    Ok(())
}

#[tokio::test]
async fn channels_that_nobody_serves_are_told_why() -> Outcome {
    let server = start(&[]).await?;
    for (protocols, code) in
        [(["chat"].as_slice(), "not_supported"), (["tabagent.v1", "tabagent.v1"].as_slice(), "invalid_state")]
    {
        let mut browser = Browser::offering(protocols).await?;
        let body = json!({ "offer": { "sdp": browser.sdp } });
        let reply = said(post(&server, "/v1/webrtc/sessions", &body).await?, 201).await?;
        browser.peer.accept_answer(text(&reply["answer"]["sdp"])?).await?;
        let mut channels = Vec::new();
        for _ in protocols {
            channels.push(browser.channel().await?);
        }
        // Which of two equal channels is the second is not said; the first waits for a hello and hears nothing.
        let (heard, ..) = select_all(channels.iter_mut().map(|channel| Box::pin(hears(channel)))).await;
        let heard = heard?;
        assert_eq!((&heard["type"], &heard["code"]), (&json!("error"), &json!(code)));
    }
    server.alive().await
}

#[tokio::test]
async fn candidates_travel_both_ways_in_every_shape() -> Outcome {
    let server = start(&[]).await?;
    let offered = offer(&server, &json!({})).await?;
    let id = text(&offered["session_id"])?;
    // Before the answer: they are kept.
    let shapes = [
        (String::from("/v1/webrtc/ice"), json!({ "session_id": id, "candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0 })),
        (String::from("/v1/webrtc/ice"), json!({ "sessionId": id, "candidate": { "candidate": CANDIDATE, "sdpMid": "0" } })),
        (format!("/v1/webrtc/ice/{id}"), json!({ "candidates": [CANDIDATE, { "candidate": CANDIDATE }, null] })),
        (format!("/v1/webrtc/ice/{id}"), json!({ "candidate": "candidate:2 1 udp 1 5f4dcc3b.local 40001 typ host" })),
        (format!("/v1/webrtc/ice/{id}"), json!({ "candidate": null })),
    ];
    for (path, body) in shapes {
        assert_eq!(said(post(&server, &path, &body).await?, 200).await?["success"], true, "{body}");
    }
    assert_eq!(look(&server, id).await?["ice_candidate_count"], 5);

    let ask = |query: &str| server.get(&format!("/v1/webrtc/session/{id}/candidates?{query}")).send();
    let first = said(ask("since=0&wait_ms=10000").await?, 200).await?;
    let listed = first["candidates"].as_array().ok_or("a list")?;
    assert!(!listed.is_empty());
    for (n, candidate) in (1..).zip(listed) {
        assert_eq!(candidate["seq"], n);
        assert!(text(&candidate["candidate"])?.starts_with("candidate:"));
    }
    assert_eq!(first["next"], listed.len());
    let rest = said(ask(&format!("since={}&waitMs=10000", listed.len())).await?, 200).await?;
    assert_eq!((&rest["next"], &rest["done"]), (&first["next"], &json!(true)));
    for query in ["since=-1", "since=yesterday", "wait_ms=x"] {
        refused(ask(query).await?, 400, "validation_failed").await?;
    }

    let mut browser = Browser::answering(&offered["sdp"]).await?;
    let candidates = json!([{ "candidate": CANDIDATE }]);
    let body = json!({ "session_id": id, "sdp": browser.sdp, "candidates": candidates });
    said(post(&server, "/v1/webrtc/answer", &body).await?, 200).await?;
    browser.channel().await?;
    assert_eq!(look(&server, id).await?["ice_candidate_count"], 6);
    Ok(())
}

/// A server that waits for a STUN server which never answers, so that its candidates are not complete.
async fn start_gathering() -> Result<(TestServer, UdpSocket), Failure> {
    let silent = UdpSocket::bind("127.0.0.1:0").await?;
    let urls = vec![format!("stun:{}", silent.local_addr()?)];
    let ice_servers = vec![IceServer { urls, ..IceServer::default() }];
    Ok((TestServer::start(ServerOptions { ice_servers, ..options() }, service()).await?, silent))
}

#[tokio::test]
async fn a_poll_for_candidates_waits_for_them_and_ends_with_its_connection() -> Outcome {
    let (server, _silent) = start_gathering().await?;
    let offered = offer(&server, &json!({})).await?;
    assert_eq!(offered["ice_servers"][0]["urls"].as_array().map(Vec::len), Some(1));
    let id = text(&offered["session_id"])?.to_owned();
    let ask = |wait: u32| server.get(&format!("/v1/webrtc/session/{id}/candidates?since=99&wait_ms={wait}")).send();
    let begun = Instant::now();
    let early = said(ask(150).await?, 200).await?;
    assert_eq!(early, json!({ "candidates": [], "next": 99, "done": false }));
    assert!(begun.elapsed() >= Duration::from_millis(150));

    let poll = tokio::spawn(ask(20_000));
    server.client.delete(server.url(&format!("/v1/webrtc/session/{id}"))).send().await?;
    let reply = timeout(PATIENCE, poll).await???;
    // The end may have been first to arrive.
    assert!(reply.status() == 200 || reply.status() == 404, "{reply:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_is_no_offer_is_refused_and_holds_nothing() -> Outcome {
    let server = start(&["connections=2"]).await?;
    let sized = |length: usize| format!("{OFFER}{}", "a=x\r\n".repeat(length / 5));
    let no_data = OFFER.replace("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    let many = format!("{OFFER}{}", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(65));
    let rows = [
        (json!({}), 400, "validation_failed", "offer"),
        (json!({ "offer": null }), 400, "validation_failed", "offer"),
        (json!({ "offer": {} }), 400, "validation_failed", "offer.sdp"),
        (json!({ "offer": { "sdp": "" } }), 400, "validation_failed", "offer.sdp"),
        (json!({ "offer": { "sdp": " \r\n" } }), 400, "validation_failed", "offer.sdp"),
        (json!({ "offer": { "sdp": 1 } }), 400, "validation_failed", "offer.sdp"),
        (json!({ "offer": "v=0" }), 400, "validation_failed", "offer"),
        (json!({ "offer": { "type": "answer", "sdp": OFFER } }), 400, "validation_failed", "offer.type"),
        (json!({ "offer": { "sdp": OFFER }, "client_id": "x".repeat(200) }), 400, "validation_failed", "client_id"),
        (json!({ "offer": { "sdp": OFFER }, "client_id": "a", "clientId": "b" }), 400, "validation_failed", "client_id"),
        (json!({ "offer": { "sdp": "garbage" } }), 400, "bad_request", "offer.sdp"),
        (json!({ "offer": { "sdp": "v=0\r\ngarbage" } }), 400, "no_data_channel", "offer.sdp"),
        (json!({ "offer": { "sdp": OFFER.replace("a=ice-ufrag:abcdefgh\r\n", "") } }), 400, "bad_request", "offer.sdp"),
        (json!({ "offer": { "sdp": no_data } }), 400, "no_data_channel", "offer.sdp"),
        (json!({ "offer": { "sdp": sized(70_000) } }), 413, "payload_too_large", "offer.sdp"),
    ];
    for (body, status, code, field) in rows {
        let reply = refused(post(&server, "/v1/webrtc/sessions", &body).await?, status, code).await?;
        assert_eq!(reply["details"]["field"], field, "{reply}");
    }
    let reply = post(&server, "/v1/webrtc/sessions", &json!({ "offer": { "sdp": many } })).await?;
    refused(reply, 429, "limit_reached").await?;
    let raw = server.post("/v1/webrtc/sessions").header("content-type", "application/json").body("{").send().await?;
    refused(raw, 400, "bad_request").await?;
    // All of that has left both places free.
    for _ in 0..2 {
        said(post(&server, "/v1/webrtc/sessions", &json!({ "offer": { "sdp": OFFER } })).await?, 201).await?;
    }
    server.alive().await
}

#[tokio::test]
async fn what_does_not_fit_a_connection_is_refused_and_leaves_it_as_it_was() -> Outcome {
    let server = start(&[]).await?;
    let offered = offer(&server, &json!({})).await?;
    let id = text(&offered["session_id"])?;
    let answer = async |body: Value| post(&server, "/v1/webrtc/answer", &body).await;
    let nobody = "0".repeat(32);
    let rows = [
        (json!({ "sdp": OFFER }), 400, "validation_failed"),
        (json!({ "session_id": id }), 400, "validation_failed"),
        (json!({ "session_id": id, "sdp": " " }), 400, "validation_failed"),
        (json!({ "session_id": id, "sdp": "garbage" }), 400, "bad_request"),
        (json!({ "session_id": id, "sdp": "x".repeat(70_000) }), 413, "payload_too_large"),
        (json!({ "session_id": id, "sdp": "a", "answerSdp": "b" }), 400, "validation_failed"),
        (json!({ "session_id": id, "sessionId": nobody, "sdp": "a" }), 400, "validation_failed"),
        (json!({ "session_id": nobody, "sdp": OFFER }), 404, "session_not_found"),
        (json!({ "session_id": "../etc", "sdp": OFFER }), 404, "session_not_found"),
    ];
    for (body, status, code) in rows {
        refused(answer(body).await?, status, code).await?;
    }
    let long = format!("{CANDIDATE} {}", "x".repeat(600));
    for candidate in [json!("garbage"), json!({ "candidate": "candidate:x" }), json!(long), json!(7), json!({ "sdpMid": "0" })] {
        let reply = post(&server, &format!("/v1/webrtc/ice/{id}"), &json!({ "candidate": candidate })).await?;
        refused(reply, 400, "validation_failed").await?;
    }
    refused(post(&server, &format!("/v1/webrtc/ice/{id}"), &json!({})).await?, 400, "validation_failed").await?;
    refused(
        post(&server, &format!("/v1/webrtc/ice/{nobody}"), &json!({ "candidate": CANDIDATE })).await?,
        404,
        "session_not_found",
    )
    .await?;
    let both = post(&server, &format!("/v1/webrtc/ice/{id}"), &json!({ "session_id": nobody, "candidate": null })).await?;
    refused(both, 400, "validation_failed").await?;
    assert_eq!(look(&server, id).await?["state"], "waiting_for_answer");

    let mut browser = Browser::answering(&offered["sdp"]).await?;
    said(answer(json!({ "session_id": id, "sdp": browser.sdp })).await?, 200).await?;
    let twice = refused(answer(json!({ "session_id": id, "sdp": browser.sdp })).await?, 409, "invalid_state").await?;
    assert_eq!(twice["details"]["expected"], "waiting_for_answer");
    assert!(["ice_gathering", "connected"].contains(&text(&twice["details"]["actual"])?));
    browser.channel().await?;
    server.alive().await
}

#[tokio::test]
async fn candidates_are_counted() -> Outcome {
    let server = start(&["candidates=3"]).await?;
    let offered = offer(&server, &json!({})).await?;
    let path = format!("/v1/webrtc/ice/{}", text(&offered["session_id"])?);
    for _ in 0..3 {
        said(post(&server, &path, &json!({ "candidate": CANDIDATE })).await?, 200).await?;
    }
    refused(post(&server, &path, &json!({ "candidate": CANDIDATE })).await?, 429, "limit_reached").await?;
    said(post(&server, &path, &json!({ "candidate": null })).await?, 200).await?;
    Ok(())
}

#[tokio::test]
async fn a_foreign_connection_looks_like_none() -> Outcome {
    let server = start(&[]).await?;
    let mine = offer(&server, &json!({})).await?;
    let id = text(&mine["session_id"])?;
    let nobody = "0".repeat(32);
    let rows = [
        (Method::GET, "/v1/webrtc/session/ID", json!(null)),
        (Method::DELETE, "/v1/webrtc/session/ID", json!(null)),
        (Method::GET, "/v1/webrtc/session?session_id=ID", json!(null)),
        (Method::GET, "/v1/webrtc/session/ID/candidates", json!(null)),
        (Method::POST, "/v1/webrtc/answer/ID", json!({ "sdp": OFFER })),
        (Method::POST, "/v1/webrtc/ice/ID", json!({ "candidate": CANDIDATE })),
    ];
    for (method, path, body) in rows {
        let mut replies = Vec::new();
        for id in [id, &nobody] {
            let request = server.client.request(method.clone(), server.url(&path.replace("ID", id))).bearer_auth(KEY);
            let request = if body.is_null() { request } else { request.json(&body) };
            replies.push(refused(request.send().await?, 404, "session_not_found").await?);
        }
        assert_eq!(replies[0], replies[1], "{path}");
    }
    let theirs = server.get("/v1/webrtc/session").bearer_auth(KEY).send().await?;
    assert_eq!(said(theirs, 200).await?["sessions"], json!([]));
    assert_eq!(look(&server, id).await?["state"], "waiting_for_answer");
    Ok(())
}

#[tokio::test]
async fn every_limit_names_itself_and_says_when_to_come_back() -> Outcome {
    for (limit, name, code) in [
        ("connections=1", "connections", "limit_reached"),
        ("connections_per_principal=1", "connections_per_principal", "limit_reached"),
        ("connections_per_minute_loopback=1", "connections_per_minute_loopback", "rate_limited"),
    ] {
        let server = start(&[limit]).await?;
        let first = offer(&server, &json!({})).await?;
        let reply = post(&server, "/v1/webrtc/offer", &json!({})).await?;
        let seconds: u32 = reply.headers()["retry-after"].to_str()?.parse()?;
        assert!((1..=60).contains(&seconds));
        let reply = refused(reply, 429, code).await?;
        assert_eq!(reply["details"], json!({ "limit": name, "max": 1 }));
        assert!(text(&reply["message"])?.contains(name));
        if code == "limit_reached" {
            let path = format!("/v1/webrtc/session/{}", text(&first["session_id"])?);
            server.client.delete(server.url(&path)).send().await?;
            // Its place is free when its socket is, a moment later.
            let begun = Instant::now();
            while post(&server, "/v1/webrtc/offer", &json!({})).await?.status() != 200 {
                assert!(begun.elapsed() < PATIENCE);
            }
        }
        server.alive().await?;
    }
    Ok(())
}

#[tokio::test]
async fn requests_at_once_cannot_pass_a_limit_together() -> Outcome {
    let server = start(&["connections=3"]).await?;
    let body = json!({});
    let replies = join_all((0..12).map(|_| post(&server, "/v1/webrtc/offer", &body))).await;
    let taken = replies.into_iter().filter(|reply| reply.as_ref().is_ok_and(|reply| reply.status() == 200)).count();
    assert_eq!(taken, 3);
    Ok(())
}

#[tokio::test]
async fn an_offer_that_nobody_answers_is_closed_in_time() -> Outcome {
    let server = start(&["unanswered=150", "cleanup=300"]).await?;
    let begun = Instant::now();
    let offered = offer(&server, &json!({})).await?;
    let id = text(&offered["session_id"])?;
    until(&server, id, "closed").await?;
    let took = begun.elapsed();
    assert!((Duration::from_millis(150)..Duration::from_secs(2)).contains(&took), "{took:?}");
    let late = post(&server, "/v1/webrtc/answer", &json!({ "session_id": id, "sdp": OFFER })).await?;
    assert_eq!(refused(late, 409, "invalid_state").await?["details"]["actual"], "closed");
    // And forgotten after the cleanup.
    while server.get(&format!("/v1/webrtc/session/{id}")).send().await?.status() != 404 {
        assert!(begun.elapsed() < PATIENCE);
    }
    let other = said(post(&server, "/v1/webrtc/sessions", &json!({ "offer": { "sdp": OFFER } })).await?, 201).await?;
    until(&server, text(&other["session_id"])?, "closed").await?;
    Ok(())
}

#[tokio::test]
async fn traffic_keeps_a_connection_and_silence_ends_it() -> Outcome {
    let server = start(&["idle=400"]).await?;
    let mut browser = Browser::offering(&[""]).await?;
    let body = json!({ "offer": { "sdp": browser.sdp } });
    let reply = said(post(&server, "/v1/webrtc/sessions", &body).await?, 201).await?;
    browser.peer.accept_answer(text(&reply["answer"]["sdp"])?).await?;
    let mut channel = browser.channel().await?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(900) {
        asks(&mut channel, &json!({ "action": "alive" })).await?;
    }
    let id = text(&reply["session_id"])?;
    assert_eq!(look(&server, id).await?["state"], "connected");
    let silent = Instant::now();
    until(&server, id, "closed").await?;
    assert!(silent.elapsed() > Duration::from_millis(300), "{:?}", silent.elapsed());
    browser.closed().await
}

#[tokio::test]
async fn a_server_that_ends_closes_its_connections_and_answers_their_polls() -> Outcome {
    let (mut server, _silent) = start_gathering().await?;
    let offered = offer(&server, &json!({})).await?;
    let path = format!("/v1/webrtc/session/{}/candidates?since=99&wait_ms=20000", text(&offered["session_id"])?);
    let mut poll = Box::pin(server.get(&path).send());
    let mut browser = Browser::offering(&[""]).await?;
    let body = json!({ "offer": { "sdp": browser.sdp } });
    let reply = said(post(&server, "/v1/webrtc/sessions", &body).await?, 201).await?;
    browser.peer.accept_answer(text(&reply["answer"]["sdp"])?).await?;
    let opened = browser.channel();
    tokio::select! {
        reply = &mut poll => return Err(format!("answered too early: {reply:?}").into()),
        opened = opened => drop(opened?),
    }
    let begun = Instant::now();
    let ended = server.stop();
    let (reply, ended) = tokio::join!(poll, ended);
    ended?;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    refused(reply?, 503, "draining").await?;
    browser.closed().await
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn the_log_tells_each_handshake_and_no_secrets() -> Outcome {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter("tabagent_server=debug")
        .with_writer(move || writer.clone())
        .finish();
    // For all tests of this program: one of a thread only would miss lines whose callsite another thread was the first to reach.
    tracing::subscriber::set_global_default(subscriber)?;

    let server = start(&[]).await?;
    let mut browser = Browser::offering(&[""]).await?;
    let body = json!({ "offer": { "sdp": browser.sdp } });
    let request = server.post("/v1/webrtc/sessions").bearer_auth(KEY).json(&body);
    let reply = said(request.send().await?, 201).await?;
    let id = text(&reply["session_id"])?;
    browser.peer.accept_answer(text(&reply["answer"]["sdp"])?).await?;
    let mut channel = browser.channel().await?;
    asks(&mut channel, &json!({ "action": "echo", "text": "the-text-of-a-request" })).await?;
    let abandoned = offer(&server, &json!({})).await?;
    let lost = text(&abandoned["session_id"])?;
    server.client.delete(server.url(&format!("/v1/webrtc/session/{lost}"))).send().await?;
    server.get("/v1/alive").bearer_auth("a-wrong-key").send().await?;

    let begun = Instant::now();
    while !log.lines().iter().any(|line| line.contains("handshake stopped")) && begun.elapsed() < PATIENCE {
        tokio::task::yield_now().await;
    }
    let lines = log.lines();
    let of = |id: &str| lines.iter().filter(|line| line.contains(&format!("connection={id}"))).collect::<Vec<_>>();
    let story = of(id);
    for (line, step) in story.iter().zip(["offer", "answer", "candidates", "ice", "dtls", "channel", "welcome"]) {
        assert!(line.contains("INFO") && line.contains(&format!(": {step} ")) && line.contains(" ms="), "{line}");
    }
    assert_eq!(story.len(), 7, "{story:#?}");
    let end = of(lost);
    let last = end.last().ok_or("no word of the abandoned one")?;
    assert!(last.contains("WARN") && last.contains("handshake stopped"), "{last}");
    assert!(last.contains(r#"after="offer" waiting_for="answer""#), "{last}");
    for secret in [KEY, "a-wrong-key", "the-text-of-a-request", "ice-pwd", "ice-ufrag", "candidate:", "fingerprint"] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret} is in the log");
    }
    Ok(())
}

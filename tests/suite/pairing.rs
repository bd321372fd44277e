//! Pairing on every way in: a token opens sessions over WebRTC, WebSockets and native messaging, and its end is their end.

use std::time::Duration;

use serde_json::{Value, json};
use tabagent_protocol::{Code, frame::FrameType};
use tabagent_server::{
    Pairing, PairingLimits, Server, ServerOptions, Service,
    testing::{Client, ClientOptions, News},
    transport::Message,
};
use tabagent_tests::{
    NativeClient, Options, Reply, Rung, TestServer,
    client::answer,
    hosted::Host,
    native::Link,
    ws::{self, Socket},
};

use crate::websocket::{expect, hello, refused, say};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Longer than anything here takes on a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
const OURS: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
const OTHER: &str = "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba";

fn serve(pairing: &Pairing) -> TestServer {
    let options = ServerOptions { pairing: Some(pairing.clone()), ..ServerOptions::default() };
    TestServer::start(options, Service::reference())
}

/// A token of this origin, and what it is revoked by.
async fn pair(url: &str, pairing: &Pairing, origin: &str) -> Result<(String, String), Box<dyn std::error::Error>> {
    let request = reqwest::Client::new().post(format!("{url}/v1/pair"));
    let request = if origin.is_empty() { request } else { request.header("origin", origin) };
    let reply: Value = request.json(&json!({"code": pairing.show_code()?.code})).send().await?.json().await?;
    let text = |field: &str| reply[field].as_str().map(str::to_owned).ok_or_else(|| format!("no {field}: {reply}"));
    Ok((text("token")?, text("id")?))
}

fn client(url: &str, token: &str) -> NativeClient {
    NativeClient::new(Options { url: url.to_owned(), key: Some(token.to_owned()), ..Options::default() })
}

async fn greeted(url: &str, origin: &str, bearer: Option<&str>) -> Socket {
    let mut socket = ws::open(url, &[("origin", origin)]).await.expect("it opens before anybody is known");
    say(&mut socket, hello(bearer).packet()).await;
    socket
}

#[tokio::test]
async fn a_socket_of_another_origin_does_not_get_in_with_the_token() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits::default());
    let server = serve(&pairing);
    let url = server.url();
    let refusal = ws::open(&url, &[("origin", OURS)]).await.err().ok_or("nobody is paired")?;
    assert!(refusal.to_string().contains("401"), "{refusal}");
    let (ours, _) = pair(&url, &pairing, OURS).await?;
    let (other, _) = pair(&url, &pairing, OTHER).await?;
    let (program, _) = pair(&url, &pairing, "").await?;
    for (origin, token, gets_in) in [
        (OURS, Some(&ours), true),
        (OTHER, Some(&other), true),
        (OTHER, Some(&ours), false),
        (OURS, Some(&other), false),
        (OURS, Some(&program), false),
        (OURS, None, false),
        ("", Some(&ours), true),
        ("", Some(&program), true),
    ] {
        let mut socket = greeted(&url, origin, token.map(String::as_str)).await;
        if gets_in {
            expect(&mut socket, FrameType::Welcome).await;
        } else {
            assert_eq!(refused(&mut socket).await, ("unauthorized".to_owned(), 1008), "{origin} {token:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_session_is_the_origins_on_every_rung_and_ends_when_its_token_is_revoked() -> Outcome {
    for rung in [Rung::WebRtc, Rung::WebSocket] {
        let pairing = Pairing::in_memory(PairingLimits::default());
        let server = serve(&pairing);
        let url = server.url();
        let (token, id) = pair(&url, &pairing, OURS).await?;
        let (stays, _) = pair(&url, &pairing, OURS).await?;
        let (mut revoked, other) = (client(&url, &token), client(&url, &stays));
        for client in [&revoked, &other] {
            client.open(rung).await?;
            assert_eq!(client.request("health", &json!({})).await?["status"], "healthy");
        }
        let count = json!({"model": "default", "messages": [{"role": "user", "content": "Count to 100000"}], "stream": true});
        let (_, mut stream) = revoked.stream("chat", &count).await?;
        let item = tokio::time::timeout(PATIENCE, stream.recv()).await?;
        assert!(matches!(item, Some(Reply::Item(_))), "{item:?}");

        assert!(pairing.revoke(&id)?.is_some());
        revoked.until(|news| matches!(news, News::Closed(reason) if reason.code == Code::UNAUTHORIZED)).await;
        // Whichever is first: the call's own refusal, or the end of its session.
        let end = answer(&mut stream).await.expect_err("it ended").code;
        assert!([Code::UNAUTHORIZED, Code::OUTCOME_UNKNOWN].contains(&end), "{rung:?}: {end}");
        // What stands in the server after that is the other's.
        assert_eq!(other.request("health", &json!({})).await?["status"], "healthy");
        while server.calls_in_flight().await > 0 {
            tokio::task::yield_now().await;
        }

        let mut again = client(&url, &token);
        match rung {
            Rung::WebRtc => assert_eq!(again.open(rung).await.map_err(|fault| fault.code), Err(Code::UNAUTHORIZED)),
            Rung::WebSocket => {
                again.open(rung).await?;
                again.until(|news| matches!(news, News::Closed(reason) if reason.code == Code::UNAUTHORIZED)).await;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_channel_ends_too() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits::default());
    let server = serve(&pairing);
    let (token, id) = pair(&server.url(), &pairing, OURS).await?;
    let mut link = Link::open_channels(&server.url(), Some(&token), &[""]).await?;
    let channel = link.channels.first_mut().ok_or("no channel")?;
    let ask = || Message::Text(json!({"action": "health"}).to_string().into());
    channel.sender.try_send(ask());
    let answer = tokio::time::timeout(PATIENCE, channel.receiver.receive()).await?;
    assert!(matches!(answer, Some(Message::Text(text)) if text.windows(7).any(|part| part == b"healthy")));

    assert!(pairing.revoke(&id)?.is_some());
    channel.sender.try_send(ask());
    let end = tokio::time::timeout(PATIENCE, channel.receiver.receive()).await?;
    assert!(end.is_none(), "{end:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn native_messaging_goes_by_the_token_alone() -> Outcome {
    let data = tempfile::tempdir()?;
    let pairing = Pairing::open(data.path(), PairingLimits::default())?;
    let server = Server::new(ServerOptions { pairing: Some(pairing.clone()), ..ServerOptions::default() }, Service::reference());
    tokio::spawn(server.serve_native(data.path())?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(server.clone().serve(listener, std::future::pending()));

    let (token, id) = pair(&url, &pairing, OURS).await?;
    // The browser names another extension: any program of this user could name any.
    let attach = async |bearer: &str| -> Result<Client, Box<dyn std::error::Error>> {
        let client = Client::new(ClientOptions { bearer: Some(bearer.to_owned()), ..ClientOptions::default() });
        client.attach(Host::transport(data.path())?).await?;
        Ok(client)
    };
    let stays = attach(&token).await?;
    assert_eq!(stays.ask("health", &json!({})).await?["status"], "healthy");
    let refused = attach("wrong").await?.ask("health", &json!({})).await.err().map(|fault| fault.code);
    assert_eq!(refused, Some(Code::UNAUTHORIZED));

    assert!(pairing.revoke(&id)?.is_some());
    let closed = async {
        loop {
            match stays.news().await {
                Some(News::Closed(reason)) => break reason.code,
                Some(_) => {}
                None => break Code::INTERNAL,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, closed).await?, Code::UNAUTHORIZED);
    server.close().await;
    Ok(())
}

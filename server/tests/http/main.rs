//! The HTTP side from outside: answers, streams, refusals, pages, time-outs, the end.

#[path = "../common/mod.rs"]
mod common;
/// What the server says of itself is what it does.
mod documents;
/// Files as bodies.
mod files;
/// Fields, bodies and answers in their several forms.
mod input;
/// The OpenAI format.
mod openai;

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Echo, Outcome, PATIENCE, TestServer, options, refused, service};
use reqwest::{Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::{
    Code, Fault, Payload,
    api::{ActionInfo, Chat, ChatDelta, ChatResponse, FinishReason, NoItem, Usage},
};
use tabagent_server::{Action, Call, Mode, ServerLimits, ServerOptions, Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, mpsc},
    time::timeout,
};

/// Counts in items.
#[derive(Deserialize, schemars::JsonSchema)]
struct Tally {
    #[schemars(range(min = 1, max = 1000))]
    to: u32,
}

#[derive(Serialize, schemars::JsonSchema)]
struct TallyResponse {
    counted: u32,
}

impl Action for Tally {
    const NAME: &'static str = "tally";
    const INFO: ActionInfo = ActionInfo { streams: true, ..ActionInfo::own(Self::NAME) };
    type Response = TallyResponse;
    type Item = Value;
}

async fn tally(call: Call, tally: Tally) -> Result<TallyResponse, Fault> {
    for n in 1..=tally.to {
        call.item(&json!({ "n": n })).await?;
    }
    Ok(TallyResponse { counted: tally.to })
}

/// Panics, answers with bytes, or never answers.
#[derive(Deserialize, schemars::JsonSchema)]
struct Odd {
    way: String,
}

impl Action for Odd {
    const NAME: &'static str = "odd";
    type Response = Value;
    type Item = NoItem;
}

/// A chat that says each word of what it was told last.
async fn chat(call: Call, chat: Chat) -> Result<ChatResponse, Fault> {
    let said = chat.messages.last().map(|message| message.content.clone()).unwrap_or_default();
    for (index, delta) in (0..).zip(said.split_inclusive(' ')) {
        call.item(&ChatDelta { delta: delta.to_owned(), index }).await?;
    }
    let id = call.request_id().to_owned();
    let usage = Usage::new(1, 2);
    Ok(ChatResponse { id, model: "m1".into(), response: said, usage, finish_reason: FinishReason::Stop })
}

pub(crate) fn full_service() -> Service {
    service().on(tally).on(chat).on(|_: Call, odd: Odd| async move {
        match odd.way.as_str() {
            "panic" => unreachable!("on purpose"),
            _ => Ok(json!({ "type": "odd_response" })),
        }
    })
}

pub(crate) async fn start() -> Result<TestServer, Box<dyn std::error::Error>> {
    TestServer::start(options(), full_service()).await
}

/// The data of server-sent events.
pub(crate) fn data(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
}

#[tokio::test]
async fn an_action_has_its_own_address_and_the_common_one() -> Outcome {
    let server = start().await?;
    for path in ["/v1/echo", "/v1/echo?text=hi"] {
        let body = if path.contains('?') { json!({}) } else { json!({ "text": "hi" }) };
        let reply = server.post(path).json(&body).send().await?;
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(reply.json::<Value>().await?, json!({ "type": "echo_response", "text": "hi" }));
    }
    let named = json!({ "text": "hi", "request_id": "r1", "id": 7 });
    let reply: Value = server.post("/v1/echo").json(&named).send().await?.json().await?;
    assert_eq!(reply, json!({ "type": "echo_response", "text": "hi", "request_id": "r1", "id": 7 }));

    let reply: Value = server.post("/v1/actions/tally").json(&json!({ "to": 2 })).send().await?.json().await?;
    assert_eq!(reply, json!({ "type": "tally_response", "counted": 2 }));
    assert_eq!(server.client.head(server.url("/v1/alive")).send().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_server_goes_on() -> Outcome {
    let server = start().await?;
    let json = |body: &'static str| server.post("/v1/echo").header("content-type", "application/json").body(body);
    for body in ["{", "", " ", "\u{0}", r#"{"text":"\ud800"}"#] {
        let (status, code) = if body.is_empty() { (400, "validation_failed") } else { (400, "bad_request") };
        refused(json(body).send().await?, status, code).await?;
    }
    for body in ["[]", "1", "null", "\"text\""] {
        refused(json(body).send().await?, 400, "bad_request").await?;
    }
    let invalid = server.post("/v1/echo").header("content-type", "application/json").body(vec![0xff, 0xfe]).send().await?;
    refused(invalid, 400, "bad_request").await?;
    let deep = server.post("/v1/echo").header("content-type", "application/json").body("[".repeat(10_000)).send().await?;
    refused(deep, 400, "bad_request").await?;

    let missing = refused(json("{}").send().await?, 400, "validation_failed").await?;
    assert_eq!(missing["details"]["field"], "text");
    let wrong = refused(json(r#"{"text":1,"request_id":"mine"}"#).send().await?, 400, "validation_failed").await?;
    assert_eq!((&wrong["details"]["field"], &wrong["request_id"]), (&json!("text"), &json!("mine")));
    let range = server.post("/v1/actions/tally").json(&json!({ "to": 0 })).send().await?;
    assert_eq!(refused(range, 400, "validation_failed").await?["details"]["field"], "to");
    let twice = server.post("/v1/echo?text=a").json(&json!({ "text": "b" })).send().await?;
    refused(twice, 400, "validation_failed").await?;
    server.alive().await
}

#[tokio::test]
async fn addresses_and_methods_that_there_are_not() -> Outcome {
    let server = start().await?;
    for path in ["/nothing", "/v1/nothing", "/v1/actions/nothing", "/v1/webrtc/nothing", "/v1", "/%76%31/alive"] {
        refused(server.get(path).send().await?, 404, "not_found").await?;
    }
    refused(server.post("/v1/actions/nothing").json(&json!({})).send().await?, 404, "not_found").await?;
    for (method, path, allowed) in [
        (Method::PUT, "/v1/alive", "GET"),
        (Method::GET, "/v1/echo", "POST"),
        (Method::DELETE, "/v1/webrtc/offer", "POST"),
        (Method::POST, "/", "GET"),
    ] {
        let reply = server.client.request(method, server.url(path)).send().await?;
        assert!(reply.headers()[header::ALLOW].to_str()?.contains(allowed), "{path}");
        refused(reply, 405, "not_found").await?;
    }
    server.alive().await
}

#[tokio::test]
async fn a_body_of_2_mib_is_refused_in_words() -> Outcome {
    let server = start().await?;
    for path in ["/v1/echo", "/v1/webrtc/sessions", "/v1/webrtc/ice/x"] {
        let reply = server.post(path).json(&json!({ "text": "x".repeat(2 * 1024 * 1024) })).send().await?;
        let body = refused(reply, 413, "payload_too_large").await?;
        assert!(body["message"].as_str().is_some_and(|message| message.contains("json_bytes")));
    }
    server.alive().await
}

#[tokio::test]
async fn a_handler_that_panics_is_that_callers_bad_luck_alone() -> Outcome {
    let server = start().await?;
    let reply = server.post("/v1/actions/odd").json(&json!({ "way": "panic" })).send().await?;
    refused(reply, 500, "internal").await?;
    server.alive().await
}

#[tokio::test]
async fn bytes_travel_as_bytes_with_their_value_beside_them() -> Outcome {
    let service = service().on(|call: Call, _: Odd| async move {
        call.attach(Payload { content_type: Some("application/x-floats".into()), bytes: vec![1, 2, 3] });
        Ok(json!({ "count": 3 }))
    });
    let server = TestServer::start(options(), service).await?;
    let reply = server.post("/v1/actions/odd").json(&json!({ "way": "bytes" })).send().await?;
    assert_eq!(reply.headers()["content-type"], "application/x-floats");
    assert_eq!(reply.headers()["tabagent-value"], r#"{"type":"odd_response","count":3}"#);
    assert_eq!(reply.bytes().await?.as_ref(), [1, 2, 3]);
    Ok(())
}

#[tokio::test]
async fn a_stream_is_items_and_then_the_response() -> Outcome {
    let server = start().await?;
    let by_field = server.post("/v1/actions/tally").json(&json!({ "to": 2, "stream": true })).send().await?;
    let by_header =
        server.post("/v1/actions/tally").header("accept", "text/event-stream").json(&json!({ "to": 2 })).send().await?;
    for reply in [by_field, by_header] {
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        let text = reply.text().await?;
        assert_eq!(
            data(&text),
            [r#"{"type":"tally_item","n":1}"#, r#"{"type":"tally_item","n":2}"#, r#"{"type":"tally_response","counted":2}"#]
        );
        assert_eq!(text.matches("event: item").count(), 2);
    }
    let reply = server.post("/v1/echo").json(&json!({ "text": "hi", "stream": true })).send().await?;
    assert_eq!(data(&reply.text().await?).len(), 1);
    let reply = server.post("/v1/actions/tally").json(&json!({ "to": 0, "stream": true })).send().await?;
    refused(reply, 400, "validation_failed").await?;
    Ok(())
}

/// Says when it begins and when it is dropped.
#[derive(Deserialize, schemars::JsonSchema)]
struct Endless {}

impl Action for Endless {
    const NAME: &'static str = "endless";
    const INFO: ActionInfo = ActionInfo { streams: true, ..ActionInfo::own(Self::NAME) };
    type Response = Value;
    type Item = Value;
}

struct SaysDropped(mpsc::UnboundedSender<&'static str>);

impl Drop for SaysDropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_its_call() -> Outcome {
    for stream in [false, true] {
        let (says, mut heard) = mpsc::unbounded_channel();
        let service = service().on(move |call: Call, _: Endless| {
            let says = says.clone();
            async move {
                let _guard = SaysDropped(says.clone());
                let _ = says.send("begun");
                call.item(&json!({})).await?;
                std::future::pending().await
            }
        });
        let server = TestServer::start(options(), service).await?;
        let request = server.post("/v1/actions/endless").json(&json!({ "stream": stream }));
        let asked = tokio::spawn(async move {
            let mut reply = request.send().await?;
            while reply.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        });
        assert_eq!(timeout(PATIENCE, heard.recv()).await?, Some("begun"));
        asked.abort();
        assert_eq!(timeout(PATIENCE, heard.recv()).await?, Some("dropped"), "stream: {stream}");
        server.alive().await?;
    }
    Ok(())
}

#[tokio::test]
async fn events_come_until_the_server_ends() -> Outcome {
    let mut server = start().await?;
    let empty = refused(server.get("/v1/events").send().await?, 400, "validation_failed").await?;
    assert_eq!(empty["details"]["field"], "events");
    let many = (0..100).map(|n| format!("e{n}")).collect::<Vec<_>>().join(",");
    refused(server.get(&format!("/v1/events?events={many}")).send().await?, 429, "limit_reached").await?;

    let reply = server.get("/v1/events?events=server_draining").send().await?;
    let ended = server.stop();
    let text = timeout(PATIENCE, reply.text()).await??;
    assert_eq!(data(&text), [r#"{"type":"event","event":"server_draining","deadline_ms":10000}"#]);
    ended.await
}

#[tokio::test]
async fn a_request_under_way_is_finished_at_the_end() -> Outcome {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes_on) = (begun.clone(), go_on.clone());
    let service = service().on(move |_: Call, _: Odd| {
        let (begins, goes_on) = (begins.clone(), goes_on.clone());
        async move {
            begins.notify_one();
            goes_on.notified().await;
            Ok(json!({}))
        }
    });
    let mut server = TestServer::start(options(), service).await?;
    let asked = tokio::spawn(server.post("/v1/actions/odd").json(&json!({ "way": "slow" })).send());
    timeout(PATIENCE, begun.notified()).await?;
    let ended = server.stop();
    // New callers are told at once, and when it makes sense to come again.
    loop {
        let reply = server.post("/v1/echo").json(&json!({ "text": "late" })).send().await?;
        if reply.status() != 200 {
            let seconds: u32 = reply.headers()["retry-after"].to_str()?.parse()?;
            assert!((1..=10).contains(&seconds), "{seconds}");
            let refusal = refused(reply, 503, "draining").await?;
            assert!(refusal["retry_after_ms"].as_u64() <= Some(10_000), "{refusal}");
            break;
        }
    }
    refused(server.get("/v1/events?events=warning").send().await?, 503, "draining").await?;
    let offer = server.post("/v1/webrtc/offer").json(&json!({})).send().await?;
    refused(offer, 503, "draining").await?;
    go_on.notify_one();
    assert_eq!(asked.await??.status(), 200);
    ended.await?;
    assert!(TcpStream::connect(("127.0.0.1", server.port)).await.is_err(), "the port is free");
    Ok(())
}

#[tokio::test]
async fn a_request_that_will_not_end_is_cut_off_in_time() -> Outcome {
    let begun = Arc::new(Notify::new());
    let begins = begun.clone();
    let service = service().on(move |_: Call, _: Odd| {
        begins.notify_one();
        std::future::pending::<Result<Value, Fault>>()
    });
    let limits = ServerLimits { drain: 50, ..ServerLimits::default() };
    let mut server = TestServer::start(ServerOptions { limits, ..options() }, service).await?;
    let asked = tokio::spawn(server.post("/v1/actions/odd").json(&json!({ "way": "never" })).send());
    timeout(PATIENCE, begun.notified()).await?;
    server.stop().await?;
    assert!(asked.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn a_caller_that_reads_nothing_does_not_hold_its_answer_for_ever() -> Outcome {
    // One socket at a time: whoever comes next is served when the one before is gone.
    let limits = ServerLimits { write_stall: 300, http_connections: 1, ..ServerLimits::default() };
    let server = TestServer::start(ServerOptions { limits, ..options() }, service()).await?;
    let mut deaf = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let ask = format!("GET /docs HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", server.port);
    // More answers than the buffers on the way can hold; the server stops reading before all questions are sent.
    let asking = async {
        loop {
            if deaf.write_all(ask.repeat(1_000).as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let served = timeout(PATIENCE, server.alive());
    let (_, served) = tokio::join!(timeout(PATIENCE, asking), served);
    served?
}

#[tokio::test]
async fn silent_and_slow_sockets_are_closed_and_nobody_else_notices() -> Outcome {
    let limits = ServerLimits { header_read: 1_000, body_read: 1_000, ..ServerLimits::default() };
    let server = TestServer::start(ServerOptions { limits, ..options() }, service()).await?;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await?;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: 127.").await?;
    let mut bodiless = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let head = format!("POST /v1/echo HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n", server.port);
    bodiless.write_all(format!("{head}Content-Length: 20\r\n\r\n{{").as_bytes()).await?;
    server.alive().await?;
    for socket in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        timeout(PATIENCE, socket.read_to_end(&mut rest)).await??;
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    let mut answer = [0; 12];
    timeout(PATIENCE, bodiless.read_exact(&mut answer)).await??;
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    server.alive().await
}

#[tokio::test]
async fn the_mode_says_which_doors_are_open() -> Outcome {
    let http = TestServer::start(ServerOptions { mode: Mode::Http, ..options() }, service()).await?;
    refused(http.post("/v1/webrtc/offer").json(&json!({})).send().await?, 404, "not_found").await?;
    http.alive().await?;
    let webrtc = TestServer::start(ServerOptions { mode: Mode::Webrtc, ..options() }, service()).await?;
    assert_eq!(webrtc.get("/v1/webrtc/session").send().await?.status(), 200);
    refused(webrtc.get("/v1/alive").send().await?, 404, "not_found").await?;
    Ok(())
}

#[tokio::test]
async fn pages_are_files_of_one_folder_and_nothing_else() -> Outcome {
    let outside = std::env::temp_dir().join(format!("tabagent-pages-{}", std::process::id()));
    let www = outside.join("www");
    fs::create_dir_all(www.join("sub"))?;
    fs::write(outside.join("secret.txt"), "secret")?;
    fs::write(www.join("index.html"), "<!doctype html>home")?;
    fs::write(www.join("sub/index.html"), "<!doctype html>sub")?;
    fs::write(www.join("a.wasm"), b"\0asm")?;
    fs::write(www.join("a.js"), "1")?;
    let server = TestServer::start(ServerOptions { www: Some(www), ..options() }, service()).await?;

    for (path, kind) in
        [("/", "text/html"), ("/sub/", "text/html"), ("/a.wasm", "application/wasm"), ("/a.js", "text/javascript")]
    {
        let reply = server.get(path).send().await?;
        assert_eq!(reply.status(), 200, "{path}");
        let head = reply.headers();
        assert!(head["content-type"].to_str()?.starts_with(kind), "{path}");
        assert!(head["content-security-policy"].to_str()?.contains("script-src 'self' 'wasm-unsafe-eval';"));
        assert!(head["content-security-policy"].to_str()?.contains("frame-ancestors 'none'"));
        assert_eq!((&head["x-content-type-options"], &head["cache-control"]), (&"nosniff".parse()?, &"no-cache".parse()?));
        let again = server.get(path).header("if-none-match", head["etag"].clone()).send().await?;
        assert_eq!(again.status(), 304, "{path}");
    }
    for path in ["/none", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/sub/..%2f..%2fsecret.txt", "/%00"] {
        let status = server.get(path).send().await?.status();
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    refused(server.get("/none").send().await?, 404, "not_found").await?;
    refused(server.post("/index.html").send().await?, 405, "not_found").await?;
    server.alive().await?;
    fs::remove_dir_all(outside)?;
    Ok(())
}

#[tokio::test]
async fn a_server_without_pages_says_so() -> Outcome {
    let server = start().await?;
    let reply = server.get("/").send().await?;
    assert!(reply.headers().contains_key("content-security-policy"));
    assert!(reply.text().await?.contains("--www"));
    Ok(())
}

#[tokio::test]
async fn the_router_works_inside_another_program() -> Outcome {
    let server = tabagent_server::Server::new(options(), service());
    let app = axum::Router::new().route("/own", axum::routing::get(|| async { "own" })).merge(server.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let served =
        tokio::spawn(
            async move { axum::serve(listener, app.into_make_service_with_connect_info::<std::net::SocketAddr>()).await },
        );
    assert_eq!(reqwest::get(format!("http://{address}/own")).await?.text().await?, "own");
    let reply = reqwest::Client::new().post(format!("http://{address}/v1/echo")).json(&Echo { text: "hi".into() }).send().await?;
    assert_eq!(reply.json::<Value>().await?["text"], "hi");
    let foreign = reqwest::Client::new().get(format!("http://{address}/v1/alive")).header("host", "evil.test").send().await?;
    refused(foreign, 421, "origin_refused").await?;
    served.abort();
    Ok(())
}

#[tokio::test]
async fn codes_travel_with_their_status() -> Outcome {
    let service = service().on(|_: Call, odd: Odd| async move {
        Err::<Value, _>(Fault::new(Code::custom(odd.way), "a failure of the program's own").retry_after(1500))
    });
    let server = TestServer::start(options(), service).await?;
    for (code, status) in [("model_not_found", 404), ("rate_limited", 429), ("upstream_timeout", 504), ("own_code", 500)] {
        let reply = server.post("/v1/actions/odd").json(&json!({ "way": code })).send().await?;
        assert_eq!(reply.headers()[header::RETRY_AFTER], "2");
        assert_eq!(refused(reply, status, code).await?["retry_after_ms"], 1500);
    }
    Ok(())
}

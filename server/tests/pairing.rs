//! Pairing over HTTP, against a real server: what a code is worth, to whom, how often, and what its token opens from where.

mod common;

use std::{sync::Arc, time::Duration};

use common::{KEY, Outcome, PATIENCE, TestServer, options, refused, service};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tabagent_protocol::{
    Fault,
    api::{ActionInfo, NoItem},
};
use tabagent_server::{Action, Pairing, PairingLimits, Server, ServerOptions};
use tokio::sync::Semaphore;

const OURS: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
const OTHER: &str = "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba";
const FIREFOX: &str = "moz-extension://0b6b4d2e-2b3c-4d5e-8f90-a1b2c3d4e5f6";
/// An extension that was listed by hand.
const LISTED: &str = "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh";
const PAGE: &str = "http://devel.test:3000";
const EVIL: &str = "https://evil.test";
/// No code of a test is this one, but for one in 2^40.
const WRONG: &str = "0000-0000";

/// Nobody gets in without a key or a token.
fn closed(pairing: &Pairing) -> Result<ServerOptions, Box<dyn std::error::Error>> {
    let allow_origins = vec![LISTED.parse()?, PAGE.parse()?];
    Ok(ServerOptions { allow_local: false, allow_origins, pairing: Some(pairing.clone()), ..options() })
}

/// As many attempts in a minute as a test makes.
fn limits() -> PairingLimits {
    PairingLimits { attempts_per_minute: 1_000, ..PairingLimits::default() }
}

async fn start(pairing: &Pairing) -> Result<TestServer, Box<dyn std::error::Error>> {
    TestServer::start(closed(pairing)?, service()).await
}

fn from(request: RequestBuilder, origin: &str) -> RequestBuilder {
    if origin.is_empty() { request } else { request.header("origin", origin) }
}

async fn redeem(server: &TestServer, origin: &str, code: &str) -> Result<Response, reqwest::Error> {
    from(server.post("/v1/pair"), origin).json(&json!({ "code": code })).send().await
}

/// Pairs, and answers with what was said.
async fn pair(server: &TestServer, pairing: &Pairing, origin: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let reply = redeem(server, origin, &pairing.show_code()?.code).await?;
    assert_eq!(reply.status(), 200, "{origin}");
    Ok(reply.json().await?)
}

fn token(paired: &Value) -> &str {
    paired["token"].as_str().unwrap_or_default()
}

/// What the API says to this token from this origin.
async fn asks(server: &TestServer, origin: &str, token: &str) -> Result<Response, reqwest::Error> {
    let request = from(server.get("/v1/alive"), origin);
    if token.is_empty() { request.send().await } else { request.bearer_auth(token).send().await }
}

#[tokio::test]
async fn a_code_is_worth_one_token_that_opens_everything_from_its_origin() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    let server = start(&pairing).await?;
    for origin in [OURS, FIREFOX, LISTED, PAGE, &server.url("")] {
        let code = pairing.show_code()?.code;
        let reply = from(server.post("/v1/pair"), origin).json(&json!({"code": code, "name": " the laptop "})).send().await?;
        assert_eq!(reply.status(), 200, "{origin}");
        assert_eq!(reply.headers()["cache-control"], "no-store");
        let paired: Value = reply.json().await?;
        assert_eq!((&paired["type"], &paired["origin"]), (&json!("pair_response"), &json!(origin)));
        assert_eq!((&paired["name"], &paired["server"]["version"]), (&json!("the laptop"), &json!(env!("CARGO_PKG_VERSION"))));
        // 256 bits in base64.
        assert_eq!(token(&paired).len(), 43);
        let known = pairing.list().into_iter().find(|known| paired["id"] == known.id).ok_or("not listed")?;
        assert_eq!(known.origin.as_deref(), Some(origin));
        refused(redeem(&server, origin, &code).await?, 401, "pairing_failed").await?;
        assert_eq!(asks(&server, origin, token(&paired)).await?.status(), 200, "{origin}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_is_told_why_a_code_is_not_valid() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits { attempts: 2, ..limits() });
    let server = start(&pairing).await?;
    let none = refused(redeem(&server, OURS, WRONG).await?, 401, "pairing_failed").await?;
    let code = pairing.show_code()?.code;
    let wrong = refused(redeem(&server, OURS, WRONG).await?, 401, "pairing_failed").await?;
    assert_eq!(redeem(&server, OURS, &code).await?.status(), 200);
    let used = refused(redeem(&server, OURS, &code).await?, 401, "pairing_failed").await?;
    let code = pairing.show_code()?.code;
    for _ in 0..2 {
        refused(redeem(&server, OURS, WRONG).await?, 401, "pairing_failed").await?;
    }
    let dead = refused(redeem(&server, OURS, &code).await?, 401, "pairing_failed").await?;
    let earlier = pairing.show_code()?.code;
    pairing.show_code()?;
    let replaced = refused(redeem(&server, OURS, &earlier).await?, 401, "pairing_failed").await?;
    let aged = Pairing::in_memory(PairingLimits { code_life: Duration::ZERO, ..limits() });
    let late = start(&aged).await?;
    let old = refused(redeem(&late, OURS, &aged.show_code()?.code).await?, 401, "pairing_failed").await?;
    assert!([wrong, used, dead, replaced, old].iter().all(|one| *one == none), "they differ");
    Ok(())
}

#[tokio::test]
async fn five_wrong_attempts_of_whomever_are_the_end_of_a_code() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    let server = start(&pairing).await?;
    for (wrong, last) in [(4, 200), (5, 401), (6, 401)] {
        let code = pairing.show_code()?.code;
        for origin in [OURS, OTHER, FIREFOX, "", PAGE, OURS].iter().take(wrong) {
            refused(redeem(&server, origin, WRONG).await?, 401, "pairing_failed").await?;
        }
        assert_eq!(redeem(&server, OURS, &code).await?.status(), last, "after {wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn too_many_attempts_in_a_minute_are_told_when_to_come_again() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits { attempts_per_minute: 3, ..PairingLimits::default() });
    let server = start(&pairing).await?;
    let code = pairing.show_code()?.code;
    for _ in 0..3 {
        refused(redeem(&server, OURS, WRONG).await?, 401, "pairing_failed").await?;
    }
    let reply = redeem(&server, OTHER, &code).await?;
    let wait: u64 = reply.headers()["retry-after"].to_str()?.parse()?;
    assert!((1..=60).contains(&wait), "{wait}");
    let refusal = refused(reply, 429, "rate_limited").await?;
    assert_eq!(refusal["details"]["limit"], "pairing_attempts_per_minute");
    Ok(())
}

#[tokio::test]
async fn a_text_that_is_no_code_is_no_attempt() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits { attempts: 1, ..limits() });
    let server = start(&pairing).await?;
    let code = pairing.show_code()?.code;
    for text in ["", "K7QF-2M9", "K7QF-2M9XX", "K7QF-2M9U", &"x".repeat(1_000)] {
        let refusal = refused(redeem(&server, OURS, text).await?, 400, "validation_failed").await?;
        assert_eq!(refusal["details"]["field"], "code", "{text}");
    }
    let posts = |body: Value| from(server.post("/v1/pair"), OURS).json(&body).send();
    for body in [json!({}), json!({"code": 1}), json!({"code": null})] {
        refused(posts(body).await?, 400, "validation_failed").await?;
    }
    for name in ["x".repeat(65), "two\nlines".to_owned(), "\n".to_owned(), "\u{1b}[2Jgone".to_owned()] {
        let refusal = refused(posts(json!({"code": code, "name": name})).await?, 400, "validation_failed").await?;
        assert_eq!(refusal["details"]["field"], "name", "{name:?}");
    }
    refused(posts(json!({"code": code, "more": "x".repeat(5_000)})).await?, 413, "payload_too_large").await?;
    let typed = code.to_lowercase().replace('-', "");
    assert_eq!(posts(json!({"code": typed, "name": "é".repeat(64)})).await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_token_is_one_of_its_origin_wherever_there_is_an_origin() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    let server = start(&pairing).await?;
    let (ours, firefox) = (pair(&server, &pairing, OURS).await?, pair(&server, &pairing, FIREFOX).await?);
    let (page, program) = (pair(&server, &pairing, PAGE).await?, pair(&server, &pairing, "").await?);
    assert_eq!(program["origin"], Value::Null);
    let [ours, firefox, page, program] = [&ours, &firefox, &page, &program].map(token);
    let rows = [
        // The token from its own origin, and from where no origin is told.
        (OURS, ours, 200),
        ("", ours, 200),
        (FIREFOX, firefox, 200),
        (PAGE, page, 200),
        ("", program, 200),
        // From another one: paired, listed, neither, a page's.
        (FIREFOX, ours, 401),
        (LISTED, ours, 401),
        (PAGE, ours, 401),
        (OTHER, ours, 401),
        (EVIL, ours, 403),
        ("null", ours, 403),
        (OURS, firefox, 401),
        (OURS, page, 401),
        // A program's, from any.
        (OURS, program, 401),
        (PAGE, program, 401),
        // A forged origin without a token, or with a wrong one.
        (OURS, "", 401),
        (OURS, "wrong", 401),
        (OTHER, "", 401),
        ("", "", 401),
        // Keys are bound to none.
        (OURS, KEY, 200),
        ("", KEY, 200),
        (OTHER, KEY, 401),
    ];
    for (origin, token, expected) in rows {
        let reply = asks(&server, origin, token).await?;
        let told = reply.headers().get("access-control-allow-origin").cloned();
        assert_eq!(reply.status(), expected, "{origin:?} with {token:?}");
        let reads = [OURS, FIREFOX, LISTED, PAGE].contains(&origin);
        assert_eq!(told.as_ref().map(|value| value.as_bytes()), reads.then_some(origin.as_bytes()), "{origin:?}");
        if expected == 401 {
            assert_eq!(reply.headers()["www-authenticate"], "Bearer");
        }
    }
    // A rebound name, whatever it shows.
    for request in [server.get("/v1/alive").bearer_auth(ours), server.post("/v1/pair").json(&json!({"code": WRONG}))] {
        let reply = request.header("host", format!("evil.test:{}", server.port)).header("origin", OURS).send().await?;
        refused(reply, 421, "origin_refused").await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_extension_that_is_not_paired_may_say_its_code_and_nothing_else() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    // Although programs of this machine are let in.
    let server = TestServer::start(ServerOptions { allow_local: true, ..closed(&pairing)? }, service()).await?;
    let preflight = |path: &str, origin: &str| {
        let request = server.client.request(Method::OPTIONS, server.url(path)).header("origin", origin);
        let headers = [("sec-fetch-site", "cross-site"), ("access-control-request-method", "POST")];
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let reply = preflight("/v1/pair", OURS).await?;
    assert_eq!((reply.status().as_u16(), &reply.headers()["access-control-allow-origin"]), (204, &OURS.parse()?));
    let paths = ["/v1/alive", "/v1/echo", "/v1/ws", "/v1/webrtc/sessions", "/v1/pair/", "/v1/pair/x", "/v1/%70air", "/v1", "/"];
    for path in paths {
        for reply in [preflight(path, OURS).await?, from(server.get(path), OURS).send().await?] {
            assert!(!reply.headers().contains_key("access-control-allow-origin"), "{path}");
            refused(reply, 401, "unauthorized").await?;
        }
    }
    for origin in [EVIL, "null", "http://127.0.0.1:1", "chrome-extension://", "chrome-extension://a/b", "chrome-extensions://a"] {
        refused(preflight("/v1/pair", origin).await?, 403, "origin_refused").await?;
        let code = pairing.show_code()?.code;
        refused(redeem(&server, origin, &code).await?, 403, "origin_refused").await?;
    }
    let code = json!({"code": pairing.show_code()?.code});
    // What a page could send without asking first, as if it were the extension's.
    for media in ["text/plain", "application/x-www-form-urlencoded"] {
        let reply = from(server.post("/v1/pair"), OURS).header("content-type", media).body(code.to_string()).send().await?;
        refused(reply, 415, "unsupported_media_type").await?;
    }
    let cross = server.post("/v1/pair").header("sec-fetch-site", "cross-site").json(&code).send().await?;
    refused(cross, 403, "origin_refused").await?;
    assert_eq!(from(server.get("/v1/pair"), OURS).send().await?.status(), 405);
    let paired = from(server.post("/v1/pair"), OURS).header("sec-fetch-site", "cross-site").json(&code).send().await?;
    assert_eq!(paired.headers()["access-control-allow-origin"], OURS);
    assert_eq!(paired.status(), 200);
    let reply = preflight("/v1/echo", OURS).await?;
    assert_eq!((reply.status().as_u16(), &reply.headers()["access-control-allow-origin"]), (204, &OURS.parse()?));
    server.alive().await
}

#[tokio::test]
async fn without_pairing_there_is_no_such_door() -> Outcome {
    let server = TestServer::start(ServerOptions { allow_local: false, ..options() }, service()).await?;
    refused(redeem(&server, OURS, WRONG).await?, 403, "origin_refused").await?;
    refused(redeem(&server, "", WRONG).await?, 401, "unauthorized").await?;
    Ok(())
}

#[tokio::test]
async fn who_is_paired_outlives_the_server_and_a_code_does_not() -> Outcome {
    let data = tempfile::tempdir()?;
    let open = || Pairing::open(data.path(), PairingLimits::default());
    let first = open()?;
    let mut server = start(&first).await?;
    let (ours, page) = (pair(&server, &first, OURS).await?, pair(&server, &first, PAGE).await?);
    let code = first.show_code()?.code;
    server.stop().await?;

    let second = open()?;
    assert_eq!(second.list(), first.list());
    let options = ServerOptions { allow_origins: Vec::new(), ..closed(&second)? };
    let mut server = TestServer::start(options, service()).await?;
    refused(redeem(&server, OURS, &code).await?, 401, "pairing_failed").await?;
    assert_eq!(asks(&server, OURS, token(&ours)).await?.status(), 200);
    refused(asks(&server, FIREFOX, token(&ours)).await?, 401, "unauthorized").await?;
    // A page's token is worth no more than its place on the list.
    refused(asks(&server, PAGE, token(&page)).await?, 403, "origin_refused").await?;
    let gone = second.revoke(ours["id"].as_str().unwrap_or_default())?.ok_or("it was paired")?;
    assert_eq!(gone.origin.as_deref(), Some(OURS));
    refused(asks(&server, OURS, token(&ours)).await?, 401, "unauthorized").await?;
    refused(asks(&server, "", token(&ours)).await?, 401, "unauthorized").await?;
    server.stop().await?;

    let third = open()?;
    let server = start(&third).await?;
    refused(asks(&server, OURS, token(&ours)).await?, 401, "unauthorized").await?;
    assert_eq!(asks(&server, PAGE, token(&page)).await?.status(), 200);
    let text = std::fs::read_to_string(data.path().join("paired.json"))?;
    assert!(!text.contains(token(&page)) && !text.contains(&code), "{text}");
    Ok(())
}

#[tokio::test]
async fn no_more_are_paired_than_the_limit_says_until_one_is_revoked() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits { paired: 2, ..limits() });
    let server = start(&pairing).await?;
    let first = pair(&server, &pairing, OURS).await?;
    pair(&server, &pairing, OTHER).await?;
    let code = pairing.show_code()?.code;
    for code in [&code, WRONG] {
        let refusal = refused(redeem(&server, FIREFOX, code).await?, 429, "limit_reached").await?;
        assert_eq!(refusal["details"], json!({"limit": "paired", "max": 2}));
    }
    assert!(pairing.revoke(first["id"].as_str().unwrap_or_default())?.is_some());
    assert_eq!(redeem(&server, FIREFOX, &code).await?.status(), 200, "the code was not used up");
    Ok(())
}

#[tokio::test]
async fn of_two_that_have_the_code_one_gets_the_token() -> Outcome {
    let pairing = Pairing::in_memory(PairingLimits { attempts: 100, ..limits() });
    let server = start(&pairing).await?;
    for _ in 0..20 {
        let code = pairing.show_code()?.code;
        let (one, other) = tokio::try_join!(redeem(&server, OURS, &code), redeem(&server, OTHER, &code))?;
        let mut both = [one.status().as_u16(), other.status().as_u16()];
        both.sort_unstable();
        assert_eq!(both, [200, 401]);
    }
    Ok(())
}

/// Never answers; says when it has begun.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Wait {}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Waited {}

impl Action for Wait {
    const NAME: &'static str = "wait";
    const INFO: ActionInfo = ActionInfo { path: "/v1/wait", ..ActionInfo::own(Self::NAME) };
    type Response = Waited;
    type Item = NoItem;
}

#[tokio::test]
async fn revoking_ends_what_is_under_way_over_http_of_this_one_alone() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    let begun = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&begun);
    let service = service().on(move |_, _: Wait| {
        waiting.add_permits(1);
        std::future::pending::<Result<Waited, Fault>>()
    });
    let server = TestServer::start(closed(&pairing)?, service).await?;
    // The same origin twice, as in two profiles of a browser: two tokens.
    let (one, other) = (pair(&server, &pairing, OURS).await?, pair(&server, &pairing, OURS).await?);
    let waits = |paired: &Value| from(server.post("/v1/wait"), OURS).bearer_auth(token(paired)).json(&json!({})).send();
    let listens = |paired: &Value| from(server.get("/v1/events?events=x"), OURS).bearer_auth(token(paired)).send();
    let (stays, ends) = (tokio::spawn(waits(&other)), tokio::spawn(waits(&one)));
    let (mut hears, mut heard) = (listens(&other).await?, listens(&one).await?);
    tokio::time::timeout(PATIENCE, begun.acquire_many(2)).await??.forget();
    assert!(pairing.revoke(one["id"].as_str().unwrap_or_default())?.is_some());
    refused(tokio::time::timeout(PATIENCE, ends).await???, 401, "unauthorized").await?;
    while tokio::time::timeout(PATIENCE, heard.chunk()).await??.is_some() {}

    assert_eq!(asks(&server, OURS, token(&other)).await?.status(), 200);
    assert!(!stays.is_finished());
    assert!(tokio::time::timeout(Duration::ZERO, hears.chunk()).await.is_err(), "its events go on");
    stays.abort();
    Ok(())
}

#[tokio::test]
async fn the_document_tells_of_pairing_where_it_is_served() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    for pairing in [Some(pairing), None] {
        let server = TestServer::start(ServerOptions { pairing: pairing.clone(), ..options() }, service()).await?;
        let document: Value = server.get("/v1/openapi.json").send().await?.json().await?;
        let operation = &document["paths"]["/v1/pair"]["post"];
        assert_eq!(operation["operationId"] == "pair", pairing.is_some());
        for (status, response) in operation["responses"].as_object().into_iter().flatten().filter(|(status, _)| *status != "200")
        {
            let place = response["$ref"].as_str().and_then(|place| place.strip_prefix('#')).ok_or("no reference")?;
            assert!(document.pointer(place).is_some(), "{status}");
        }
    }
    Ok(())
}

/// A program that embeds the server has the same door.
#[tokio::test]
async fn an_embedded_router_pairs_too() -> Outcome {
    let pairing = Pairing::in_memory(limits());
    let router = Server::new(closed(&pairing)?, service()).router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/pair", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let code = json!({"code": pairing.show_code()?.code});
    let reply = from(reqwest::Client::new().post(url), OURS).json(&code).send().await?;
    assert_eq!(reply.status(), 200);
    Ok(())
}

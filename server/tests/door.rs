//! Who may come in: every combination of host name, origin, fetch metadata and key that matters, against a real server.

mod common;

use common::{KEY, Outcome, TestServer, options, refused, service};
use reqwest::Method;
use tabagent_server::ServerOptions;

const OURS: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
const OTHER: &str = "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba";

/// One caller, as its headers show it. `{port}` is the server's.
#[derive(Clone, Copy, Default)]
struct Caller {
    host: &'static str,
    origin: &'static str,
    site: &'static str,
    mode: &'static str,
    authorization: &'static str,
    forwarded: &'static str,
}

const KEYED: &str = "Bearer the-key-of-the-tests";
const PROGRAM: Caller = Caller { host: "127.0.0.1:{port}", origin: "", site: "", mode: "", authorization: "", forwarded: "" };

impl Caller {
    async fn asks(self, server: &TestServer, method: Method, path: &str) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = server.client.request(method, server.url(path));
        let headers = [
            ("host", self.host),
            ("origin", self.origin),
            ("sec-fetch-site", self.site),
            ("sec-fetch-mode", self.mode),
            ("authorization", self.authorization),
            ("x-forwarded-for", self.forwarded),
        ];
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(name, value.replace("{port}", &server.port.to_string()));
        }
        request.send().await
    }
}

/// What the door says: through, or which refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    In,
    Misdirected,
    Foreign,
    Keyless,
}
use Says::{Foreign, In, Keyless, Misdirected};

/// A caller, what the API says to it, and what a static page says.
fn rows() -> Vec<(&'static str, Caller, Says, Says)> {
    let p = PROGRAM;
    vec![
        // Host names.
        ("a program", p, In, In),
        ("by name", Caller { host: "localhost:{port}", ..p }, In, In),
        ("in capitals", Caller { host: "LOCALHOST:{port}", ..p }, In, In),
        ("by IPv6", Caller { host: "[::1]:{port}", ..p }, In, In),
        ("a rebound name", Caller { host: "evil.test:{port}", authorization: KEYED, ..p }, Misdirected, Misdirected),
        ("another port", Caller { host: "127.0.0.1:1", ..p }, Misdirected, Misdirected),
        ("no port", Caller { host: "127.0.0.1", ..p }, Misdirected, Misdirected),
        ("a user before the name", Caller { host: "evil@127.0.0.1:{port}", ..p }, Misdirected, Misdirected),
        ("a name that begins like ours", Caller { host: "localhost.evil.test:{port}", ..p }, Misdirected, Misdirected),
        ("another loopback address", Caller { host: "127.0.0.2:{port}", ..p }, Misdirected, Misdirected),
        ("a configured name needs a key", Caller { host: "agent.test", ..p }, Keyless, In),
        ("a configured name with a key", Caller { host: "agent.test:8443", authorization: KEYED, ..p }, In, In),
        // Keys.
        ("a key", Caller { authorization: KEYED, ..p }, In, In),
        ("a key in small letters", Caller { authorization: "bearer the-key-of-the-tests", ..p }, In, In),
        ("a wrong key, though local", Caller { authorization: "Bearer wrong", ..p }, Keyless, Keyless),
        ("an empty key", Caller { authorization: "Bearer ", ..p }, Keyless, Keyless),
        ("not a Bearer", Caller { authorization: "Basic dGhl", ..p }, Keyless, Keyless),
        // Pages.
        ("its own page, reading", Caller { site: "same-origin", mode: "cors", ..p }, In, In),
        ("its own page, writing", Caller { origin: "http://127.0.0.1:{port}", site: "same-origin", ..p }, In, In),
        ("its own page, older browser", Caller { origin: "http://127.0.0.1:{port}", ..p }, In, In),
        ("own name, other origin", Caller { origin: "http://localhost:{port}", ..p }, Foreign, Foreign),
        ("own origin over TLS that there is not", Caller { origin: "https://127.0.0.1:{port}", ..p }, Foreign, Foreign),
        ("another port of this machine", Caller { origin: "http://127.0.0.1:1", site: "same-site", ..p }, Foreign, Foreign),
        ("a page elsewhere", Caller { origin: "https://evil.test", site: "cross-site", ..p }, Foreign, Foreign),
        (
            "a page elsewhere with a key",
            Caller { origin: "https://evil.test", site: "cross-site", authorization: KEYED, ..p },
            Foreign,
            Foreign,
        ),
        ("a sandboxed frame", Caller { origin: "null", site: "cross-site", ..p }, Foreign, Foreign),
        ("an image elsewhere", Caller { site: "cross-site", mode: "no-cors", ..p }, Foreign, Foreign),
        ("a link elsewhere", Caller { site: "cross-site", mode: "navigate", ..p }, Foreign, In),
        ("an image of another port", Caller { site: "same-site", mode: "no-cors", ..p }, Keyless, In),
        ("a typed address", Caller { site: "none", mode: "navigate", ..p }, In, In),
        // Extensions.
        ("an extension that reads, unpaired", Caller { site: "none", mode: "cors", ..p }, Keyless, In),
        ("an extension that reads, with a key", Caller { site: "none", mode: "cors", authorization: KEYED, ..p }, In, In),
        ("our extension without a key", Caller { origin: OURS, site: "none", mode: "cors", ..p }, Keyless, In),
        ("our extension", Caller { origin: OURS, site: "none", authorization: KEYED, ..p }, In, In),
        ("our extension, seen as cross-site", Caller { origin: OURS, site: "cross-site", authorization: KEYED, ..p }, In, In),
        ("our extension with a wrong key", Caller { origin: OURS, authorization: "Bearer x", ..p }, Keyless, Keyless),
        ("another extension with a key", Caller { origin: OTHER, authorization: KEYED, ..p }, Foreign, Foreign),
        ("a listed page on any port", Caller { origin: "http://devel.test:3000", authorization: KEYED, ..p }, In, In),
        ("a proxy before a far page", Caller { forwarded: "203.0.113.9", ..p }, Keyless, In),
    ]
}

fn allowing() -> Result<ServerOptions, Box<dyn std::error::Error>> {
    let allow_origins = vec![OURS.parse()?, "http://devel.test:*".parse()?];
    Ok(ServerOptions { allow_origins, allow_hosts: vec!["agent.test".parse()?], ..options() })
}

async fn check(reply: reqwest::Response, says: Says, row: &str) -> Outcome {
    let listed = reply.headers().get("access-control-allow-origin").cloned();
    assert_ne!(listed.as_ref().map(|value| value.as_bytes()), Some(b"*".as_slice()), "{row}");
    assert!(reply.headers()["vary"].to_str()?.contains("origin"), "{row}");
    match says {
        In => assert_eq!(reply.status(), 200, "{row}: {}", reply.text().await?),
        Misdirected => drop(refused(reply, 421, "origin_refused").await?),
        Foreign => {
            assert_eq!(listed, None, "{row}");
            refused(reply, 403, "origin_refused").await?;
        }
        Keyless => {
            assert_eq!(reply.headers()["www-authenticate"], "Bearer", "{row}");
            refused(reply, 401, "unauthorized").await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_door_with_local_callers_let_in() -> Outcome {
    let server = TestServer::start(allowing()?, service()).await?;
    for (row, caller, api, page) in rows() {
        check(caller.asks(&server, Method::GET, "/v1/alive").await?, api, row).await?;
        check(caller.asks(&server, Method::GET, "/").await?, page, row).await?;
    }
    server.alive().await
}

#[tokio::test]
async fn the_door_for_keys_alone() -> Outcome {
    let mut server = TestServer::start(ServerOptions { allow_local: false, ..allowing()? }, service()).await?;
    for (row, caller, api, page) in rows() {
        let api = if api == In && caller.authorization.is_empty() { Keyless } else { api };
        check(caller.asks(&server, Method::GET, "/v1/alive").await?, api, row).await?;
        check(caller.asks(&server, Method::GET, "/").await?, page, row).await?;
    }
    server.stop().await
}

#[tokio::test]
async fn every_api_address_has_the_same_door() -> Outcome {
    let server = TestServer::start(ServerOptions { allow_local: false, ..allowing()? }, service()).await?;
    let addresses = [
        (Method::GET, "/v1/alive"),
        (Method::GET, "/v1/no-such-thing"),
        (Method::GET, "/v1"),
        (Method::GET, "/v1/"),
        (Method::GET, "/v1/events?events=x"),
        (Method::GET, "/v1/models"),
        (Method::POST, "/v1/echo"),
        (Method::POST, "/v1/actions/echo"),
        (Method::POST, "/v1/chat/completions"),
        (Method::POST, "/v1/webrtc/offer"),
        (Method::POST, "/v1/webrtc/sessions"),
        (Method::POST, "/v1/webrtc/answer/x"),
        (Method::POST, "/v1/webrtc/ice/x"),
        (Method::GET, "/v1/webrtc/session"),
        (Method::DELETE, "/v1/webrtc/session/x"),
        (Method::GET, "/v1/webrtc/session/x/candidates"),
        (Method::PUT, "/v1/alive"),
    ];
    for (method, path) in addresses {
        let asks = |caller: Caller| caller.asks(&server, method.clone(), path);
        check(asks(PROGRAM).await?, Keyless, path).await?;
        check(asks(Caller { host: "evil.test:{port}", authorization: KEYED, ..PROGRAM }).await?, Misdirected, path).await?;
        check(asks(Caller { origin: "https://evil.test", authorization: KEYED, ..PROGRAM }).await?, Foreign, path).await?;
        let keyed = asks(Caller { authorization: KEYED, ..PROGRAM }).await?.status();
        assert!(![401, 403, 421].contains(&keyed.as_u16()), "{path}: {keyed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_listed_page_may_read_and_is_told_so_and_nobody_else() -> Outcome {
    let server = TestServer::start(allowing()?, service()).await?;
    let asks_first = |origin: &'static str| {
        let request = server.client.request(Method::OPTIONS, server.url("/v1/echo"));
        request
            .header("origin", origin)
            .header("sec-fetch-site", "cross-site")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,traceparent")
            .send()
    };
    let reply = asks_first(OURS).await?;
    assert_eq!(reply.status(), 204);
    assert_eq!(reply.headers()["access-control-allow-origin"], OURS);
    assert_eq!(reply.headers()["access-control-allow-headers"], "authorization, content-type, traceparent");
    assert!(reply.headers()["access-control-allow-methods"].to_str()?.contains("DELETE"));
    assert!(reply.headers().contains_key("access-control-max-age"));
    assert!(!reply.headers().contains_key("access-control-allow-credentials"));

    refused(asks_first(OTHER).await?, 403, "origin_refused").await?;

    // The refusal of a key must be readable too, or the page could not tell it from a server that is not there.
    let keyless = Caller { origin: OURS, ..PROGRAM }.asks(&server, Method::POST, "/v1/echo").await?;
    assert_eq!(keyless.headers()["access-control-allow-origin"], OURS);
    refused(keyless, 401, "unauthorized").await?;
    Ok(())
}

#[tokio::test]
async fn a_header_that_stands_twice_is_nobody() -> Outcome {
    let server = TestServer::start(allowing()?, service()).await?;
    for name in ["origin", "authorization", "sec-fetch-site"] {
        let reply = server.get("/v1/alive").header(name, OURS).header(name, OURS).send().await?;
        refused(reply, 400, "bad_request").await?;
    }
    Ok(())
}

#[tokio::test]
async fn text_is_read_as_json_only_from_those_no_foreign_page_can_pose_as() -> Outcome {
    let server = TestServer::start(allowing()?, service()).await?;
    let own = format!("http://127.0.0.1:{}", server.port);
    let bearer = format!("Bearer {KEY}");
    // Media type, origin, key, and whether the body is read.
    let rows = [
        ("application/json", "", "", true),
        ("application/json; charset=utf-8", "", "", true),
        ("application/vnd.x+json", "", "", true),
        ("text/plain", "", "", false),
        ("text/plain;charset=UTF-8", own.as_str(), "", true),
        ("text/plain", "", bearer.as_str(), true),
        ("text/plain", OURS, bearer.as_str(), true),
        ("", own.as_str(), "", true),
        ("", "", "", false),
        ("application/x-www-form-urlencoded", "", bearer.as_str(), false),
        ("multipart/form-data; boundary=x", own.as_str(), "", false),
    ];
    for (media, origin, authorization, read) in rows {
        let mut request = server.post("/v1/echo").body(r#"{"text":"hi"}"#);
        for (name, value) in [("content-type", media), ("origin", origin), ("authorization", authorization)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let reply = request.send().await?;
        let row = format!("{media:?} {origin:?} {authorization:?}");
        if read {
            assert_eq!(reply.status(), 200, "{row}");
        } else {
            refused(reply, 415, "unsupported_media_type").await?;
        }
    }
    server.alive().await
}

//! Fields in paths, queries and bodies; raw bytes up and down; what a caller accepts.

use reqwest::{Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::{
    Fault, Payload,
    api::{ActionInfo, NoItem},
};
use tabagent_server::{Action, Call, ServerLimits, ServerOptions, Service};

use crate::common::{Outcome, TestServer, options, refused};

/// Fields of every kind.
#[derive(Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
struct Shelf {
    name: String,
    #[schemars(range(min = 1, max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<serde_json::Map<String, Value>>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct ShelfResponse {
    shelf: Shelf,
}

impl Action for Shelf {
    const NAME: &'static str = "shelf";
    const INFO: ActionInfo = ActionInfo {
        method: "GET",
        path: "/v1/shelves/{name}",
        also: &[("POST", "/v1/shelf"), ("DELETE", "/v1/shelf")],
        ..ActionInfo::own(Self::NAME)
    };
    type Response = ShelfResponse;
    type Item = NoItem;
}

/// Takes bytes, and gives them back turned round.
#[derive(Deserialize, schemars::JsonSchema)]
struct Turn {
    times: u32,
}

#[derive(Serialize, schemars::JsonSchema)]
struct TurnResponse {
    content_type: Option<String>,
    note: String,
}

impl Action for Turn {
    const NAME: &'static str = "turn";
    const INFO: ActionInfo =
        ActionInfo { takes: &["image/*"], gives: &["image/*"], streams: true, ..ActionInfo::own(Self::NAME) };
    type Response = TurnResponse;
    type Item = NoItem;
}

async fn turn(call: Call, turn: Turn) -> Result<TurnResponse, Fault> {
    let Some(Payload { content_type, mut bytes }) = call.payload().cloned() else {
        return Ok(TurnResponse { content_type: None, note: String::new() });
    };
    bytes.reverse();
    call.attach(Payload { content_type: content_type.clone(), bytes });
    Ok(TurnResponse { content_type, note: "é".repeat(turn.times as usize) })
}

async fn start(limits: ServerLimits) -> Result<TestServer, Box<dyn std::error::Error>> {
    let service = Service::new().on(|_, shelf: Shelf| async { Ok::<_, Fault>(ShelfResponse { shelf }) }).on(turn);
    TestServer::start(ServerOptions { limits, ..options() }, service).await
}

#[tokio::test]
async fn texts_of_an_address_become_what_their_fields_are() -> Outcome {
    let server = start(ServerLimits::default()).await?;
    let rows = [
        ("/v1/shelves/a", json!({ "name": "a" })),
        ("/v1/shelves/a/b%2Fc%20d", json!({ "name": "a/b/c d" })),
        ("/v1/shelves/5?limit=5&deep=true", json!({ "name": "5", "limit": 5, "deep": true })),
        ("/v1/shelves/a?tags=x,y", json!({ "name": "a", "tags": ["x", "y"] })),
        ("/v1/shelves/a?tags=x&tags=y,z", json!({ "name": "a", "tags": ["x", "y,z"] })),
        ("/v1/shelves/a?filters=%7B%22n%22%3A1%7D", json!({ "name": "a", "filters": { "n": 1 } })),
        ("/v1/shelves/a?unknown=1&unknown=1", json!({ "name": "a" })),
    ];
    for (path, shelf) in rows {
        let reply: Value = server.get(path).send().await?.json().await?;
        assert_eq!(reply, json!({ "type": "shelf_response", "shelf": shelf }), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn what_an_address_says_wrongly_is_named() -> Outcome {
    let server = start(ServerLimits::default()).await?;
    for (query, field) in [
        ("limit=ten", "limit"),
        ("limit=11", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("deep=1", "deep"),
        ("filters=x", "filters"),
        ("name=b", "name"),
    ] {
        let refusal = refused(server.get(&format!("/v1/shelves/a?{query}")).send().await?, 400, "validation_failed").await?;
        assert_eq!(refusal["details"]["field"], field, "{query}");
    }
    refused(server.get("/v1/shelves/%FF").send().await?, 400, "bad_request").await?;
    refused(server.get("/v1/shelves").send().await?, 404, "not_found").await?;
    refused(server.get(&format!("/v1/shelves/{}", "a/".repeat(100))).send().await?, 404, "not_found").await?;
    Ok(())
}

#[tokio::test]
async fn older_addresses_and_bodies_of_any_method_lead_to_the_same() -> Outcome {
    let server = start(ServerLimits::default()).await?;
    let expected = json!({ "type": "shelf_response", "shelf": { "name": "a", "limit": 3 } });
    let body = json!({ "name": "a", "limit": 3 });
    for (method, path) in [(Method::POST, "/v1/shelf"), (Method::DELETE, "/v1/shelf"), (Method::GET, "/v1/shelves/a")] {
        let reply = server.client.request(method, server.url(path)).json(&body).send().await?;
        assert_eq!(reply.json::<Value>().await?, expected, "{path}");
    }
    let reply: Value = server.client.delete(server.url("/v1/shelf?name=a&limit=3")).send().await?.json().await?;
    assert_eq!(reply, expected);
    let reply = server.client.put(server.url("/v1/shelf")).json(&body).send().await?;
    assert_eq!(reply.headers()[header::ALLOW], "DELETE, POST");
    refused(reply, 405, "not_found").await?;
    let reply = server.post("/v1/shelves/a").json(&body).send().await?;
    assert_eq!(reply.headers()[header::ALLOW], "GET, HEAD");
    let head = server.client.head(server.url("/v1/shelves/a")).send().await?;
    assert_eq!((head.status().as_u16(), head.bytes().await?.len()), (200, 0));
    Ok(())
}

#[tokio::test]
async fn raw_bytes_go_up_as_a_body_and_come_back_as_one() -> Outcome {
    let server = start(ServerLimits::default()).await?;
    let ask = |times: u32| {
        server.post(&format!("/v1/actions/turn?times={times}")).header("content-type", "image/png").body(vec![1, 2, 3])
    };
    let reply = ask(1).send().await?;
    assert_eq!(reply.headers()["content-type"], "image/png");
    let value = r#"{"type":"turn_response","content_type":"image/png","note":"\u00e9"}"#;
    assert_eq!(reply.headers()["tabagent-value"], value);
    assert_eq!(reply.bytes().await?.as_ref(), [3, 2, 1]);

    let payload = json!({ "content_type": "image/png", "base64": "AwIB" });
    for reply in [ask(1).header("accept", "application/json").send().await?, ask(2000).send().await?] {
        assert_eq!(reply.headers()["content-type"], "application/json");
        let reply: Value = reply.json().await?;
        assert_eq!((&reply["type"], &reply["payload"]), (&json!("turn_response"), &payload));
    }
    let stream = ask(1).header("accept", "text/event-stream").send().await?.text().await?;
    let last: Value = serde_json::from_str(crate::data(&stream)[0])?;
    assert_eq!(last["payload"], payload);
    Ok(())
}

#[tokio::test]
async fn only_the_bytes_that_an_action_takes_are_read_and_only_so_many() -> Outcome {
    let server = start(ServerLimits { raw_bytes: 8, ..ServerLimits::default() }).await?;
    let ask = |path: &str, kind: &str| server.post(path).header("content-type", kind).body("123456789");
    let refusal = refused(ask("/v1/actions/turn?times=1", "image/png").send().await?, 413, "payload_too_large").await?;
    assert!(refusal["message"].as_str().is_some_and(|message| message.contains("raw_bytes")));
    for kind in ["audio/wav", "text/plain", "multipart/form-data; boundary=x"] {
        refused(ask("/v1/actions/turn?times=1", kind).send().await?, 415, "unsupported_media_type").await?;
    }
    refused(ask("/v1/shelf", "image/png").send().await?, 415, "unsupported_media_type").await?;
    let missing = server.post("/v1/actions/turn").header("content-type", "image/png").body("1").send().await?;
    assert_eq!(refused(missing, 400, "validation_failed").await?["details"]["field"], "times");
    let fields = server.post("/v1/actions/turn").json(&json!({ "times": 1 })).send().await?;
    assert_eq!(fields.json::<Value>().await?["content_type"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn bytes_are_described() -> Outcome {
    let server = start(ServerLimits::default()).await?;
    let document: Value = server.get("/v1/openapi.json").send().await?.json().await?;
    let turn = &document["paths"]["/v1/actions/turn"]["post"];
    assert!(turn["requestBody"]["content"].get("image/*").is_some() && turn["requestBody"]["required"] == false);
    assert_eq!((&turn["parameters"][0]["name"], &turn["parameters"][0]["in"]), (&json!("times"), &json!("query")));
    let answer = &turn["responses"]["200"];
    assert!(answer["content"].get("image/*").is_some() && answer["headers"].get("Tabagent-Value").is_some());
    Ok(())
}

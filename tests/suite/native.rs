//! A native program on the `webrtc` crate connects, calls, streams, cancels, is called.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::{
    Fault,
    api::{Action, NoItem},
};
use tabagent_server::{ServerOptions, Service};
use tabagent_tests::{NativeClient, Reply, TestServer};

#[tokio::test]
async fn calls_and_streams() {
    let server = TestServer::reference();
    let client = NativeClient::connect(&server.url()).await.expect("a session");
    let info = client.request("system_info", &json!({})).await.expect("an answer");
    assert_eq!(info["type"], "system_info_response");

    let (_, mut replies) = client.stream("chat", &count_to(60)).await.expect("a call");
    let mut text = String::new();
    let answer = loop {
        match replies.recv().await {
            Some(Reply::Item(item)) => text.push_str(item["delta"].as_str().expect("a delta")),
            Some(Reply::Done(answer)) => break answer.expect("an answer"),
            None => panic!("the session ended"),
        }
    };
    assert_eq!(answer["response"], text);

    let unknown = client.request("fly_to_the_moon", &json!({})).await.expect_err("no such action");
    assert_eq!(unknown.code.as_str(), "unknown_action");
    client.close().await;
}

#[tokio::test]
async fn a_message_above_the_limit_fails_its_call_only() {
    let server = TestServer::reference();
    let client = NativeClient::connect(&server.url()).await.expect("a session");
    let large = json!({"model": "default", "prompt": "x".repeat(2 * 1024 * 1024)});
    let refused = client.request("generate", &large).await.expect_err("2 MiB");
    assert_eq!(refused.code.as_str(), "payload_too_large");
    let answer = client.request("health", &json!({})).await.expect("the session goes on");
    assert_eq!(answer["status"], "healthy");
    client.close().await;
}

#[tokio::test]
async fn cancel_stops_the_producer() {
    let server = TestServer::reference();
    let client = NativeClient::connect(&server.url()).await.expect("a session");
    let (_, mut replies) = client.stream("chat", &count_to(5_000)).await.expect("a call");
    for _ in 0..5 {
        assert!(matches!(replies.recv().await, Some(Reply::Item(_))));
    }
    replies.cancel().await;
    let before = tokens(&client).await;
    let (_, mut replies) = client.stream("chat", &count_to(20)).await.expect("a call");
    let mut next = 0;
    while let Some(Reply::Item(_)) = replies.recv().await {
        next += 1;
    }
    assert_eq!(tokens(&client).await - before, next, "only the second chat produced tokens");
    client.close().await;
}

/// Asks the caller's client to say something back.
#[derive(Deserialize, Serialize, schemars::JsonSchema)]
struct AskBack {
    question: String,
}

impl Action for AskBack {
    const NAME: &'static str = "ask_back";
    type Response = Value;
    type Item = NoItem;
}

/// What the client is asked.
#[derive(Deserialize, Serialize, schemars::JsonSchema)]
struct Echo {
    question: String,
}

impl Action for Echo {
    const NAME: &'static str = "echo";
    type Response = Value;
    type Item = NoItem;
}

#[tokio::test]
async fn the_server_calls_the_client_inside_a_call() {
    let service = Service::reference().on(|call, ask: AskBack| async move {
        let answer = call.call_client(&Echo { question: ask.question }).await?;
        Ok::<_, Fault>(json!({"type": "asked", "answer": answer}))
    });
    let server = TestServer::start(ServerOptions::default(), service);
    let client = NativeClient::connect(&server.url()).await.expect("a session");
    client.session.serve(|echo: Echo| async move { Ok(json!({"type": "echoed", "question": echo.question})) }).await;
    let answer = client.request("ask_back", &json!({"question": "why?"})).await.expect("an answer");
    assert_eq!(answer["answer"]["question"], "why?");
    client.close().await;
}

fn count_to(n: u32) -> Value {
    json!({"model": "default", "messages": [{"role": "user", "content": format!("Count to {n}")}], "stream": true})
}

async fn tokens(client: &NativeClient) -> u64 {
    let stats = client.request("get_stats", &json!({})).await.expect("an answer");
    stats["tokens_generated"].as_u64().expect("a count")
}

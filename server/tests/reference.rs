//! The reference backend as a caller sees it.

use std::time::Duration;

use serde_json::{Value, json};
use tabagent_protocol::{Body, Code, Fault, api::TABLE};
use tabagent_server::{Asked, Principal, ReferenceOptions, Running, Service, Update};
use tokio::time::Instant;

fn fast() -> Service {
    Service::reference_with(ReferenceOptions { tokens_per_second: 0, ..ReferenceOptions::default() })
}

fn chat(content: &str, options: &Value) -> Value {
    let mut fields = json!({"model": "default", "messages": [{"role": "user", "content": content}]});
    if let (Some(fields), Some(options)) = (fields.as_object_mut(), options.as_object()) {
        fields.extend(options.clone());
    }
    fields
}

fn start(service: &Service, action: &str, fields: Value) -> Running {
    service.start(Asked::new(Principal::local(), action, fields))
}

fn parse(body: &Body) -> Value {
    serde_json::from_slice(&body.value).expect("json")
}

async fn finish(mut running: Running) -> (Vec<Value>, Result<Body, Fault>) {
    let mut items = Vec::new();
    loop {
        match running.next().await {
            Some(Update::Item(body)) => items.push(parse(&body)),
            Some(Update::Event(_)) => {}
            Some(Update::Done(outcome)) => return (items, outcome),
            None => unreachable!("Done comes first"),
        }
    }
}

async fn ask(service: &Service, action: &str, fields: Value) -> Value {
    parse(&finish(start(service, action, fields)).await.1.expect("an answer"))
}

async fn refused(service: &Service, action: &str, fields: Value) -> Fault {
    finish(start(service, action, fields)).await.1.expect_err("a fault")
}

#[test]
fn it_serves_the_whole_table() {
    let service = Service::reference();
    assert_eq!(service.api().actions().count(), TABLE.len());
    for info in TABLE {
        assert!(service.serves(info.name), "{} is not served", info.name);
    }
}

#[tokio::test]
async fn a_stream_joined_is_the_response() {
    let service = fast();
    let fields = chat("Count to 60", &json!({"stream": true, "request_id": "mine"}));
    let (items, end) = finish(start(&service, "chat", fields)).await;
    let end = parse(&end.expect("an answer"));
    assert!(items.len() >= 50);
    for (index, item) in items.iter().enumerate() {
        assert_eq!((&item["type"], &item["index"]), (&json!("chat_delta"), &json!(index)));
    }
    let joined: String = items.iter().filter_map(|item| item["delta"].as_str()).collect();
    assert_eq!(end["response"], joined);
    assert!(joined.starts_with("1 2 3 ") && joined.ends_with(" 60"));
    assert_eq!(end["usage"], json!({"prompt_tokens": 3, "completion_tokens": 60, "total_tokens": 63}));
    assert_eq!((&end["finish_reason"], &end["id"]), (&json!("stop"), &json!("mine")));
    assert_eq!(service.stats().tokens_generated.value(), 60);
}

#[tokio::test]
async fn an_answer_is_the_same_every_time_streamed_or_whole() {
    let service = fast();
    let question = "Tell me something about lighthouses and the sea.";
    let whole = ask(&service, "chat", chat(question, &json!({}))).await;
    let (items, streamed) = finish(start(&service, "chat", chat(question, &json!({"stream": true})))).await;
    assert_eq!(whole["response"], parse(&streamed.expect("an answer"))["response"]);
    assert!(items.len() > 10);
    let generated = ask(&service, "generate", json!({"model": "default", "prompt": question})).await;
    assert_eq!((&generated["type"], &generated["text"]), (&json!("generate_response"), &whole["response"]));
}

#[tokio::test]
async fn bounds_are_honoured() {
    let service = fast();
    let end = ask(&service, "chat", chat("Count to 60", &json!({"max_tokens": 5}))).await;
    assert_eq!((&end["response"], &end["finish_reason"]), (&json!("1 2 3 4 5"), &json!("length")));
    for stop in [json!(" 4"), json!(["x", " 4"])] {
        let end = ask(&service, "chat", chat("Count to 60", &json!({ "stop": stop }))).await;
        assert_eq!((&end["response"], &end["finish_reason"]), (&json!("1 2 3"), &json!("stop")));
    }
}

#[tokio::test]
async fn unknown_models_and_unable_ones_are_refused() {
    let service = fast();
    let messages = json!([{"role": "user", "content": "x"}]);
    let fault = refused(&service, "chat", json!({"model": "gpt-9", "messages": messages})).await;
    assert_eq!(fault.code, Code::MODEL_NOT_FOUND);
    let fault = refused(&service, "embeddings", json!({"model": "tabagent/reference-chat", "input": "x"})).await;
    assert_eq!((fault.code, fault.details), (Code::VALIDATION_FAILED, br#"{"field":"model"}"#.to_vec()));
    let many = vec!["x"; 2049];
    let fault = refused(&service, "embeddings", json!({"model": "default", "input": many})).await;
    assert_eq!((fault.code, fault.details), (Code::VALIDATION_FAILED, br#"{"field":"input"}"#.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn tokens_come_at_their_rate_and_the_statistics_say_so() {
    let service = Service::reference();
    let began = Instant::now();
    ask(&service, "chat", chat("Count to 101", &json!({}))).await;
    assert_eq!(began.elapsed().as_secs(), 2);
    let last = service.stats().snapshot().last_generation.expect("a generation");
    assert_eq!((last.input_tokens, last.output_tokens), (3, 101));
    assert!((1990.0..2100.0).contains(&last.total_time_ms), "{last:?}");
    assert!((48.0..51.0).contains(&last.tokens_per_second), "{last:?}");
    assert!(last.time_to_first_token_ms < 100.0, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_answer_is_what_was_said_until_then() {
    let service = Service::reference();
    let mut running = start(&service, "chat", chat("Count to 1000", &json!({"stream": true, "request_id": "long"})));
    let mut said = String::new();
    for _ in 0..10 {
        let Some(Update::Item(item)) = running.next().await else { unreachable!("an item") };
        said += parse(&item)["delta"].as_str().expect("text");
    }
    let stopped = ask(&service, "stop_generation", json!({"request_id": "long"})).await;
    assert_eq!(stopped["stopped_count"], 1);
    let (items, end) = finish(running).await;
    said.extend(items.iter().filter_map(|item| item["delta"].as_str()));
    let end = parse(&end.expect("an answer"));
    assert_eq!((&end["response"], &end["finish_reason"]), (&json!(said), &json!("cancelled")));
    produces_nothing_more(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_answer_is_produced_no_further() {
    let service = Service::reference();
    let mut running = start(&service, "chat", chat("Count to 1000", &json!({"stream": true})));
    for _ in 0..10 {
        assert!(matches!(running.next().await, Some(Update::Item(_))));
    }
    drop(running);
    produces_nothing_more(&service).await;
    assert_eq!(service.calls_in_flight(), 0);
}

/// On the standing clock, ten seconds would be 500 tokens of a producer that goes on.
async fn produces_nothing_more(service: &Service) {
    let before = service.stats().tokens_generated.value();
    assert!(before <= 12, "{before} tokens for ten that were read");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(service.stats().tokens_generated.value(), before);
}

#[tokio::test]
async fn vectors_are_the_same_in_every_encoding() {
    let service = fast();
    let input = json!(["a cat", "a dog"]);
    let floats = ask(&service, "embeddings", json!({"model": "default", "input": input})).await;
    assert_eq!((&floats["dimensions"], floats.get("count")), (&json!(384), None));
    let numbers = floats["embeddings"].as_array().expect("vectors").iter().flat_map(|vector| vector.as_array().expect("numbers"));
    let expected: Vec<u8> = numbers.flat_map(|n| (n.as_f64().expect("a number") as f32).to_le_bytes()).collect();
    assert_eq!(expected.len(), 2 * 384 * 4);

    let binary = json!({"model": "default", "input": input, "encoding": "binary"});
    let body = finish(start(&service, "embeddings", binary)).await.1.expect("an answer");
    assert_eq!((&parse(&body)["count"], parse(&body).get("embeddings")), (&json!(2), None));
    assert_eq!(body.payload.expect("bytes").bytes, expected);

    let base64 = json!({"model": "default", "input": input, "encoding_format": "base64"});
    let texts = ask(&service, "embeddings", base64).await;
    assert_eq!(texts["embeddings_base64"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_server_knows_itself() {
    let service = fast();
    let health = ask(&service, "health", Value::Null).await;
    assert_eq!((&health["status"], &health["version"]), (&json!("healthy"), &json!(env!("CARGO_PKG_VERSION"))));
    assert!(health["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')));
    let system = ask(&service, "system_info", json!({})).await;
    assert!(system["system"]["memory"]["total_bytes"].as_u64() > Some(0));
    let models = ask(&service, "list_models", json!({"filter": "chat"})).await;
    assert_eq!(models["models"][0]["id"], "tabagent/reference-chat");
    service.drain(std::time::Duration::from_secs(1));
    assert_eq!(ask(&service, "health", json!({})).await["status"], "degraded");
    assert_eq!(refused(&service, "get_stats", json!({})).await.code, Code::DRAINING);
}

#[tokio::test]
async fn statistics_count_what_happened() {
    let service = fast();
    ask(&service, "chat", chat("Count to 3", &json!({}))).await;
    refused(&service, "no_such", json!({})).await;
    let stats = ask(&service, "get_stats", json!({})).await;
    let counts = ["total_requests", "successful_requests", "failed_requests", "tokens_generated", "models_loaded"];
    assert_eq!(counts.map(|name| stats[name].as_u64()), [Some(3), Some(1), Some(1), Some(3), Some(2)]);
    assert!(stats["memory_used_mb"].as_u64() > Some(0));
    assert_eq!(stats["last_generation"]["output_tokens"], 3);
}

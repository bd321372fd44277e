//! What is kept, as callers see it: conversations and the token, through the service and over HTTP.

use reqwest::Client;
use serde_json::{Value, json};
use tabagent_protocol::{Code, Fault};
use tabagent_server::{Asked, Principal, ReferenceOptions, Server, ServerOptions, Service, Store, StoreLimits, Update};
use tokio::net::TcpListener;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const KEY: &str = "the-key-of-the-tests";
const ROLES: [&str; 5] = ["system", "user", "assistant", "function", "tool"];

fn service(store: &Store) -> Service {
    Service::reference_with(ReferenceOptions { store: store.clone(), ..ReferenceOptions::default() })
}

fn in_memory() -> Service {
    service(&Store::default())
}

/// Serves until the test's runtime ends; answers where.
async fn serve(service: Service) -> Result<String, Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let options = ServerOptions { allow_local: true, keys: vec![KEY.parse()?], ..ServerOptions::default() };
    tokio::spawn(Server::new(options, service).serve(listener, std::future::pending()));
    Ok(url)
}

async fn answer(service: &Service, principal: &str, action: &str, fields: Value) -> Result<Value, Fault> {
    let mut running = service.start(Asked::new(Principal::new(principal), action, fields));
    loop {
        match running.next().await {
            Some(Update::Done(outcome)) => return outcome.map(|body| serde_json::from_slice(&body.value).expect("json")),
            Some(_) => {}
            None => unreachable!("Done comes first"),
        }
    }
}

async fn ask(service: &Service, action: &str, fields: Value) -> Value {
    answer(service, "local", action, fields).await.unwrap_or_else(|fault| unreachable!("{action}: {fault}"))
}

async fn save(service: &Service, session: &str, content: &str) -> Value {
    ask(service, "save_message", json!({"session_id": session, "message": {"role": "user", "content": content}})).await
}

fn contents(history: &Value) -> Vec<&str> {
    history["messages"].as_array().into_iter().flatten().filter_map(|message| message["content"].as_str()).collect()
}

#[tokio::test]
async fn a_conversation_outlives_the_service() -> Outcome {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), StoreLimits::default())?;
    let first = service(&store);
    let mut ids = Vec::new();
    for role in ROLES {
        let message = json!({"role": role, "content": format!("as {role}"), "name": (role == "tool").then_some("clock")});
        let saved = ask(&first, "save_message", json!({"session_id": "trip", "message": message})).await;
        assert_eq!((&saved["type"], &saved["session_id"]), (&json!("message_saved_response"), &json!("trip")));
        ids.push(saved["message_id"].clone());
    }
    drop(first);
    store.close();

    let second = service(&Store::open(folder.path(), StoreLimits::default())?);
    let history = ask(&second, "chat_history", json!({"session_id": "trip"})).await;
    assert_eq!((&history["type"], &history["total_count"]), (&json!("chat_history_response"), &json!(5)));
    for ((message, role), id) in history["messages"].as_array().ok_or("no list")?.iter().zip(ROLES).zip(&ids) {
        assert_eq!((&message["role"], &message["id"]), (&json!(role), id));
        assert_eq!(message.get("name").is_some(), role == "tool");
        let time = message["created_at"].as_str().ok_or("no time")?;
        assert!(time.ends_with('Z') && time.starts_with("20"), "{time}");
    }
    Ok(())
}

#[tokio::test]
async fn the_newest_messages_come_oldest_first_and_older_ones_on_request() {
    let service = in_memory();
    for n in 0..120 {
        save(&service, "long", &n.to_string()).await;
    }
    let ask = |fields| ask(&service, "chat_history", fields);
    let newest = ask(json!({"session_id": "long"})).await;
    assert_eq!((contents(&newest).len(), newest["total_count"].as_u64()), (100, Some(120)));
    let three = ask(json!({"session_id": "long", "limit": 3})).await;
    assert_eq!(contents(&three), ["117", "118", "119"]);
    let before = ask(json!({"session_id": "long", "limit": 2, "before": three["messages"][0]["id"]})).await;
    assert_eq!(contents(&before), ["115", "116"]);
    assert_eq!(ask(json!({"session_id": "long", "limit": 1000})).await["messages"].as_array().map(Vec::len), Some(120));
}

#[tokio::test]
async fn what_belongs_to_somebody_else_looks_absent() {
    let service = in_memory();
    save(&service, "secret", "mine").await;
    let seen = |who: &'static str, session: &'static str| {
        let service = &service;
        async move { answer(service, who, "chat_history", json!({"session_id": session})).await.expect("an answer") }
    };
    assert_eq!(contents(&seen("local", "secret").await), ["mine"]);
    let absent = json!({"type": "chat_history_response", "session_id": "secret", "messages": [], "total_count": 0});
    assert_eq!(seen("key:1", "secret").await, absent);
    assert_eq!(seen("local", "other").await["total_count"], 0);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_by_its_field() {
    let store = Store::in_memory(StoreLimits { message_bytes: 1000, ..StoreLimits::default() });
    let service = service(&store);
    let message = json!({"role": "user", "content": "x"});
    let rows = [
        ("save_message", json!({"message": message}), "session_id"),
        ("save_message", json!({"session_id": "", "message": message}), "session_id"),
        ("save_message", json!({"session_id": "s".repeat(257), "message": message}), "session_id"),
        ("save_message", json!({"session_id": "s"}), "message"),
        ("save_message", json!({"session_id": "s", "message": {"role": "boss", "content": "x"}}), "message.role"),
        ("save_message", json!({"session_id": "s", "message": {"role": "user", "content": ""}}), "message.content"),
        ("save_message", json!({"session_id": "s", "message": {"role": "user"}}), "message.content"),
        ("chat_history", json!({}), "session_id"),
        ("chat_history", json!({"session_id": ""}), "session_id"),
        ("chat_history", json!({"session_id": "s", "limit": 0}), "limit"),
        ("chat_history", json!({"session_id": "s", "limit": 1001}), "limit"),
    ];
    for (action, fields, field) in rows {
        let fault = answer(&service, "local", action, fields.clone()).await.expect_err("refused");
        let details: Value = serde_json::from_slice(&fault.details).expect("json");
        assert_eq!((fault.code, &details["field"]), (Code::VALIDATION_FAILED, &json!(field)), "{fields}");
    }
    let long = json!({"session_id": "s", "message": {"role": "user", "content": "x".repeat(1001)}});
    let fault = answer(&service, "local", "save_message", long).await.expect_err("refused");
    assert_eq!(fault.code, Code::PAYLOAD_TOO_LARGE);
    assert!(fault.message.contains("1001 bytes") && fault.message.contains("stored_message_bytes"), "{fault}");
    assert_eq!(ask(&service, "chat_history", json!({"session_id": "s"})).await["total_count"], 0);
}

#[tokio::test]
async fn a_full_store_refuses_messages_and_serves_everything_else() {
    let store = Store::in_memory(StoreLimits { database_bytes: 300_000, ..StoreLimits::default() });
    let service = service(&store);
    let message = json!({"session_id": "s", "message": {"role": "user", "content": "word ".repeat(5000)}});
    let mut kept = 0;
    let fault = loop {
        match answer(&service, "local", "save_message", message.clone()).await {
            Ok(_) => kept += 1,
            Err(fault) => break fault,
        }
        assert!(kept < 100, "there is a limit");
    };
    assert_eq!((fault.code, fault.details), (Code::LIMIT_REACHED, br#"{"limit":"stored_bytes"}"#.to_vec()));
    assert_eq!(ask(&service, "chat_history", json!({"session_id": "s"})).await["total_count"], kept);
    assert_eq!(ask(&service, "health", json!({})).await["status"], "healthy");
}

#[tokio::test]
async fn many_saves_at_once_are_each_kept_once() -> Outcome {
    let folder = tempfile::tempdir()?;
    let service = service(&Store::open(folder.path(), StoreLimits { waiting_saves: 8, ..StoreLimits::default() })?);
    let saves = (0..200).map(|n| save_owned(&service, n));
    let ids: std::collections::BTreeSet<_> = futures_util::future::join_all(saves).await.into_iter().collect();
    assert_eq!(ids.len(), 200);
    let history = ask(&service, "chat_history", json!({"session_id": "s", "limit": 1000})).await;
    let kept: std::collections::BTreeSet<_> = contents(&history).into_iter().collect();
    assert_eq!((kept.len(), history["total_count"].as_u64()), (200, Some(200)));
    Ok(())
}

async fn save_owned(service: &Service, n: u32) -> String {
    save(service, "s", &n.to_string()).await["message_id"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn searches_without_documents_look_at_the_callers_messages() {
    let service = in_memory();
    for (session, role, content) in [
        ("kitchen", "user", "How is bread baked?"),
        ("kitchen", "assistant", "Knead the dough, let it rise and bake it for forty minutes."),
        ("garden", "user", "The hose in the garden is leaking."),
        ("trip", "assistant", "The night train to Lisbon leaves from platform nine."),
    ] {
        let message = json!({"role": role, "content": content, "name": (session == "garden").then_some("Ada")});
        ask(&service, "save_message", json!({"session_id": session, "message": message})).await;
    }
    let theirs = json!({"session_id": "trip", "message": {"role": "user", "content": "Their train to Lisbon, platform nine"}});
    answer(&service, "key:1", "save_message", theirs).await.expect("kept");
    for (action, kind, count) in
        [("rag_query", "rag_response", "top_k"), ("semantic_search_query", "semantic_search_response", "k")]
    {
        let found = async |fields| ask(&service, action, fields).await;
        let trains = found(json!({"query": "Which platform does the train leave from?"})).await;
        assert_eq!(trains["type"], kind);
        let best = &trains["results"][0];
        assert!(best["content"].as_str().is_some_and(|text| text.starts_with("The night train")), "{action}: {trains}");
        assert!(best["score"].as_f64().is_some_and(|score| score > 0.1 && score <= 1.0), "{action}: {trains}");
        let (metadata, id) = (&best["metadata"], best["id"].as_str().unwrap_or_default());
        assert_eq!((&metadata["session_id"], &metadata["role"], id.len()), (&json!("trip"), &json!("assistant"), 36));
        assert!(metadata["created_at"].is_string() && metadata.get("name").is_none());
        assert!(!trains.to_string().contains("Their"), "{action}: {trains}");

        let hose = found(json!({"query": "hoses for gardens", count: 1, "filters": {"role": "user"}})).await;
        assert_eq!(hose["results"].as_array().map(Vec::len), Some(1));
        assert_eq!(hose["results"][0]["metadata"]["name"], "Ada");
        let kitchen = found(json!({"query": "bread", "filters": {"session_id": "kitchen", "role": "user"}})).await;
        assert_eq!(kitchen["results"][0]["content"], "How is bread baked?");
        for nowhere in [json!({"session_id": "attic"}), json!({"role": "tool"})] {
            assert_eq!(found(json!({"query": "bread", "filters": nowhere})).await["results"], json!([]));
        }
        let refused = json!({"query": "bread", "filters": {"author": "me"}});
        assert_eq!(answer(&service, "local", action, refused).await.expect_err("refused").code, Code::VALIDATION_FAILED);
        let nobody = answer(&service, "key:2", action, json!({"query": "bread"})).await.expect("an answer");
        assert_eq!(nobody["results"], json!([]));
    }
}

#[tokio::test]
async fn conversations_over_http_belong_to_their_key() -> Outcome {
    let (url, client) = (serve(in_memory()).await?, Client::new());
    let message = json!({"message": {"role": "user", "content": "over HTTP"}});
    for session in ["a%20trip", "org/trip"] {
        let saved = client.post(format!("{url}/v1/sessions/{session}/messages")).json(&message).send().await?;
        assert_eq!(saved.status(), 200);
        let history: Value = client.get(format!("{url}/v1/sessions/{session}/history")).send().await?.json().await?;
        assert_eq!(contents(&history), ["over HTTP"]);
    }
    let foreign = client.get(format!("{url}/v1/sessions/a%20trip/history")).bearer_auth(KEY).send().await?;
    assert_eq!(foreign.json::<Value>().await?["total_count"], 0);
    let nothing = json!({"message": {"role": "user", "content": ""}});
    let reply = client.post(format!("{url}/v1/sessions/s/messages")).json(&nothing).send().await?;
    assert_eq!(reply.status(), 400);
    assert_eq!(reply.json::<Value>().await?["details"]["field"], "message.content");
    Ok(())
}

#[tokio::test]
async fn the_token_goes_in_and_never_comes_out() -> Outcome {
    let (url, client) = (serve(in_memory()).await?, Client::new());
    let has_token = async || -> Result<Value, Box<dyn std::error::Error>> {
        let status: Value = client.get(format!("{url}/v1/hf/token/status")).send().await?.json().await?;
        assert_eq!(status["type"], "hf_token_status_response");
        Ok(status["has_token"].clone())
    };
    let clear = async || client.delete(format!("{url}/v1/hf/token")).send().await;
    assert_eq!(has_token().await?, false);
    assert_eq!(clear().await?.json::<Value>().await?["type"], "success");
    let reply = client.post(format!("{url}/v1/hf/token")).json(&json!({"token": "hf_tHeSeCrEt"})).send().await?.text().await?;
    assert!(reply.contains(r#""type":"success""#) && !reply.contains("tHeSeCrEt"), "{reply}");
    assert_eq!(has_token().await?, true);
    clear().await?;
    assert_eq!(has_token().await?, false);

    let wrong = ["tHeSeCrEt".to_owned(), "hf_".to_owned(), "hf_tHe SeCrEt".to_owned(), format!("hf_{}", "tHeSeCrEt".repeat(200))];
    let wrong = wrong.iter().map(|token| json!({ "token": token }));
    for body in
        wrong.chain([json!({"token": ["hf_tHeSeCrEt"]}), json!({"token": {"hf_tHeSeCrEt": 1}}), json!({"tokem": "hf_tHeSeCrEt"})])
    {
        let reply = client.post(format!("{url}/v1/hf/token")).json(&body).send().await?;
        assert_eq!(reply.status(), 400);
        let refusal: Value = reply.json().await?;
        assert_eq!((&refusal["code"], &refusal["details"]["field"]), (&json!("validation_failed"), &json!("token")));
        assert!(!refusal.to_string().contains("SeCrEt"), "{refusal}");
    }
    assert_eq!(has_token().await?, false);
    Ok(())
}

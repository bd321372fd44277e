//! Models come, answer and go; settings are kept; the machine is measured: as a caller sees it.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tabagent_protocol::{Body, Code, Fault, api::TABLE};
use tabagent_server::{Asked, Principal, ReferenceOptions, Running, Service, Update, service::EventStream};

const CHAT: &str = "tabagent/reference-chat";
const EMBED: &str = "tabagent/reference-embed-384";
const GUIDE: &str = "tabagent/reference-guide";

fn service(data_dir: Option<&Path>) -> Service {
    let data_dir = data_dir.map(Path::to_owned);
    Service::reference_with(ReferenceOptions { tokens_per_second: 0, data_dir, ..ReferenceOptions::default() })
}

fn start(service: &Service, session: u64, action: &str, fields: Value) -> Running {
    service.start(Asked { session: Some(session), ..Asked::new(Principal::local(), action, fields) })
}

fn parse(body: &Body) -> Value {
    serde_json::from_slice(&body.value).expect("json")
}

/// All events of a call, and its end.
async fn finish(mut running: Running) -> (Vec<Value>, Result<Value, Fault>) {
    let mut events = Vec::new();
    loop {
        match running.next().await {
            Some(Update::Item(_)) => {}
            Some(Update::Event(body)) => events.push(parse(&body)),
            Some(Update::Done(outcome)) => return (events, outcome.map(|body| parse(&body))),
            None => unreachable!("Done comes first"),
        }
    }
}

async fn ask(service: &Service, action: &str, fields: Value) -> Value {
    finish(start(service, 1, action, fields)).await.1.unwrap_or_else(|fault| unreachable!("{action}: {fault}"))
}

async fn refused(service: &Service, action: &str, fields: Value) -> (Code, String) {
    let fault = finish(start(service, 1, action, fields)).await.1.expect_err("a fault");
    (fault.code, String::from_utf8(fault.details).expect("text"))
}

fn field(name: &str) -> String {
    json!({ "field": name }).to_string()
}

fn model(id: &str) -> Value {
    json!({ "model_id": id })
}

fn question(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}

fn listener(service: &Service, session: u64, names: &[&str]) -> EventStream {
    let events = service.events(session, &Principal::local());
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    events.subscribe(&names).expect("within limits");
    events
}

/// `status percent` of progress, the name of any other event.
fn words(events: &[Value]) -> Vec<String> {
    let word = |event: &Value| match event["status"].as_str() {
        Some(status) => format!("{status} {}", event["progress"]),
        None => event["event"].as_str().unwrap_or_default().to_owned(),
    };
    events.iter().map(word).collect()
}

#[tokio::test]
async fn the_examples_of_the_whole_table_hold_twice_in_its_order() {
    let service = service(None);
    let _events = service.events(1, &Principal::local());
    for _ in 0..2 {
        for info in TABLE {
            let example = |text: &str| serde_json::from_str::<Value>(text).expect("json");
            let answer = ask(&service, info.name, example(info.accepted)).await;
            assert_eq!(answer["type"], *info.response_type(), "{}", info.name);
            let (text, at_fault) = info.refused;
            let expected = (Code::VALIDATION_FAILED, field(at_fault));
            assert_eq!(refused(&service, info.name, example(text)).await, expected, "{}", info.name);
        }
    }
}

#[tokio::test]
async fn loading_tells_every_step_once_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for data_dir in [None, Some(folder.path())] {
        let service = service(data_dir);
        let (events, answer) = finish(start(&service, 1, "load_model", model(GUIDE))).await;
        let answer = answer.expect("loaded");
        assert_eq!((&answer["status"], &answer["model_id"]), (&json!("loaded"), &json!(GUIDE)));

        let downloads: Vec<_> = events.iter().take_while(|event| event["event"] == "download_progress").cloned().collect();
        let total = downloads[0]["total"].as_u64().expect("a size");
        let mut sizes: Vec<_> = (0..total).step_by(2048).chain([total, total]).map(|loaded| json!(loaded)).collect();
        assert_eq!(downloads.iter().map(|event| event["loaded"].clone()).collect::<Vec<_>>(), sizes);
        let statuses: Vec<_> = downloads.iter().map(|event| event["status"].as_str().expect("a status")).collect();
        let (last, before) = statuses.split_last().expect("some");
        assert!(*last == "completed" && before.iter().all(|status| *status == "downloading"), "{statuses:?}");

        let loading = &events[downloads.len()..];
        let told = words(loading);
        assert_eq!((told[0].as_str(), told[told.len() - 2].as_str()), ("initiate 0", "done 100"));
        assert_eq!(told.last().map(String::as_str), Some("model_loaded"));
        let steps = &loading[1..loading.len() - 2];
        assert!(steps.len() > 10 && steps.iter().all(|event| event["status"] == "progress" && event["file"] == "guide.md"));
        sizes = steps.iter().map(|event| event["loaded"].clone()).collect();
        assert!(sizes.iter().map(Value::as_u64).is_sorted() && sizes.last() == Some(&json!(total)));
        assert_eq!(
            loading.last(),
            Some(&json!({"type": "event", "event": "model_loaded", "model_id": GUIDE, "backend": "reference"}))
        );
    }
}

#[tokio::test]
async fn what_is_loaded_answers_takes_memory_and_gives_it_back() {
    let service = service(None);
    assert_eq!(refused(&service, "chat", question(GUIDE, "keys")).await, (Code::MODEL_NOT_FOUND, field("model")));
    ask(&service, "pull_model", json!({"model": GUIDE, "quantization": "q8"})).await;
    assert_eq!(refused(&service, "chat", question(GUIDE, "keys")).await, (Code::MODEL_NOT_LOADED, field("model")));
    let mut memory = Vec::new();
    for variant in ["q8", "f32"] {
        let (events, answer) = finish(start(&service, 1, "load_model", json!({"model_id": GUIDE, "variant": variant}))).await;
        assert_eq!((words(&events)[0].as_str(), answer.expect("loaded")["status"].as_str()), ("initiate 0", Some("loaded")));
        let answer = ask(&service, "chat", question(GUIDE, "How do I send a key?")).await;
        assert!(answer["response"].as_str().is_some_and(|text| text.starts_with("Keys\nNobody gets in")), "{answer}");
        assert_eq!(answer["model"], GUIDE);
        let loaded = ask(&service, "get_loaded_models", json!({})).await["models"][2].clone();
        assert_eq!((&loaded["id"], &loaded["variant"]), (&json!(GUIDE), &json!(variant)));
        assert!(loaded["loaded_at"].as_str().is_some_and(|time| time.ends_with('Z')));
        memory.push(loaded["memory_usage"].as_u64());
        assert_eq!(ask(&service, "get_stats", json!({})).await["models_loaded"], 3);
    }
    assert!(memory[0] > Some(10_000) && memory[0] < memory[1], "{memory:?}");
    let (events, answer) = finish(start(&service, 1, "unload_model", model(GUIDE))).await;
    assert_eq!(
        (words(&events), answer.expect("unloaded")["type"].as_str()),
        (vec!["model_unloaded".to_owned()], Some("success"))
    );
    assert_eq!(refused(&service, "unload_model", model(GUIDE)).await, (Code::MODEL_NOT_LOADED, field("model_id")));
    assert_eq!(ask(&service, "get_stats", json!({})).await["models_loaded"], 2);
    assert_eq!(ask(&service, "get_loaded_models", json!({})).await["models"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_loaded_model_is_loaded_again_only_by_force() {
    let service = service(None);
    let load = |fields| finish(start(&service, 1, "load_model", fields));
    let (events, answer) = load(model(CHAT)).await;
    assert_eq!((words(&events), &answer.expect("there")["status"]), (vec!["cached 100".to_owned()], &json!("already_loaded")));
    let (events, answer) = load(json!({"model_id": CHAT, "force_reload": true})).await;
    assert_eq!(words(&events), ["initiate 0", "done 100", "model_loaded"]);
    assert_eq!(answer.expect("loaded")["status"], "loaded");
    let wrong = json!({"model_id": CHAT, "variant": "q4_k_m"});
    assert_eq!(refused(&service, "load_model", wrong).await, (Code::VALIDATION_FAILED, field("variant")));
    assert_eq!(refused(&service, "load_model", model("gpt-9")).await, (Code::MODEL_NOT_FOUND, field("model_id")));
}

#[tokio::test]
async fn two_calls_load_a_model_once_and_both_hear_all_of_it() {
    let service = service(None);
    let (mut first, mut second) =
        (start(&service, 1, "load_model", model(GUIDE)), start(&service, 2, "load_model", model(GUIDE)));
    // Both are under way before either is read further.
    let begun = [first.next().await, second.next().await];
    assert!(begun.iter().all(|update| matches!(update, Some(Update::Event(_)))));
    let ((one, first), (other, second)) = (finish(first).await, finish(second).await);
    assert_eq!(one, other);
    let mut statuses = [first, second].map(|answer| answer.expect("loaded")["status"].to_string());
    statuses.sort();
    assert_eq!(statuses, ["\"already_loaded\"", "\"loaded\""]);
}

#[tokio::test]
async fn a_load_that_is_given_up_leaves_nothing_and_can_be_begun_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(Some(folder.path()));
    let mut heard = listener(&service, 9, &["download_progress", "model_loaded"]);
    let mut load = start(&service, 1, "load_model", model(GUIDE));
    assert!(matches!(load.next().await, Some(Update::Event(_))));
    drop(load);
    let mut last = parse(&heard.next().await);
    while last["status"] == "downloading" {
        last = parse(&heard.next().await);
    }
    assert_eq!(last["status"], "cancelled");
    assert_eq!(refused(&service, "model_info", model(GUIDE)).await.0, Code::MODEL_NOT_FOUND);
    let left = fs::read_dir(folder.path().join("models").join(GUIDE)).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    assert_eq!(ask(&service, "load_model", model(GUIDE)).await["status"], "loaded");
}

#[tokio::test]
async fn a_load_that_is_given_up_behind_its_download_leaves_that() {
    let service = service(None);
    let mut heard = listener(&service, 9, &["model_loading_progress"]);
    let mut load = start(&service, 1, "load_model", model(GUIDE));
    while let Some(Update::Event(body)) = load.next().await {
        if parse(&body)["status"] == "completed" {
            break;
        }
    }
    drop(load);
    let mut last = parse(&heard.next().await);
    while !matches!(last["status"].as_str(), Some("done" | "error")) {
        last = parse(&heard.next().await);
    }
    // The work may have been faster than the drop; what was said last is how it is.
    let info = ask(&service, "model_info", model(GUIDE)).await["info"].clone();
    assert_eq!(info["loaded"], last["status"] == "done");
}

#[tokio::test]
async fn a_stopped_pull_says_that_it_was_cancelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(Some(folder.path()));
    let mut pull = start(&service, 1, "pull_model", json!({"model": GUIDE, "request_id": "mine"}));
    assert!(matches!(pull.next().await, Some(Update::Event(_))));
    // Of a call that is not read on, the news wait; it is stopped where it is.
    let stop = start(&service, 1, "stop_generation", json!({"request_id": "mine"}));
    let ((events, end), (_, stopped)) = tokio::join!(finish(pull), finish(stop));
    assert_eq!(stopped.expect("an answer")["stopped_count"], 1);
    let told = words(&events);
    assert_eq!(told.last().map(String::as_str), Some("generation_stopped"));
    match end {
        Err(fault) => assert_eq!(fault.code, Code::CANCELLED),
        // It may have been faster; then it is there.
        Ok(_) => assert_eq!(ask(&service, "model_info", model(GUIDE)).await["info"]["id"], GUIDE),
    }
    let status = ask(&service, "get_halt_status", json!({})).await;
    assert_eq!((&status["is_halted"], &status["active_requests"]), (&json!(true), &json!(0)));
    assert!(status["last_halt_time"].as_str().is_some_and(|time| time.ends_with('Z')));
    ask(&service, "chat", question("default", "Hello")).await;
    assert_eq!(ask(&service, "get_halt_status", json!({})).await["is_halted"], false);
}

#[tokio::test]
async fn subscribers_hear_of_models_and_a_caller_hears_once() {
    let service = service(None);
    let names = ["model_loaded", "model_unloaded"];
    let (mut other, mut own) = (listener(&service, 2, &names), listener(&service, 1, &names));
    ask(&service, "load_model", model(GUIDE)).await;
    ask(&service, "delete_model", model(GUIDE)).await;
    let heard = [parse(&other.next().await), parse(&other.next().await)];
    assert_eq!(words(&heard), names);
    finish(start(&service, 2, "load_model", model(GUIDE))).await.1.expect("loaded");
    // The first that reaches the first session is of what the second one did.
    assert_eq!(parse(&own.next().await)["event"], "model_loaded");
    let (_, answer) = finish(start(&service, 2, "unload_model", model(GUIDE))).await;
    assert!(answer.is_ok());
    assert_eq!(parse(&own.next().await)["event"], "model_unloaded");
}

#[tokio::test]
async fn default_means_what_was_selected_until_that_is_unloaded() {
    let service = service(None);
    ask(&service, "load_model", model(GUIDE)).await;
    let default = || async { ask(&service, "chat", question("default", "Hello")).await["model"].clone() };
    assert_eq!(default().await, CHAT);
    assert_eq!(ask(&service, "select_model", model(GUIDE)).await["model_id"], GUIDE);
    assert_eq!(default().await, GUIDE);
    assert_eq!(ask(&service, "generate", json!({"model": "default", "prompt": "x"})).await["model"], GUIDE);
    assert_eq!(ask(&service, "responses", json!({"model": "default", "input": "x"})).await["model"], GUIDE);
    assert_eq!(ask(&service, "embeddings", json!({"model": "default", "input": "x"})).await["model"], EMBED);
    ask(&service, "unload_model", model(GUIDE)).await;
    assert_eq!(default().await, CHAT);
    assert_eq!(refused(&service, "select_model", model(GUIDE)).await, (Code::MODEL_NOT_LOADED, field("model_id")));
    ask(&service, "unload_model", model(EMBED)).await;
    let rerank = json!({"model": "default", "query": "q", "documents": ["d"]});
    assert_eq!(refused(&service, "rerank", rerank).await, (Code::MODEL_NOT_LOADED, field("model")));
}

#[tokio::test]
async fn what_was_pulled_is_there_after_a_restart_and_gone_after_delete() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = service(Some(folder.path()));
    let bytes = ask(&first, "pull_model", json!({"model": GUIDE})).await["bytes"].clone();
    let again = service(Some(folder.path()));
    let info = ask(&again, "model_info", model(GUIDE)).await["info"].clone();
    assert_eq!((&info["loaded"], &info["size_bytes"]), (&json!(false), &bytes));
    let (events, _) = finish(start(&again, 1, "pull_model", json!({"model": GUIDE}))).await;
    assert_eq!(words(&events), ["completed 100"]);
    assert_eq!(ask(&again, "delete_model", model(GUIDE)).await["success"], true);
    assert_eq!(refused(&again, "delete_model", model(GUIDE)).await, (Code::MODEL_NOT_FOUND, field("model_id")));
    assert_eq!(refused(&again, "delete_model", model(CHAT)).await.0, Code::INVALID_STATE);
    // What others did to the file meanwhile is repaired, not believed.
    assert_eq!(ask(&first, "load_model", model(GUIDE)).await["status"], "loaded");
}

#[tokio::test]
async fn settings_count_where_a_request_does_not_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(Some(folder.path()));
    let count = |fields: &Value| {
        let mut request = question("default", "Count to 9");
        request.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        request
    };
    let said = |fields: Value| {
        let request = count(&fields);
        async { ask(&service, "chat", request).await["response"].clone() }
    };
    let defaults = ask(&service, "get_params", json!({})).await;
    assert_eq!(
        (&defaults["max_new_tokens"], &defaults["do_sample"], defaults.get("seed")),
        (&json!(100_000), &json!(false), None)
    );
    let saved = json!({"repo_id": CHAT, "variant": "default", "settings": {"max_new_tokens": 7, "stop_sequences": [" 5"]}});
    ask(&service, "save_inference_settings", saved.clone()).await;
    assert_eq!(said(json!({})).await, "1 2 3 4");
    let set = ask(&service, "set_params", json!({"params": {"stop_sequences": [], "seed": 3}})).await;
    assert_eq!((&set["type"], &set["seed"]), (&json!("params_response"), &json!(3)));
    assert_eq!(said(json!({})).await, "1 2 3 4 5 6 7");
    ask(&service, "set_params", json!({"max_length": 3, "stop_sequences": [" 2"]})).await;
    assert_eq!(said(json!({})).await, "1");
    ask(&service, "set_params", json!({"min_length": 2})).await;
    assert_eq!(said(json!({})).await, "1 2 3");
    assert_eq!(said(json!({"max_tokens": 5, "stop": " 5"})).await, "1 2 3 4");
    assert_eq!(refused(&service, "set_params", json!({"max_length": 1})).await, (Code::VALIDATION_FAILED, field("max_length")));
    assert_eq!(refused(&service, "set_params", json!({"repetition_penalty": 0})).await.1, field("repetition_penalty"));

    let other = Asked::new(Principal::new("key:other"), "get_params", json!({}));
    assert_eq!(finish(service.start(other)).await.1.expect("an answer")["max_length"], 100_000);
    let again = self::service(Some(folder.path()));
    let kept = ask(&again, "get_inference_settings", json!({"repo_id": CHAT, "variant": "default"})).await;
    assert_eq!(kept["settings"], saved["settings"]);
    let unknown = json!({"repo_id": "gpt-9", "variant": "default"});
    assert_eq!(refused(&again, "get_inference_settings", unknown).await, (Code::MODEL_NOT_FOUND, field("repo_id")));
}

#[tokio::test]
async fn responses_takes_a_text_or_messages() {
    let service = service(None);
    let text = ask(&service, "responses", json!({"model": "default", "input": "Count to 9", "max_output_tokens": 3})).await;
    assert_eq!((&text["output_text"], &text["finish_reason"]), (&json!("1 2 3"), &json!("length")));
    let messages = json!([{"role": "user", "content": "Count to 2"}]);
    let told = ask(&service, "responses", json!({"model": "default", "instructions": "Be brief.", "input": messages})).await;
    assert_eq!((&told["output_text"], &told["usage"]["prompt_tokens"]), (&json!("1 2"), &json!(6)));
    let empty = json!({"model": "default", "input": ""});
    assert_eq!(refused(&service, "responses", empty).await, (Code::VALIDATION_FAILED, field("input")));
}

#[tokio::test]
async fn the_machine_is_measured_and_models_are_held_against_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = service(Some(folder.path()));
    let resources = ask(&service, "get_resources", json!({})).await;
    assert_eq!(resources["loaded_models"], json!([CHAT, EMBED]));
    assert!((0.0..=100.0).contains(&resources["cpu_usage"].as_f64().expect("percent")));
    let number = |value: &Value, name: &str| value[name].as_u64().expect("a number");
    assert!(number(&resources, "memory_usage") <= number(&resources, "memory_total"));

    let recommended = ask(&service, "get_recommended_models", json!({})).await;
    assert_eq!(number(&recommended, "safe_ram_mb"), number(&recommended, "available_ram_mb") * 70 / 100);
    let feasible = ask(&service, "check_model_feasibility", json!({"model_size_mb": 9_007_199_254_740_991_u64})).await;
    assert_eq!(feasible["can_load"], false);
    let huge = ask(&service, "estimate_memory", json!({"model": "x-100000B"})).await;
    assert!(huge["can_load"] == false && huge["reason"].is_string());
    let unknown = refused(&service, "estimate_memory", json!({"model": "nothing-known"})).await;
    assert_eq!(unknown, (Code::MODEL_NOT_FOUND, field("model")));
    let compatible = ask(&service, "compatibility", json!({"model": GUIDE})).await;
    assert_eq!((&compatible["compatible"], &compatible["requirements"]), (&json!(true), &json!(["1 MB of memory."])));
    let recipes = ask(&service, "get_recipes", json!({})).await;
    assert_eq!(recipes["recipes"].as_array().map(Vec::len), Some(3));
    assert_eq!(ask(&service, "get_model_quants", json!({"repo_id": GUIDE})).await["quants"], json!(["f32", "q8"]));
}

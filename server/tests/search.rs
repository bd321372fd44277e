//! Finding, comparing, grouping and recommending texts, as a caller sees it.

use std::time::Duration;

use serde_json::{Value, json};
use tabagent_protocol::{Code, Fault};
use tabagent_server::{Asked, Principal, Running, Service, Update};

const EMBEDDINGS: &str = "tabagent/reference-embed-384";

fn start(service: &Service, action: &str, fields: Value) -> Running {
    service.start(Asked::new(Principal::local(), action, fields))
}

async fn outcome(action: &str, fields: Value) -> Result<Value, Fault> {
    match start(&Service::reference(), action, fields).next().await {
        Some(Update::Done(outcome)) => outcome.map(|body| serde_json::from_slice(&body.value).expect("json")),
        other => unreachable!("{other:?} before the answer"),
    }
}

async fn ask(action: &str, fields: Value) -> Value {
    outcome(action, fields).await.expect("an answer")
}

/// The code and the field of a refusal.
async fn refused(action: &str, fields: Value) -> (Code, String) {
    let fault = outcome(action, fields).await.expect_err("a fault");
    let details: Value = serde_json::from_slice(&fault.details).expect("details");
    (fault.code, details["field"].as_str().expect("a field").to_owned())
}

/// One value of every object in a list.
fn column(list: &Value, name: &str) -> Vec<Value> {
    list.as_array().expect("a list").iter().map(|one| one[name].clone()).collect()
}

fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn falls(scores: &[Value]) -> bool {
    scores.is_sorted_by(|one, next| one.as_f64() >= next.as_f64())
}

const DOCUMENTS: [&str; 4] = ["a garden hose", "how bread is baked", "the moon rises", "baking a cake and baking bread"];

#[tokio::test]
async fn rerank_orders_all_or_the_first_few() {
    let answer = ask("rerank", json!({"model": "default", "query": "baking bread", "documents": DOCUMENTS})).await;
    assert_eq!(names(&answer), ["model", "results", "type"]);
    assert_eq!((&answer["type"], &answer["model"]), (&json!("rerank_response"), &json!(EMBEDDINGS)));
    let all = column(&answer["results"], "index");
    assert_eq!(all[..2], [json!(3), json!(1)]);
    assert_eq!(names(&answer["results"][0]), ["document", "index", "score"]);
    assert_eq!(answer["results"][0]["document"], DOCUMENTS[3]);
    assert!(falls(&column(&answer["results"], "score")));
    for (count, results) in [(1, 1), (3, 3), (4, 4), (4_000_000_000_u32, 4)] {
        let fields = json!({"model": EMBEDDINGS, "query": "baking bread", "documents": DOCUMENTS, "top_n": count});
        assert_eq!(column(&ask("rerank", fields).await["results"], "index"), all[..results]);
    }
}

#[tokio::test]
async fn both_searches_take_texts_and_described_documents() {
    let documents = json!([
        "a garden hose",
        {"id": "bread", "content": "how bread is baked", "metadata": {"lang": "en", "year": 2024}},
        {"content": "cakes, freshly baked", "metadata": {"lang": "en"}},
        {"id": "brot", "content": "baking bread", "metadata": {"lang": "de"}},
    ]);
    for (action, kind, count) in
        [("rag_query", "rag_response", "top_k"), ("semantic_search_query", "semantic_search_response", "k")]
    {
        let answer = ask(action, json!({"query": "baking bread", "documents": documents})).await;
        assert_eq!(names(&answer), ["query_time_ms", "results", "type"]);
        assert_eq!(answer["type"], kind);
        assert!(answer["query_time_ms"].as_f64().is_some_and(|time| time >= 0.0));
        assert_eq!(column(&answer["results"], "id")[..2], [json!("brot"), json!("bread")]);
        assert_eq!(answer["results"].as_array().map(Vec::len), Some(4));
        assert!(falls(&column(&answer["results"], "score")));
        let bread = &answer["results"][1];
        assert_eq!(names(bread), ["content", "id", "metadata", "score"]);
        assert_eq!((&bread["content"], &bread["metadata"]["year"]), (&json!("how bread is baked"), &json!(2024)));
        let hose = answer["results"].as_array().and_then(|all| all.iter().find(|one| one["id"] == "0")).expect("found");
        assert_eq!(names(hose), ["content", "id", "score"], "no metadata, no field");

        let mut fields = json!({"query": "baking bread", "documents": documents, "filters": {"lang": "en"}});
        assert_eq!(column(&ask(action, fields.clone()).await["results"], "id"), [json!("bread"), json!("2")]);
        fields[count] = json!(1);
        assert_eq!(column(&ask(action, fields.clone()).await["results"], "id"), [json!("bread")]);
        fields["filters"] = json!({"lang": "fr"});
        assert_eq!(ask(action, fields).await["results"], json!([]));
        assert_eq!(ask(action, json!({"query": "x", "documents": []})).await["results"], json!([]));
    }
}

#[tokio::test]
async fn searches_give_ten_results_unless_told_otherwise() {
    let documents: Vec<_> = (0..30).map(|number| format!("bread number {number}")).collect();
    for action in ["rag_query", "semantic_search_query"] {
        let answer = ask(action, json!({"query": "bread", "documents": documents})).await;
        assert_eq!(answer["results"].as_array().map(Vec::len), Some(10));
    }
    let answer = ask("recommend_content", json!({"query": "bread", "candidates": documents})).await;
    assert_eq!(answer["recommendations"].as_array().map(Vec::len), Some(10));
}

#[tokio::test]
async fn similarity_is_that_of_the_embeddings() {
    let texts = ["how bread is baked", "baking bread"];
    let answer = ask("calculate_similarity", json!({"text1": texts[0], "text2": texts[1]})).await;
    assert_eq!(names(&answer), ["model", "similarity", "type"]);
    assert_eq!((&answer["type"], &answer["model"]), (&json!("similarity_response"), &json!(EMBEDDINGS)));
    let vectors = ask("embeddings", json!({"model": "default", "input": texts})).await;
    let vector = |place: usize| vectors["embeddings"][place].as_array().expect("a vector").clone();
    let product: f64 = vector(0).iter().zip(vector(1)).filter_map(|(one, other)| Some(one.as_f64()? * other.as_f64()?)).sum();
    let similarity = answer["similarity"].as_f64().expect("a number");
    assert!((similarity - product).abs() < 1e-5 && similarity > 0.4, "{similarity}, {product}");
    let same = ask("calculate_similarity", json!({"text1": "Same", "text2": "same", "model": "default"})).await;
    assert!(same["similarity"].as_f64().is_some_and(|one| (one - 1.0).abs() < 1e-5));
}

#[tokio::test]
async fn an_evaluation_has_a_row_for_each_query() {
    let fields = json!({"model": "default", "queries": ["baked bread", "moonrise"], "documents": DOCUMENTS});
    let answer = ask("evaluate_embeddings", fields).await;
    assert_eq!(names(&answer), ["best", "mean", "model", "scores", "type"]);
    assert_eq!((&answer["type"], &answer["best"]), (&json!("evaluation_response"), &json!([1, 2])));
    let rows = answer["scores"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| row.as_array().map(Vec::len)).collect::<Vec<_>>(), [Some(4), Some(4)]);
    let all: Vec<_> = rows.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_f64).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!(answer["mean"].as_f64().is_some_and(|said| (said - mean).abs() < 1e-5));
}

#[tokio::test]
async fn clusters_cover_all_texts_and_are_never_more_than_them() {
    let documents = ["red wine", "white wine", "data channels", "a data channel", "wines, red and white"];
    let answer = ask("cluster_documents", json!({"documents": documents, "n_clusters": 2})).await;
    assert_eq!(names(&answer), ["centers", "clusters", "sizes", "type"]);
    assert_eq!(answer["type"], "cluster_response");
    assert_eq!((&answer["clusters"], &answer["sizes"]), (&json!([0, 0, 1, 1, 0]), &json!([3, 2])));
    let center = answer["centers"][0].as_array().expect("a vector");
    let length: f64 = center.iter().filter_map(Value::as_f64).map(|number| number * number).sum();
    assert!(center.len() == 384 && (length - 1.0).abs() < 1e-4, "{length}");
    for (asked, texts, given) in
        [(json!(null), 8, 5), (json!(null), 3, 3), (json!(100), 3, 3), (json!(1), 3, 1), (json!(500), 200, 128)]
    {
        let documents: Vec<_> = (0..texts).map(|number| format!("text {number}")).collect();
        let answer = ask("cluster_documents", json!({"documents": documents, "n_clusters": asked, "model": EMBEDDINGS})).await;
        assert_eq!(answer["sizes"].as_array().map(Vec::len), Some(given), "{asked} of {texts}");
        assert_eq!(answer["clusters"].as_array().map(Vec::len), Some(texts));
    }
}

#[tokio::test]
async fn recommendations_do_not_repeat_themselves() {
    let candidates = ["bread rolls for breakfast", "breakfast with bread rolls", "warm bread", "a bicycle"];
    let answer = ask("recommend_content", json!({"query": "bread", "candidates": candidates, "top_n": 2})).await;
    assert_eq!(names(&answer), ["recommendations", "type"]);
    assert_eq!(answer["type"], "recommend_response");
    let chosen = column(&answer["recommendations"], "index");
    assert!(chosen.len() == 2 && chosen.contains(&json!(2)), "{chosen:?}");
    assert_eq!(names(&answer["recommendations"][0]), ["content", "index", "score"]);
    let all = ask("recommend_content", json!({"query": "bread", "candidates": candidates, "top_n": 99})).await;
    assert_eq!(column(&all["recommendations"], "index").len(), 4);
    assert!(falls(&column(&all["recommendations"], "score")));
}

#[tokio::test]
async fn older_names_mean_the_same() {
    let same = [
        ("rerank", json!({"model": "default", "query": "bread", "documents": DOCUMENTS}), "rerank_documents", "top_n", "top_k"),
        ("rag_query", json!({"query": "bread", "documents": DOCUMENTS}), "rag_query", "top_k", "top_n"),
        ("semantic_search_query", json!({"query": "bread", "documents": DOCUMENTS}), "semantic_search", "k", "top_k"),
        ("recommend_content", json!({"query": "bread", "candidates": DOCUMENTS}), "recommend_items", "top_n", "k"),
    ];
    for (action, fields, also, count, also_count) in same {
        let (mut one, mut other) = (fields.clone(), fields);
        (one[count], other[also_count]) = (json!(2), json!(2));
        let (mut one, mut other) = (ask(action, one).await, ask(also, other).await);
        // How long it took differs.
        for answer in [&mut one, &mut other] {
            answer.as_object_mut().and_then(|answer| answer.remove("query_time_ms"));
        }
        assert_eq!(one, other, "{action}");
        assert!(
            one.as_object().into_iter().flat_map(|fields| fields.values()).any(|list| list.as_array().map(Vec::len) == Some(2))
        );
    }
    let texts = json!({"texts": DOCUMENTS, "n_clusters": 2});
    let documents = json!({"documents": DOCUMENTS, "n_clusters": 2});
    assert_eq!(ask("cluster_texts", texts).await, ask("cluster_documents", documents).await);
    let fields = json!({"text1": "a", "text2": "b"});
    assert_eq!(ask("compute_similarity", fields.clone()).await, ask("calculate_similarity", fields).await);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let many = vec!["x"; 2049];
    let wrong = [
        ("rerank", json!({"query": "q", "documents": ["d"]}), "model"),
        ("rerank", json!({"model": "default", "query": "", "documents": ["d"]}), "query"),
        ("rerank", json!({"model": "default", "query": "q", "documents": []}), "documents"),
        ("rerank", json!({"model": "default", "query": "q", "documents": ["d", ""]}), "documents[1]"),
        ("rerank", json!({"model": "default", "query": "q", "documents": many}), "documents"),
        ("rerank", json!({"model": "tabagent/reference-chat", "query": "q", "documents": ["d"]}), "model"),
        ("rag_query", json!({"query": "q", "documents": ["d"], "top_k": 0}), "top_k"),
        ("rag_query", json!({"query": "q", "documents": ["d"], "top_k": 1001}), "top_k"),
        ("rag_query", json!({"query": "q", "documents": ["d"], "filters": ["d"]}), "filters"),
        ("rag_query", json!({"query": "q", "documents": many}), "documents"),
        ("rag_query", json!({"query": "q", "documents": ["d", {"id": "no content"}]}), "documents[1]"),
        ("semantic_search_query", json!({"query": ""}), "query"),
        ("semantic_search_query", json!({"query": "q", "documents": ["d"], "k": 1001}), "k"),
        ("calculate_similarity", json!({"text1": "a"}), "text2"),
        ("calculate_similarity", json!({"text1": "", "text2": "b"}), "text1"),
        ("evaluate_embeddings", json!({"model": "default", "queries": [], "documents": ["d"]}), "queries"),
        ("evaluate_embeddings", json!({"model": "default", "queries": ["q"], "documents": []}), "documents"),
        ("evaluate_embeddings", json!({"model": "default", "queries": vec!["q"; 300], "documents": vec!["d"; 300]}), "documents"),
        ("cluster_documents", json!({"documents": []}), "documents"),
        ("cluster_documents", json!({"documents": ["d"], "n_clusters": 0}), "n_clusters"),
        ("cluster_documents", json!({"documents": many}), "documents"),
        ("recommend_content", json!({"query": "q", "candidates": []}), "candidates"),
        ("recommend_content", json!({"query": "q", "candidates": many}), "candidates"),
    ];
    for (action, fields, field) in wrong {
        assert_eq!(refused(action, fields.clone()).await, (Code::VALIDATION_FAILED, field.to_owned()), "{action} {fields:.99}");
    }
    let unknown = [
        ("rerank", json!({"model": "gpt-9", "query": "q", "documents": ["d"]})),
        ("calculate_similarity", json!({"model": "gpt-9", "text1": "a", "text2": "b"})),
        ("evaluate_embeddings", json!({"model": "gpt-9", "queries": ["q"], "documents": ["d"]})),
        ("cluster_documents", json!({"model": "gpt-9", "documents": ["d"]})),
        ("recommend_content", json!({"model": "gpt-9", "query": "q", "candidates": ["d"]})),
    ];
    for (action, fields) in unknown {
        assert_eq!(refused(action, fields).await, (Code::MODEL_NOT_FOUND, "model".to_owned()), "{action}");
    }
}

/// Distinct texts, as many and as long as fit into one request: what costs most.
fn a_whole_request() -> Vec<String> {
    (0..2048_u32)
        .map(|text| (0..60_u32).map(|word| format!("{:x} ", text.wrapping_mul(2_654_435_761) ^ word << 7)).collect())
        .collect()
}

#[tokio::test]
async fn others_are_answered_while_a_long_computation_runs_and_it_ends_with_its_caller() {
    let service = Service::reference();
    let texts = a_whole_request();
    let long = start(&service, "cluster_documents", json!({"documents": texts, "n_clusters": 128}));
    // This test's runtime has one thread: a computation on it would let nothing else happen.
    let other = start(&service, "health", json!({})).next().await;
    assert!(matches!(other, Some(Update::Done(Ok(_)))));
    let mut asked = Asked::new(Principal::local(), "rerank", json!({"model": "default", "query": "x", "documents": texts}));
    asked.deadline = Some(Duration::from_millis(1));
    let mut late = service.start(asked);
    assert!(matches!(late.next().await, Some(Update::Done(Err(fault))) if fault.code == Code::DEADLINE_EXCEEDED));
    drop(long);
    // Every place is free again, or is about to be: as many calls as processors and more are answered.
    for _ in 0..8 {
        let answer = start(&service, "calculate_similarity", json!({"text1": "a", "text2": "b"})).next().await;
        assert!(matches!(answer, Some(Update::Done(Ok(_)))));
    }
}

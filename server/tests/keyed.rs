//! Calls with an idempotency key: once per server process, whoever asks, however often.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_server::{Action, Asked, Call, Code, Fault, Principal, Running, Service, ServiceLimits, Update};
use tokio::sync::Semaphore;

/// Says numbers, one each time it is let through.
#[derive(Deserialize, schemars::JsonSchema)]
struct Tally {
    to: u32,
    #[serde(default)]
    bytes: usize,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Number {
    n: u32,
    padding: String,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Tallied {
    run: u32,
}

impl Action for Tally {
    const NAME: &'static str = "tally";
    type Response = Tallied;
    type Item = Number;
}

/// A service, how often its handler began, and what lets it go on.
struct Bench {
    service: Service,
    runs: Arc<AtomicU32>,
    gate: Arc<Semaphore>,
}

fn bench(limits: ServiceLimits) -> Bench {
    let (runs, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
    let (counted, gated) = (Arc::clone(&runs), Arc::clone(&gate));
    let service = Service::with_limits(limits).on(move |call: Call, tally: Tally| {
        let (counted, gated) = (Arc::clone(&counted), Arc::clone(&gated));
        async move {
            let run = counted.fetch_add(1, Ordering::Relaxed) + 1;
            for n in 0..tally.to {
                let permit = gated.acquire().await.map_err(|_| Fault::new(Code::INTERNAL, "no gate"))?;
                permit.forget();
                call.item(&Number { n, padding: "x".repeat(tally.bytes) }).await?;
            }
            Ok(Tallied { run })
        }
    });
    Bench { service, runs, gate }
}

fn ask(key: &str, fields: Value) -> Asked {
    Asked { idempotency_key: Some(key.to_owned()), ..Asked::new(Principal::local(), "tally", fields) }
}

fn value(update: &Update) -> Value {
    match update {
        Update::Item(body) | Update::Event(body) | Update::Done(Ok(body)) => serde_json::from_slice(&body.value).expect("json"),
        Update::Done(Err(fault)) => json!({"code": fault.code.as_str()}),
    }
}

/// The numbers of all items, and the end.
async fn read(mut running: Running) -> (Vec<u64>, Value) {
    let mut numbers = Vec::new();
    loop {
        let update = running.next().await.expect("an end");
        if let Update::Done(_) = update {
            return (numbers, value(&update));
        }
        numbers.extend(value(&update)["n"].as_u64());
    }
}

#[tokio::test]
async fn a_repeat_gets_the_first_result_again() {
    let bench = bench(ServiceLimits::default());
    bench.gate.add_permits(100);
    let first = read(bench.service.start(ask("k", json!({"to": 3})))).await;
    assert_eq!(first, (vec![0, 1, 2], json!({"type": "tally_response", "run": 1})));
    // The order of fields and the name of the call are not the request.
    let again = read(bench.service.start(ask("k", json!({"request_id": "other", "to": 3})))).await;
    assert_eq!(again, first);
    // The key may stand among the fields.
    let fields = json!({"to": 3, "idempotency_key": "k"});
    assert_eq!(read(bench.service.start(Asked::new(Principal::local(), "tally", fields))).await, first);
    assert_eq!(bench.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn another_key_another_caller_and_no_key_are_other_calls() {
    let bench = bench(ServiceLimits::default());
    let run = |asked| async { read(bench.service.start(asked)).await.1["run"].as_u64() };
    assert_eq!(run(ask("a", json!({"to": 0}))).await, Some(1));
    assert_eq!(run(ask("b", json!({"to": 0}))).await, Some(2));
    assert_eq!(run(Asked { principal: Principal::new("key:1"), ..ask("a", json!({"to": 0})) }).await, Some(3));
    assert_eq!(run(Asked::new(Principal::local(), "tally", json!({"to": 0}))).await, Some(4));
    let (_, other) = read(bench.service.start(ask("a", json!({"to": 1})))).await;
    assert_eq!(other["code"], "invalid_state");
}

#[tokio::test]
async fn a_reader_that_goes_leaves_the_call_to_the_next_one_from_its_first_item() {
    let bench = bench(ServiceLimits::default());
    let mut first = bench.service.start(ask("k", json!({"to": 4})));
    bench.gate.add_permits(2);
    assert_eq!(value(&first.next().await.expect("an item"))["n"], 0);
    drop(first);
    let second = bench.service.start(ask("k", json!({"to": 4})));
    bench.gate.add_permits(2);
    assert_eq!(read(second).await, (vec![0, 1, 2, 3], json!({"type": "tally_response", "run": 1})));
}

#[tokio::test]
async fn a_newcomer_takes_a_running_call_over() {
    let bench = bench(ServiceLimits::default());
    let mut first = bench.service.start(ask("k", json!({"to": 2})));
    bench.gate.add_permits(1);
    assert_eq!(value(&first.next().await.expect("an item"))["n"], 0);
    let second = bench.service.start(ask("k", json!({"to": 2})));
    assert_eq!(read(first).await.1["code"], "invalid_state");
    bench.gate.add_permits(1);
    assert_eq!(read(second).await.0, [0, 1]);
}

#[tokio::test]
async fn cancelling_is_for_everybody() {
    let bench = bench(ServiceLimits::default());
    let running = bench.service.start(ask("k", json!({"to": 2})));
    running.canceller().expect("it runs").cancel();
    assert_eq!(read(running).await.1["code"], "cancelled");
    let (_, again) = read(bench.service.start(ask("k", json!({"to": 2})))).await;
    assert_eq!(again["code"], "cancelled", "not a second run");
    assert_eq!(bench.service.calls_in_flight(), 0);
}

#[tokio::test]
async fn what_is_too_long_to_keep_is_read_once_and_never_run_twice() {
    let bench = bench(ServiceLimits { journal_call_bytes: 10_000, ..ServiceLimits::default() });
    bench.gate.add_permits(1000);
    let fields = json!({"to": 50, "bytes": 1000});
    let (numbers, end) = read(bench.service.start(ask("k", fields.clone()))).await;
    assert_eq!((numbers.len(), &end["run"]), (50, &json!(1)));
    let (_, again) = read(bench.service.start(ask("k", fields.clone()))).await;
    assert_eq!(again["code"], "outcome_unknown");
    assert_eq!(bench.runs.load(Ordering::Relaxed), 1);
    // One whose reader went away cannot be read by anybody: it stops.
    drop(bench.service.start(ask("left", fields)));
    while bench.service.calls_in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_oldest_results_make_room_for_new_ones() {
    let bench = bench(ServiceLimits { journal_principal_bytes: 5_000, ..ServiceLimits::default() });
    bench.gate.add_permits(1000);
    for key in ["a", "b", "c"] {
        assert_eq!(read(bench.service.start(ask(key, json!({"to": 2, "bytes": 1000})))).await.0, [0, 1]);
    }
    let (_, oldest) = read(bench.service.start(ask("a", json!({"to": 2, "bytes": 1000})))).await;
    assert_eq!(oldest["code"], "outcome_unknown");
    let (numbers, _) = read(bench.service.start(ask("c", json!({"to": 2, "bytes": 1000})))).await;
    assert_eq!(numbers, [0, 1]);
    assert_eq!(bench.runs.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_its_time() {
    let bench = bench(ServiceLimits::default());
    assert_eq!(read(bench.service.start(ask("k", json!({"to": 0})))).await.1["run"], 1);
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(read(bench.service.start(ask("k", json!({"to": 0})))).await.1["run"], 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(read(bench.service.start(ask("k", json!({"to": 0})))).await.1["run"], 2);
}

#[tokio::test]
async fn keys_have_bounds_and_a_process() {
    let bench = bench(ServiceLimits { journal_keys: 1, ..ServiceLimits::default() });
    let refused = |asked| async { read(bench.service.start(asked)).await.1["code"].clone() };
    assert_eq!(refused(ask("", json!({"to": 0}))).await, "validation_failed");
    assert_eq!(refused(ask(&"k".repeat(257), json!({"to": 0}))).await, "validation_failed");
    let elsewhere = Asked { boot: Some([7; 16]), ..ask("k", json!({"to": 0})) };
    assert_eq!(refused(elsewhere).await, "outcome_unknown");
    let here = Asked { boot: Some(bench.service.boot()), ..ask("k", json!({"to": 0})) };
    assert_eq!(read(bench.service.start(here)).await.1["run"], 1);
    assert_eq!(refused(ask("l", json!({"to": 0}))).await, "limit_reached");
    // A request that was refused has not used its key up.
    let wrong = Asked { principal: Principal::new("key:1"), ..ask("k", json!({})) };
    assert_eq!(refused(wrong).await, "validation_failed");
    let right = Asked { principal: Principal::new("key:1"), ..ask("k", json!({"to": 0})) };
    assert_eq!(read(bench.service.start(right)).await.1["run"], 2);
}

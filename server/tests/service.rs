//! A service from the outside: own typed actions, and every way a call can end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::{
    Body, Code, Fault, Payload,
    api::{Event, NoItem},
};
use tabagent_server::{
    Action, Asked, Call, Principal, Running, Service, ServiceLimits, Update,
    service::{Reverse, ReverseCaller},
};
use tokio::sync::oneshot;

/// Counts aloud: one item per number.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Tally {
    #[schemars(range(min = 1, max = 1000))]
    to: u32,
}

#[derive(Serialize, schemars::JsonSchema)]
#[serde(tag = "type", rename = "number")]
struct Number {
    n: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
struct TallyResponse {
    counted: u32,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Tock {
    n: u32,
}

impl Event for Tock {
    const NAME: &'static str = "tock";
}

impl Action for Tally {
    const NAME: &'static str = "tally";
    type Response = TallyResponse;
    type Item = Number;
}

async fn tally(call: Call, request: Tally) -> Result<TallyResponse, Fault> {
    let mut counted = 0;
    while counted < request.to {
        tokio::select! {
            biased;
            () = call.stopped() => break,
            sent = call.item(&Number { n: counted + 1 }) => sent?,
        }
        counted += 1;
    }
    Ok(TallyResponse { counted })
}

/// Does whatever the test's handler does.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Probe {}

impl Action for Probe {
    const NAME: &'static str = "probe";
    type Response = Value;
    type Item = NoItem;
}

fn ask(action: &str, fields: Value) -> Asked {
    Asked { session: Some(1), ..Asked::new(Principal::local(), action, fields) }
}

fn named(request_id: &str, action: &str, fields: Value) -> Asked {
    Asked { request_id: Some(request_id.into()), ..ask(action, fields) }
}

fn json_of(body: &Body) -> Value {
    serde_json::from_slice(&body.value).expect("json")
}

/// Reads to the end; answers the updates before it, and the end.
async fn finish(running: &mut Running) -> (Vec<Value>, Result<Value, Fault>) {
    let mut before = Vec::new();
    while let Some(update) = running.next().await {
        match update {
            Update::Item(body) | Update::Event(body) => before.push(json_of(&body)),
            Update::Done(outcome) => {
                assert!(running.next().await.is_none(), "Done is the last update");
                return (before, outcome.map(|body| json_of(&body)));
            }
        }
    }
    (before, Err(Fault::new(Code::INTERNAL, "no Done")))
}

async fn answer(service: &Service, asked: Asked) -> Result<Value, Fault> {
    finish(&mut service.start(asked)).await.1
}

fn code(outcome: Result<Value, Fault>) -> Code {
    outcome.expect_err("a fault").code
}

#[tokio::test]
async fn an_own_typed_action_streams_and_answers() {
    let service = Service::new().on(tally);
    let (items, end) = finish(&mut service.start(ask("tally", json!({"to": 3})))).await;
    let number = |n| json!({"type": "number", "n": n});
    assert_eq!(items, [number(1), number(2), number(3)]);
    assert_eq!(end, Ok(json!({"type": "tally_response", "counted": 3})));
    let stats = service.stats().snapshot();
    assert_eq!((stats.total_requests, stats.successful_requests, stats.failed_requests), (1, 1, 0));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_field() {
    let service = Service::new().on(tally);
    assert_eq!(code(answer(&service, ask("no_such", json!({}))).await), Code::UNKNOWN_ACTION);
    for fields in [json!({"to": 0}), json!({"to": "three"}), json!({})] {
        let fault = answer(&service, ask("tally", fields)).await.expect_err("refused");
        assert_eq!((fault.code, &fault.details[..]), (Code::VALIDATION_FAILED, &br#"{"field":"to"}"#[..]));
    }
    assert_eq!(service.stats().snapshot().failed_requests, 4);
    assert_eq!(service.calls_in_flight(), 0);
}

#[tokio::test]
async fn a_reader_that_stops_reading_stops_the_producer() {
    let produced = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&produced);
    let service = Service::new().on(move |call: Call, request: Tally| {
        let counter = Arc::clone(&counter);
        async move {
            for n in 1..=request.to {
                counter.store(n, Ordering::SeqCst);
                call.item(&Number { n }).await?;
            }
            Ok(TallyResponse { counted: request.to })
        }
    });
    let mut running = service.start(ask("tally", json!({"to": 1000})));
    for n in 1..=3 {
        let Some(Update::Item(body)) = running.next().await else { unreachable!("an item") };
        assert_eq!(json_of(&body)["n"], n);
    }
    // However often the producer's task gets its turn, it cannot get past the one item that may lie unread.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(produced.load(Ordering::SeqCst), 5);
}

/// Tells when the handler that holds it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.take().map(|sender| sender.send(()));
    }
}

#[tokio::test]
async fn dropping_a_call_drops_its_handler_at_once() {
    let (sender, dropped) = oneshot::channel();
    let guard = std::sync::Mutex::new(Some(Dropped(Some(sender))));
    let produced = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&produced);
    let service = Service::new().on(move |call: Call, _: Tally| {
        let held = guard.lock().expect("unpoisoned").take();
        let counter = Arc::clone(&counter);
        async move {
            let _held = held;
            for n in 1.. {
                call.item(&Number { n }).await?;
                counter.fetch_add(1, Ordering::SeqCst);
            }
            Ok(TallyResponse { counted: 0 })
        }
    });
    let mut running = service.start(named("x", "tally", json!({"to": 1})));
    assert!(matches!(running.next().await, Some(Update::Item(_))));
    drop(running);
    assert_eq!(service.calls_in_flight(), 0);
    dropped.await.expect("the handler was dropped");
    let count = produced.load(Ordering::SeqCst);
    assert!(count <= 2, "{count} items were produced for one that was read");
    // Its name is free again.
    assert!(matches!(service.start(named("x", "tally", json!({"to": 1}))).next().await, Some(Update::Item(_))));
}

#[tokio::test]
async fn a_stopped_call_ends_early_with_what_it_has() {
    let service = Service::new().with_control().on(tally);
    let mut running = service.start(named("mine", "tally", json!({"to": 1000})));
    assert!(matches!(running.next().await, Some(Update::Item(_))));
    let stopped = answer(&service, ask("stop_generation", json!({"request_id": "mine"}))).await;
    assert_eq!(stopped, Ok(json!({"type": "stop_generation_response", "stopped_count": 1})));
    let (before, end) = finish(&mut running).await;
    let event = json!({"type": "event", "event": "generation_stopped", "request_id": "mine"});
    assert_eq!(before.last(), Some(&event));
    assert!(end.expect("an answer")["counted"].as_u64() < Some(1000));
    let again = answer(&service, ask("stop_generation", json!({"request_id": "mine"}))).await;
    assert_eq!(again.expect("an answer")["stopped_count"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_deaf_to_stopping_is_dropped_after_the_grace_time() {
    let service = Service::new().with_control().on(|_, _: Probe| std::future::pending());
    let mut running = service.start(named("deaf", "probe", json!({})));
    answer(&service, ask("stop_generation", json!({"request_id": "deaf"}))).await.expect("stopped");
    assert_eq!(code(finish(&mut running).await.1), Code::CANCELLED);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_call_even_if_nobody_reads() {
    let service = Service::new().on(tally);
    let asked = Asked { deadline: Some(Duration::from_millis(50)), ..ask("tally", json!({"to": 1000})) };
    let mut running = service.start(asked);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let (items, end) = finish(&mut running).await;
    assert_eq!(items.len(), 1);
    assert_eq!(code(end), Code::DEADLINE_EXCEEDED);
}

#[tokio::test]
async fn a_panic_is_one_callers_internal_error() {
    let service = Service::new().on(tally).on(|_, request: Probe| async move {
        // An unwinding like any panic's, but without its report in the test's output.
        if matches!(request, Probe {}) { std::panic::resume_unwind(Box::new("a bug")) } else { Ok(json!({})) }
    });
    assert_eq!(code(answer(&service, ask("probe", json!({}))).await), Code::INTERNAL);
    assert!(answer(&service, ask("tally", json!({"to": 1}))).await.is_ok());
}

#[tokio::test]
async fn a_name_in_use_and_a_full_house_are_refused() {
    let limits = ServiceLimits { calls_per_principal: 2, ..ServiceLimits::default() };
    let service = Service::with_limits(limits).on(tally);
    let start = |name: &str| service.start(named(name, "tally", json!({"to": 5})));
    let (_first, mut twin) = (start("a"), start("a"));
    assert_eq!(code(finish(&mut twin).await.1), Code::INVALID_STATE);
    let (_second, mut third) = (start("b"), start("c"));
    assert_eq!(code(finish(&mut third).await.1), Code::LIMIT_REACHED);
    let other = Asked::new(Principal::new("key:other"), "tally", json!({"to": 1}));
    assert!(answer(&service, other).await.is_ok());
}

#[tokio::test]
async fn a_draining_service_refuses_new_calls_and_finishes_old_ones() {
    let service = Service::new().on(tally);
    let mut running = service.start(ask("tally", json!({"to": 2})));
    service.drain(Duration::from_secs(1));
    assert_eq!(code(answer(&service, ask("tally", json!({"to": 2}))).await), Code::DRAINING);
    assert!(finish(&mut running).await.1.is_ok());
}

#[tokio::test]
async fn bytes_travel_beside_the_request_and_the_response() {
    let service = Service::new().on(|call: Call, _: Probe| async move {
        let bytes = call.payload().map(|payload| payload.bytes.len());
        call.attach(Payload { content_type: None, bytes: vec![7; 3] });
        Ok(json!({ "got": bytes }))
    });
    let payload = Some(Payload { content_type: Some("text/plain".into()), bytes: vec![1, 2] });
    let mut running = service.start(Asked { payload, ..ask("probe", json!({})) });
    let Some(Update::Done(Ok(body))) = running.next().await else { unreachable!("an answer") };
    assert_eq!(json_of(&body)["got"], 2);
    assert_eq!(body.payload.expect("a payload").bytes, [7, 7, 7]);
}

#[tokio::test]
async fn a_handler_calls_its_caller_back() {
    let service = Service::new().on(|call: Call, _: Probe| async move {
        let answer = call.call_client(&Tally2 { to: 4 }).await?;
        Ok(json!({ "counted": answer.counted }))
    });
    assert_eq!(code(answer(&service, ask("probe", json!({}))).await), Code::NOT_SUPPORTED);

    let (reverse, mut calls) = ReverseCaller::channel(1);
    let mut running = service.start(Asked { reverse: Some(reverse.clone()), ..ask("probe", json!({})) });
    let Reverse { request, answer: respond } = calls.recv().await.expect("a call");
    assert_eq!((request.action.as_str(), &request.body.value[..]), ("tally2", &br#"{"to":4}"#[..]));
    respond.send(Ok(Body::json(&br#"{"type":"tally_response","counted":4}"#[..]))).expect("a waiting handler");
    assert_eq!(finish(&mut running).await.1, Ok(json!({"type": "probe_response", "counted": 4})));

    let mut running = service.start(Asked { reverse: Some(reverse), ..ask("probe", json!({})) });
    drop(calls.recv().await);
    assert_eq!(code(finish(&mut running).await.1), Code::OUTCOME_UNKNOWN);
}

/// An action that the client serves.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Tally2 {
    to: u32,
}

impl Action for Tally2 {
    const NAME: &'static str = "tally2";
    type Response = TallyResponse;
    type Item = NoItem;
}

#[tokio::test]
async fn subscribed_events_reach_their_session() {
    let service = Service::new().with_control();
    let fault = answer(&service, ask("subscribe", json!({"events": ["tick"]}))).await.expect_err("no queue");
    assert_eq!(fault.code, Code::INVALID_STATE);
    let mut events = service.events(1, &Principal::local());
    let subscribed = answer(&service, ask("subscribe", json!({"events": ["tick", "tock"]}))).await;
    assert_eq!(subscribed, Ok(json!({"type": "subscribe_response", "events": ["tick", "tock"]})));
    service.publish(&Tock { n: 1 }, &tabagent_server::To::everyone()).expect("an object");
    assert_eq!(json_of(&events.next().await)["event"], "tock");
    let left = answer(&service, ask("unsubscribe", json!({"events": ["tock"]}))).await;
    assert_eq!(left, Ok(json!({"type": "unsubscribe_response", "events": ["tick"]})));
}

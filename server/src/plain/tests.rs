//! A plain channel from its peer's side: envelopes, order, bounds, the end.

use super::*;
use crate::{
    backend::reference::ReferenceOptions,
    limits::ServerLimits,
    service::{Call, To},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tabagent_protocol::api::{Action, Event, NoItem};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The peer's end of an in-memory channel, and the task that serves the other.
struct Peer {
    requests: mpsc::Sender<Message>,
    answers: mpsc::Receiver<Message>,
    served: JoinHandle<()>,
}

impl Peer {
    fn open(service: &Arc<Service>, reliable: bool, limits: PlainLimits) -> Self {
        let (requests, receiver) = mpsc::channel(8);
        let (sender, answers) = mpsc::channel(8);
        let channel = Channel {
            label: "test".into(),
            protocol: String::new(),
            reliable,
            sender: ChannelSender { queue: sender, closing: CancellationToken::new() },
            made_here: false,
            receiver: ChannelReceiver { queue: receiver },
        };
        let owner = Owner { pace: Pace::new(&ServerLimits::default(), true), traffic: Box::new(|_| ()) };
        let served = tokio::spawn(serve(channel, Arc::clone(service), Principal::local(), limits, owner));
        Self { requests, answers, served }
    }

    fn new(service: &Arc<Service>) -> Self {
        Self::open(service, true, PlainLimits::default())
    }

    async fn send(&self, request: &Value) {
        self.send_text(&request.to_string()).await;
    }

    async fn send_text(&self, text: &str) {
        self.requests.send(Message::Text(text.to_owned().into())).await.expect("an open channel");
    }

    async fn receive(&mut self) -> Value {
        let Some(Message::Text(text)) = self.answers.recv().await else { unreachable!("text") };
        serde_json::from_slice(&text).expect("json")
    }
}

/// Repeats a text, or never answers, or streams for ever.
#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    #[serde(default)]
    text: String,
    #[serde(default)]
    times: usize,
}

impl Action for Echo {
    const NAME: &'static str = "echo";
    type Response = Value;
    type Item = NoItem;
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Drip {}

#[derive(Serialize, schemars::JsonSchema)]
struct Tick {
    n: u32,
}

impl Event for Tick {
    const NAME: &'static str = "tick";
}

impl Action for Drip {
    const NAME: &'static str = "drip";
    type Response = Value;
    type Item = Value;
}

fn service() -> Arc<Service> {
    let service = Service::new().with_control();
    let service = service
        .on(|_, request: Echo| async move { Ok(json!({"type": "echo_response", "text": request.text.repeat(request.times)})) });
    Arc::new(service.on(|call: Call, _: Drip| async move {
        for index in 0.. {
            let delta = json!({"type": "chat_delta", "delta": "x", "index": index});
            tokio::select! {
                biased;
                () = call.stopped() => break,
                sent = call.item(&delta) => sent?,
            }
        }
        Ok(json!({"type": "chat_response", "finish_reason": "cancelled"}))
    }))
}

fn echo(id: u32, text: &str, times: usize) -> Value {
    json!({"action": "echo", "id": id, "text": text, "times": times})
}

#[tokio::test]
async fn a_slow_stream_does_not_block_its_own_stop() {
    let mut peer = Peer::new(&service());
    peer.send(&json!({"action": "drip", "request_id": "slow"})).await;
    assert_eq!(peer.receive().await["request_id"], "slow");
    peer.send(&json!({"action": "stop_generation", "id": 2, "request_id": "slow"})).await;
    let (mut stopped, mut event, mut deltas) = (None, None, 1);
    let end = loop {
        let message = peer.receive().await;
        match message["type"].as_str() {
            Some("chat_delta") => {
                assert_eq!(message["index"], deltas);
                deltas += 1;
            }
            Some("stop_generation_response") => stopped = Some(message),
            Some("event") => event = Some(message),
            _ => break message,
        }
    };
    assert_eq!(end, json!({"type": "chat_response", "finish_reason": "cancelled", "request_id": "slow"}));
    assert_eq!(event.expect("an event")["event"], "generation_stopped");
    let stopped = match stopped {
        Some(stopped) => stopped,
        None => peer.receive().await,
    };
    assert_eq!((&stopped["stopped_count"], &stopped["id"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn malformed_input_gets_an_error_and_the_channel_goes_on() {
    let mut peer = Peer::new(&service());
    for text in ["{", "[]", "7", "", r#"{"id":1}"#] {
        peer.send_text(text).await;
        let error = peer.receive().await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("bad_request")), "{text}");
    }
    peer.send(&json!({"action": "nothing", "id": 3})).await;
    let error = peer.receive().await;
    assert_eq!((&error["code"], &error["status"], &error["id"]), (&json!("unknown_action"), &json!(404), &json!(3)));
    peer.requests.send(Message::Binary(echo(4, "a", 1).to_string().into())).await.expect("open");
    assert_eq!(peer.receive().await, json!({"type": "echo_response", "text": "a", "id": 4}));
}

#[tokio::test]
async fn a_long_answer_comes_in_parts_that_joined_are_the_answer() {
    let mut peer = Peer::new(&service());
    let (text, times) = ("\"quoted\\\u{1} grüße \u{1f600}\n", 20_000);
    peer.send(&echo(5, text, times)).await;
    let (mut joined, mut seq) = (String::new(), 0);
    loop {
        let Some(Message::Text(message)) = peer.answers.recv().await else { unreachable!("text") };
        assert!(message.len() <= 64 * 1024, "a part has {} bytes", message.len());
        let part: Value = serde_json::from_slice(&message).expect("json");
        assert_eq!((&part["type"], &part["seq"], &part["id"]), (&json!("part"), &json!(seq), &json!(5)));
        joined += part["text"].as_str().expect("text");
        seq += 1;
        if part["last"] == json!(true) {
            break;
        }
    }
    assert!(seq > 5);
    let answer: Value = serde_json::from_str(&joined).expect("json");
    assert_eq!(answer, json!({"type": "echo_response", "text": text.repeat(times), "id": 5}));
}

#[tokio::test]
async fn parts_of_two_answers_without_ids_are_not_mixed() {
    let mut peer = Peer::new(&service());
    for letter in ["a", "b"] {
        peer.send(&json!({"action": "echo", "text": letter, "times": 300_000})).await;
    }
    for _ in 0..2 {
        let mut joined = String::new();
        loop {
            let part = peer.receive().await;
            joined += part["text"].as_str().expect("text");
            if part["last"] == json!(true) {
                break;
            }
        }
        let answer: Value = serde_json::from_str(&joined).expect("an unmixed answer");
        assert_eq!(answer["text"].as_str().map(str::len), Some(300_000));
    }
}

#[tokio::test]
async fn every_limit_answers_with_its_name() {
    let limits = PlainLimits { request_bytes: 200, answer_bytes: 100_000, calls: 1, ..PlainLimits::default() };
    let mut peer = Peer::open(&service(), true, limits);
    peer.send_text(&"x".repeat(201)).await;
    assert_eq!(peer.receive().await["code"], "payload_too_large");
    peer.send(&echo(1, "x", 100_001)).await;
    let error = peer.receive().await;
    assert_eq!((&error["code"], &error["id"]), (&json!("response_too_large"), &json!(1)));
    peer.send(&json!({"action": "drip", "id": 2})).await;
    assert_eq!(peer.receive().await["id"], 2);
    peer.send(&echo(3, "x", 1)).await;
    let refusal = loop {
        let message = peer.receive().await;
        if message["id"] == 3 {
            break message;
        }
    };
    assert_eq!((&refusal["code"], &refusal["details"]), (&json!("limit_reached"), &json!({"limit": "calls"})));
}

#[tokio::test]
async fn a_lossy_channel_is_served_with_a_warning_first() {
    let mut peer = Peer::open(&service(), false, PlainLimits::default());
    let warning = peer.receive().await;
    assert_eq!((&warning["type"], &warning["event"]), (&json!("event"), &json!("warning")));
    peer.send(&echo(1, "a", 1)).await;
    assert_eq!(peer.receive().await["id"], 1);
}

/// Never answers, and tells when it is dropped.
#[derive(Deserialize, schemars::JsonSchema)]
struct Wait {}

impl Action for Wait {
    const NAME: &'static str = "wait";
    type Response = Value;
    type Item = NoItem;
}

#[tokio::test]
async fn closing_the_channel_cancels_its_calls() {
    let (started, has_started) = oneshot::channel::<()>();
    let (held, mut dropped) = mpsc::channel::<()>(1);
    let senders = std::sync::Mutex::new(Some((started, held)));
    let service = Arc::new(Service::new().on(move |_, _: Wait| {
        let senders = senders.lock().expect("unpoisoned").take();
        async move {
            let (started, _held) = senders.expect("one call");
            started.send(()).expect("a waiting test");
            std::future::pending().await
        }
    }));
    let peer = Peer::new(&service);
    peer.send(&json!({"action": "wait"})).await;
    has_started.await.expect("started");
    drop(peer.requests);
    assert!(dropped.recv().await.is_none(), "the handler's sender was dropped");
    peer.served.await.expect("served to the end");
    assert_eq!(service.calls_in_flight(), 0);
}

#[tokio::test]
async fn subscribed_events_come_unasked() {
    let service = service();
    let mut peer = Peer::new(&service);
    peer.send(&json!({"action": "subscribe", "events": ["tick"]})).await;
    assert_eq!(peer.receive().await, json!({"type": "subscribe_response", "events": ["tick"]}));
    service.publish(&Tick { n: 1 }, &To::everyone()).expect("an object");
    assert_eq!(peer.receive().await, json!({"type": "event", "event": "tick", "n": 1}));
}

#[tokio::test]
async fn a_peer_that_does_not_read_makes_its_stream_wait() {
    let service = service();
    let mut peer = Peer::new(&service);
    peer.send(&json!({"action": "drip", "id": 1})).await;
    assert_eq!(peer.receive().await["index"], 0);
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    // The channel's queue of 8, and no more than a few on the way to it.
    let sent = service.stats().snapshot().messages_sent;
    assert!(sent <= 10, "{sent} messages for a reader of one");
}

#[tokio::test]
async fn a_chat_streams_in_the_envelope_it_was_asked_in() {
    let options = ReferenceOptions { tokens_per_second: 0, ..ReferenceOptions::default() };
    let mut peer = Peer::new(&Arc::new(Service::reference_with(options)));
    let chat = json!({"model": "default", "messages": [{"role": "user", "content": "Count to 2"}], "stream": true});

    let mut flat = chat.clone();
    flat["action"] = "chat".into();
    flat["id"] = "a".into();
    peer.send(&flat).await;
    assert_eq!(peer.receive().await, json!({"type": "chat_delta", "delta": "1", "index": 0, "id": "a"}));
    assert_eq!(peer.receive().await, json!({"type": "chat_delta", "delta": " 2", "index": 1, "id": "a"}));
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    let response = json!({"type": "chat_response", "id": "a", "model": "tabagent/reference-chat", "response": "1 2",
        "usage": usage, "finish_reason": "stop"});
    assert_eq!(peer.receive().await, response);

    let mut typed = chat.clone();
    typed["request_type"] = "Chat".into();
    peer.send(&typed).await;
    assert_eq!(peer.receive().await["response_type"], "ChatDelta");
    assert_eq!(peer.receive().await["response_type"], "ChatDelta");
    let end = peer.receive().await;
    assert_eq!((&end["response_type"], &end["text"]), (&json!("ChatComplete"), &json!("1 2")));

    peer.send(&json!({"route": "chat", "request_id": "r", "payload": chat})).await;
    let delta = json!({"type": "chat_delta", "delta": "1", "index": 0});
    assert_eq!(peer.receive().await, json!({"request_id": "r", "event": "delta", "data": delta}));
    assert_eq!(peer.receive().await["data"]["delta"], " 2");
    let end = peer.receive().await;
    assert_eq!((&end["success"], &end["data"]["response"]), (&json!(true), &json!("1 2")));

    peer.send(&json!({"action": "get_system_info"})).await;
    assert_eq!(peer.receive().await["type"], "system_info_response");
}

#[test]
fn pieces_fill_their_room_and_join_to_the_whole() {
    let text = "a\"b\u{1}ü".repeat(100);
    let cut: Vec<_> = pieces(&text, 20).collect();
    assert_eq!(cut.concat(), text);
    assert!(cut.iter().all(|piece| serde_json::to_string(piece).is_ok_and(|json| json.len() <= 22)));
    assert_eq!(pieces("abc", 0).collect::<Vec<_>>(), ["a", "b", "c"]);
}

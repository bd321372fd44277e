//! The client in a real browser against a real server: `npm test -- --only wasm,wasm-typed`.
//!
//! The server listens on the port after the test page's, and knows the key of these tests.
#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot;
use tabagent_client::{
    Client, Negotiation, News, Options, Rung, Sink, State,
    protocol::{Body, Code, Event, Fault, Lane, Payload, Request},
};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// What the test command starts its server with.
const KEY: &str = "wasm-tests";
/// The first port above the ones that may be used: nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1";

fn server() -> String {
    let location = web_sys::window().unwrap().location();
    let port: u16 = location.port().unwrap().parse().unwrap();
    format!("http://127.0.0.1:{}", port + 1)
}

fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    web_sys::window().unwrap().crypto().unwrap().get_random_values_with_u8_array(&mut secret).unwrap();
    secret
}

/// Over all transports.
fn ladder() -> Options {
    Options { key: Some(KEY.to_owned()), ..Options::new(secret) }
}

/// Over one.
fn over(rung: Rung) -> Options {
    Options { transports: vec![rung], ..ladder() }
}

/// Over WebRTC.
fn options() -> Options {
    over(Rung::WebRtc)
}

async fn connect() -> Client {
    Client::connect(&server(), options()).await.unwrap()
}

/// The fault of an attempt that must fail.
async fn refused(server: &str, options: Options) -> Fault {
    match Client::connect(server, options).await {
        Ok(_) => panic!("connected"),
        Err(fault) => fault,
    }
}

fn ask(action: &str, fields: &str) -> Request {
    Request { action: action.to_owned(), body: Body::json(fields), ..Request::default() }
}

fn text(body: &Body) -> &str {
    core::str::from_utf8(&body.value).unwrap()
}

fn bye() -> Fault {
    Fault::new(Code::CANCELLED, "the test is over")
}

#[wasm_bindgen_test]
async fn a_channel_opens_and_actions_answer() {
    let client = connect().await;
    assert_eq!((client.state(), client.transport()), (State::Connected, Some(Rung::WebRtc)));
    assert!(!client.connection().is_empty(), "the server's id of the connection is known");

    let health = client.request(ask("health", "{}")).await.unwrap();
    assert!(text(&health).contains(r#""type":"health_response""#), "{}", text(&health));
    let info = client.request(ask("system_info", "{}")).await.unwrap();
    assert!(text(&info).contains("total_bytes"), "{}", text(&info));

    let [sent, .., received, waiting] = client.lane_counts(Lane::Interactive);
    assert!(sent >= 2 && received >= 2 && waiting == 0, "{sent} sent, {received} received, {waiting} waiting");
    client.close(bye());
    assert_eq!(client.state(), State::Closed);
}

#[wasm_bindgen_test]
async fn the_server_may_offer() {
    let client = Client::connect(&server(), Options { negotiation: Negotiation::ServerOffers, ..options() }).await.unwrap();
    assert!(client.request(ask("health", "{}")).await.is_ok());
}

#[wasm_bindgen_test]
async fn every_step_is_heard_in_order() {
    let (sender, over) = oneshot::channel();
    let sender = Cell::new(Some(sender));
    let steps = Rc::new(RefCell::new(Vec::new()));
    let heard = steps.clone();
    let listener = move |news| match news {
        News::Step { name, ms, .. } => heard.borrow_mut().push((name, ms)),
        News::Session(event) => {
            if let Some(sender) = sender.take() {
                sender.send(matches!(event, Event::Welcomed(_))).unwrap();
            }
        }
        News::Transport { to, reason } => assert_eq!((to, reason), (Some(Rung::WebRtc), "connected")),
        News::Failed { fault, .. } => panic!("{fault}"),
    };
    let client = Client::start(&server(), options(), Box::new(listener));
    assert_eq!(client.state(), State::Connecting);
    assert!(over.await.unwrap(), "welcomed");

    let steps = steps.borrow();
    let names: Vec<_> = steps.iter().map(|step| step.0).filter(|name| *name != "candidates").collect();
    assert_eq!(names, ["offer", "answer", "signaling", "ice", "dtls", "channel", "welcome"]);
    assert!(steps.windows(2).all(|pair| pair[0].1 <= pair[1].1), "time goes forward: {steps:?}");
}

#[wasm_bindgen_test]
async fn a_websocket_carries_everything_too() {
    let client = Client::connect(&server(), over(Rung::WebSocket)).await.unwrap();
    assert_eq!(client.transport(), Some(Rung::WebSocket));
    let (deltas, _) = read(&client, chat("Count to 30", true), usize::MAX).await;
    assert!(deltas.len() >= 30);
    let payload = Some(Payload { content_type: None, bytes: vec![7; 900 * 1024] });
    let large = Request { lane: Lane::Bulk, body: Body { value: b"{}".to_vec(), payload }, ..ask("health", "") };
    let (large, small) = (client.request(large), client.request(ask("health", "{}")));
    assert!(small.await.is_ok());
    assert!(large.await.is_ok(), "more than fits into the socket's buffer");
}

#[wasm_bindgen_test]
async fn the_session_begins_on_the_websocket_and_moves() {
    let (sender, moved) = oneshot::channel();
    let sender = Cell::new(Some(sender));
    let changes = RefCell::new(Vec::new());
    let listener = move |news| {
        if let News::Transport { to, reason } = news {
            changes.borrow_mut().push((to, reason));
            if changes.borrow().len() == 2
                && let Some(sender) = sender.take()
            {
                sender.send(changes.take()).unwrap();
            }
        }
    };
    let client = Client::start(&server(), ladder(), Box::new(listener));
    assert!(client.request(ask("health", "{}")).await.is_ok());
    let (deltas, answer) = read(&client, chat("Count to 60", true), usize::MAX).await;
    for (index, delta) in deltas.iter().enumerate() {
        assert!(delta.contains(&format!(r#""index":{index}"#)), "item {index} is {delta}");
    }
    assert!(matches!(answer, Some(Event::Response { .. })), "{answer:?}");
    assert_eq!(moved.await.unwrap(), [(Some(Rung::WebSocket), "connected"), (Some(Rung::WebRtc), "preferred")]);
}

#[wasm_bindgen_test]
async fn a_session_that_sleeps_wakes_where_it_was() {
    let client = connect().await;
    let call = client.request(chat("Count to 20", false));
    client.sleep();
    assert_eq!((client.state(), client.transport()), (State::Reconnecting, None));
    client.wake(false);
    assert!(text(&call.await.unwrap()).contains("20"));
    assert_eq!(client.state(), State::Connected);
}

#[wasm_bindgen_test]
async fn failures_keep_their_codes() {
    let client = connect().await;
    let unknown = client.request(ask("no_such_action", "{}")).await.unwrap_err();
    assert_eq!(unknown.code, Code::UNKNOWN_ACTION);
    let invalid = client.request(ask("chat", r#"{"model":"","messages":[]}"#)).await.unwrap_err();
    assert_eq!(invalid.code, Code::VALIDATION_FAILED);
    assert!(core::str::from_utf8(&invalid.details).unwrap().contains("field"), "the field is named");
    let late = client.request(Request { deadline_ms: Some(50), ..chat("Count to 5000", true) }).await.unwrap_err();
    assert_eq!(late.code, Code::DEADLINE_EXCEEDED);

    client.close(bye());
    let closed = client.request(ask("health", "{}")).await.unwrap_err();
    assert_eq!(closed.code, Code::INVALID_STATE);
}

#[wasm_bindgen_test]
async fn an_attempt_that_fails_says_why_and_where() {
    let stranger = refused(&server(), Options { key: Some("wrong".to_owned()), ..options() }).await;
    assert_eq!(stranger.code, Code::UNAUTHORIZED, "{stranger}");
    assert!(stranger.message.contains("`signaling`"), "{stranger}");
    let stranger = refused(&server(), Options { key: Some("wrong".to_owned()), ..over(Rung::WebSocket) }).await;
    assert_eq!(stranger.code, Code::UNAUTHORIZED, "{stranger}");

    for (options, step) in [(options(), "signaling"), (over(Rung::WebSocket), "channel"), (ladder(), "signaling")] {
        let nobody = refused(NOBODY, options).await;
        assert_eq!(nobody.code, Code::TRANSPORT_FAILED, "{nobody}");
        assert_eq!(nobody.details, format!(r#"{{"step":"{step}"}}"#).into_bytes());
    }

    for options in [options(), over(Rung::WebSocket), ladder()] {
        let nonsense = refused("http://[", options).await;
        assert_eq!(nonsense.code, Code::BAD_REQUEST, "{nonsense}");
    }

    let hurried = refused(&server(), Options { connect_timeout: 0, ..options() }).await;
    assert_eq!(hurried.code, Code::TRANSPORT_FAILED, "{hurried}");
    assert!(hurried.message.contains("not connected after 0 ms"), "{hurried}");
}

#[wasm_bindgen_test]
async fn a_stream_comes_in_order_and_waits_for_its_reader() {
    let client = connect().await;
    let (deltas, answer) = read(&client, chat("Count to 60", true), usize::MAX).await;
    assert!(deltas.len() >= 60, "{} items", deltas.len());
    for (index, delta) in deltas.iter().enumerate() {
        assert!(delta.contains(&format!(r#""index":{index}"#)), "item {index} is {delta}");
    }
    assert!(matches!(answer, Some(Event::Response { .. })), "{answer:?}");
}

#[wasm_bindgen_test]
async fn a_cancelled_call_is_heard_of_no_more() {
    let client = connect().await;
    let (deltas, answer) = read(&client, chat("Count to 5000", true), 5).await;
    assert_eq!(deltas.len(), 5);
    assert!(answer.is_none(), "{answer:?}");
    assert!(client.request(ask("health", "{}")).await.is_ok(), "the session goes on");
}

#[wasm_bindgen_test]
async fn the_bulk_lane_has_a_channel_of_its_own() {
    let client = connect().await;
    let payload = Some(Payload { content_type: None, bytes: vec![7; 300 * 1024] });
    let request = Request { lane: Lane::Bulk, body: Body { value: b"{}".to_vec(), payload }, ..ask("health", "") };
    let answer = client.request(request).await.unwrap();
    assert!(text(&answer).contains("health_response"));
    let [sent, .., received, _] = client.lane_counts(Lane::Bulk);
    assert!(sent > 300 / 16 && received >= 1, "{sent} sent, {received} received");
}

#[wasm_bindgen_test]
async fn what_a_call_streams_up_arrives_in_its_order() {
    let client = connect().await;
    let (sender, outcome) = oneshot::channel();
    let (sender, left) = (Cell::new(Some(sender)), Cell::new(40));
    let uploading = client.clone();
    let sink: Sink = Rc::new(move |event| match event {
        Event::Writable { call } => {
            // More than a call's window holds: it takes several turns.
            while left.get() > 0 {
                left.set(left.get() - 1);
                let payload = Some(Payload { content_type: None, bytes: vec![left.get(); 64 * 1024] });
                if !uploading.item(call, &Body { value: b"{}".to_vec(), payload }).unwrap() {
                    return;
                }
            }
            uploading.end_items(call);
        }
        Event::Response { body, .. } => sender.take().unwrap().send(body).unwrap(),
        other => panic!("{other:?}"),
    });
    let fields = r#"{"path":"uploaded","replace":true}"#;
    client.call(Request { lane: Lane::Bulk, streams: true, ..ask("write_file", fields) }, sink).unwrap();
    let written = outcome.await.unwrap();
    assert!(text(&written).contains(r#""bytes":2621440"#), "{}", text(&written));
    let (first, last) = (r#"{"path":"uploaded","length":1}"#, r#"{"path":"uploaded","offset":2621439}"#);
    for (fields, byte) in [(first, 39), (last, 0)] {
        let (sender, item) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let sink: Sink = Rc::new(move |event| {
            if let Event::Item { body, .. } = event {
                sender.take().unwrap().send(body.payload.unwrap()).unwrap();
            }
        });
        client.call(Request { lane: Lane::Bulk, ..ask("read_file", fields) }, sink).unwrap();
        assert_eq!(item.await.unwrap().bytes, [byte]);
    }
}

#[wasm_bindgen_test]
async fn a_ping_comes_back() {
    let (sender, back) = oneshot::channel();
    let sender = Cell::new(Some(sender));
    let listener = move |news| {
        if let News::Session(Event::Pong { token }) = news
            && let Some(sender) = sender.take()
        {
            sender.send(token).unwrap();
        }
    };
    let client = Client::start(&server(), options(), Box::new(listener));
    client.request(ask("health", "{}")).await.unwrap();
    client.ping(42);
    assert_eq!(back.await.unwrap(), 42);
}

#[wasm_bindgen_test]
async fn a_call_in_flight_when_the_session_ends_may_have_been_carried_out() {
    let client = connect().await;
    let (sender, ended) = oneshot::channel();
    let sender = Cell::new(Some(sender));
    let closer = client.clone();
    let sink: Sink = Rc::new(move |event| match event {
        Event::Failed { fault, .. } => {
            if let Some(sender) = sender.take() {
                sender.send(fault).unwrap();
            }
        }
        _ => closer.close(bye()),
    });
    client.call(chat("Count to 5000", true), sink).unwrap();
    assert_eq!(ended.await.unwrap().code, Code::OUTCOME_UNKNOWN);
}

#[cfg(feature = "typed")]
#[wasm_bindgen_test]
async fn serde_types_in_and_out() {
    use tabagent_client::protocol::api::{Chat, ChatMessage, Health, HealthStatus, ListModels, MessageRole, SystemInfo};

    let client = connect().await;
    let health = client.request_typed(&Health {}).await.unwrap();
    assert_eq!(health.status, HealthStatus::Healthy);
    let info = client.request_typed(&SystemInfo {}).await.unwrap();
    assert!(info.system.memory.total_bytes > 0);
    let models = client.request_typed(&ListModels::default()).await.unwrap();
    assert!(!models.models.is_empty());

    let messages = vec![ChatMessage { role: MessageRole::User, content: "Count to 3".to_owned(), name: None }];
    let chat = Chat { model: "default".to_owned(), messages, ..Chat::default() };
    let answer = client.request_typed(&chat).await.unwrap();
    assert!(answer.response.contains('3'), "{}", answer.response);

    let empty = client.request_typed(&Chat::default()).await.unwrap_err();
    assert_eq!(empty.code, Code::VALIDATION_FAILED);
}

fn chat(content: &str, stream: bool) -> Request {
    let fields = format!(r#"{{"model":"default","stream":{stream},"messages":[{{"role":"user","content":"{content}"}}]}}"#);
    ask("chat", &fields)
}

/// Reads a streamed call to its end, or cancels it after `most` items.
async fn read(client: &Client, request: Request, most: usize) -> (Vec<String>, Option<Event>) {
    let (sender, over) = oneshot::channel();
    let sender = Cell::new(Some(sender));
    let items = Rc::new(RefCell::new(Vec::new()));
    let (taken, reader) = (items.clone(), client.clone());
    let sink: Sink = Rc::new(move |event| {
        let end = match event {
            Event::Item { call, body, cost } => {
                taken.borrow_mut().push(text(&body).to_owned());
                reader.consumed(call, cost);
                if taken.borrow().len() < most {
                    return;
                }
                reader.cancel(call);
                None
            }
            end => Some(end),
        };
        if let Some(sender) = sender.take() {
            sender.send(end).unwrap();
        }
    });
    client.call(request, sink).unwrap();
    let end = over.await.unwrap();
    (items.take(), end)
}

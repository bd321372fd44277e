//! The test kit: sessions without a socket, and what befalls them. The clock stands still, so nobody waits.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tabagent_server::{
    Action, ActionInfo, Call, Code, Event, Fault, NoItem, ServerLimits, Service, To,
    testing::{
        Body, Client, ClientOptions, Faults, Lane, Memory, News, Noise, Reply, Request, Transport, channel,
        ledger::{Chain, Consume, Executed, Produce},
    },
    transport::Message,
};
use tokio::{runtime::Builder, time::sleep};

/// Asks its caller back.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Greet {
    #[schemars(length(min = 1))]
    greeting: String,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Greeted {
    text: String,
}

impl Action for Greet {
    const NAME: &'static str = "greet";
    type Response = Greeted;
    type Item = NoItem;
}

/// What the caller is asked.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct WhoAreYou {}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct IAm {
    name: String,
}

impl Action for WhoAreYou {
    const NAME: &'static str = "who_are_you";
    const INFO: ActionInfo = ActionInfo::own(Self::NAME);
    type Response = IAm;
    type Item = NoItem;
}

/// What everybody hears.
#[derive(Serialize, schemars::JsonSchema)]
struct Arrived {
    name: String,
}

impl Event for Arrived {
    const NAME: &'static str = "arrived";
}

fn service() -> Service {
    let greet = |call: Call, greet: Greet| async move {
        let name = call.call_client(&WhoAreYou {}).await?.name;
        call.publish(&Arrived { name: name.clone() }, &To::everyone())?;
        Ok(Greeted { text: format!("{}, {name}!", greet.greeting) })
    };
    Service::new().with_control().on(greet)
}

#[tokio::test(start_paused = true)]
async fn actions_events_and_client_actions_of_ones_own() {
    let server = Memory::serve(service());
    let client = server.connect().await.expect("a session");
    let hello = || Greet { greeting: "Hello".into() };
    assert_eq!(client.request(&hello()).await.err().expect("nobody answers").code, Code::UNKNOWN_ACTION);
    client.serve(|_: WhoAreYou| async { Ok(IAm { name: "Ada".into() }) }).await;
    client.ask("subscribe", &json!({"events": ["arrived"]})).await.expect("subscribed");
    client.faults().cut();
    assert_eq!(client.request(&hello()).await.expect("an answer").text, "Hello, Ada!");
    assert_eq!(client.event().await.expect("an event")["name"], "Ada");

    let refused = client.request(&Greet { greeting: String::new() }).await.err().expect("the schema says no");
    assert_eq!((refused.code, &refused.details[..]), (Code::VALIDATION_FAILED, &br#"{"field":"greeting"}"#[..]));
    assert!(server.server().service().calls_in_flight() == 0);
    assert_eq!(client.close().await.expect("an end").code, Code::CANCELLED);
}

fn produce(name: &str, items: u64, bytes: usize) -> Produce {
    Produce { name: name.to_owned(), items, bytes, per_second: 0 }
}

/// Reads a stream to its end and holds it against the producer's ledger.
async fn read(client: &Client, ask: &Produce) -> Result<u64, Fault> {
    let mut stream = client.stream(ask).await?;
    let mut chain = Chain::default();
    while let Some(entry) = stream.item().await? {
        chain.check(entry);
    }
    assert_eq!(stream.response().await?["chain"], chain.value(), "the whole stream");
    Ok(chain.items())
}

#[tokio::test(start_paused = true)]
async fn what_nobody_reads_is_not_sent_and_what_is_dropped_is_cancelled() {
    let executed = Executed::default();
    let server = Memory::serve(executed.kept_by(Service::new()));
    let client = server.connect().await.expect("a session");
    let mut stream = client.stream(&produce("unread", 1_000_000, 1_000)).await.expect("a call");
    assert_eq!(stream.item().await.expect("an item").map(|entry| entry.seq), Some(1));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(server.server().service().calls_in_flight(), 1, "it waits for its reader");
    drop(stream);
    while server.server().service().calls_in_flight() > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(read(&client, &produce("read", 100, 10)).await, Ok(100));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_path_is_noticed_and_replaced_and_a_short_freeze_is_not() {
    let executed = Executed::default();
    let server = Memory::serve(executed.kept_by(Service::new()));
    for (frozen_for, lost) in [(Duration::from_secs(3), false), (Duration::from_secs(40), true)] {
        let client = server.connect().await.expect("a session");
        let ask = produce(&format!("frozen {lost}"), 2_000, 100);
        let reading = read(&client, &ask);
        let freezing = async {
            sleep(Duration::from_millis(1)).await;
            client.faults().freeze();
            sleep(frozen_for).await;
            client.faults().thaw();
        };
        client.faults().set(Noise { delay: Duration::from_millis(5), ..Noise::default() });
        assert_eq!(tokio::join!(reading, freezing).0, Ok(2_000));
        let mut news = Vec::new();
        while let Some(each) = client.try_news() {
            news.push(each);
        }
        assert_eq!(news.contains(&News::Disconnected), lost, "{news:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_is_followed_by_the_next_one() {
    let executed = Executed::default();
    let first = Memory::serve(executed.kept_by(Service::new()));
    let client = Client::new(ClientOptions { reconnect: false, ..ClientOptions::default() });
    let attach = async |server: &Memory| {
        let transport = server.transport(&tabagent_server::Principal::local(), client.faults());
        client.attach(transport).await.expect("a session that goes on");
    };
    attach(&first).await;
    let mut stream = client.stream(&produce("slowly", 3_000, 300)).await.expect("a call");
    let entry = stream.item().await.expect("an item");
    let mut chain = Chain::default();
    chain.check(entry.expect("the first"));
    let server = first.server().clone();
    let ending = tokio::spawn(async move {
        server.drain().await;
        server.close().await;
    });
    while !matches!(client.news().await.expect("more news"), News::GoAway(_)) {}
    let held = client.call(Request {
        action: "produce".into(),
        body: Body::json(r#"{"name":"held","items":3,"bytes":1}"#),
        ..Request::default()
    });
    let mut held = held.await.expect("a call");
    client.faults().cut();
    attach(&first).await;
    while let Some(entry) = stream.item().await.expect("an item") {
        chain.check(entry);
    }
    assert_eq!(chain.items(), 3_000);
    ending.await.expect("an end");
    while !matches!(client.news().await.expect("more news"), News::Expired(_)) {}
    assert_eq!(executed.times("held"), 0, "it has not left");
    client.restart().await;
    attach(&Memory::serve(executed.kept_by(Service::new()))).await;
    held.answer().await.expect("the next server answers");
    assert_eq!((executed.times("slowly"), executed.times("held")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn limits_are_those_of_any_server() {
    let limits = ServerLimits { connections_per_principal: 1, ..ServerLimits::default() };
    let server = Memory::serve_under(Service::new(), limits);
    let first = server.connect().await.expect("a session");
    let refused = server.connect().await.expect_err("a second one");
    assert_eq!((refused.code, refused.retry_after_ms.is_some()), (Code::LIMIT_REACHED, true));
    let other = ClientOptions { principal: tabagent_server::Principal::new("another"), ..ClientOptions::default() };
    server.connect_as(other).await.expect("somebody else's");
    first.close().await;
}

#[tokio::test(start_paused = true)]
async fn faults_go_around_any_channel() {
    let (beneath, mut far) = channel();
    let faults = Faults::new(7);
    faults.set(Noise { double: 1, ..Noise::default() });
    let mut above = faults.wrap(beneath);
    let text = |n: u8| Message::Text(vec![b'0' + n].into());
    for n in 0..3 {
        above.sender.send(text(n)).await;
        far.received.send(text(n)).await.expect("an open channel");
    }
    for n in [0, 1, 1, 2, 2] {
        assert_eq!(far.to_send.recv().await, Some(text(n)), "the first is spared");
        assert_eq!(above.receiver.receive().await, Some(text(n)));
    }
    faults.cut();
    assert_eq!((far.to_send.recv().await, above.receiver.receive().await), (None, None));
    drop(Transport::shared(above));
}

fn limits() -> ServerLimits {
    // A world breaks its transports more often than any network.
    ServerLimits { resumes_per_minute: usize::MAX, ..ServerLimits::default() }
}

/// What befalls the client of one world while there is something to be read.
async fn trouble(faults: &Faults, dice: &mut fastrand::Rng, breaks: &mut u32) {
    let dirty = dice.bool();
    let one_in = |dice: &mut fastrand::Rng| if dirty { dice.u32(30..300) } else { 0 };
    for _ in 0..dice.u32(5..30) {
        let delay = Duration::from_millis(dice.u64(1..60));
        faults.set(Noise { delay, lose: one_in(dice), double: one_in(dice), swap: one_in(dice) });
        sleep(Duration::from_millis(dice.u64(10..120))).await;
        match dice.u32(0..5) {
            0 => {
                faults.freeze();
                sleep(Duration::from_millis(dice.u64(0..25_000))).await;
                faults.thaw();
            }
            _ => faults.cut(),
        }
        *breaks += 1;
    }
    faults.set(Noise { delay: Duration::from_millis(1), ..Noise::default() });
    std::future::pending().await
}

/// One world: streams down and up in both lanes, and a path that breaks all the time.
async fn world(seed: u64) -> (u64, u32) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let executed = Executed::default();
    let server = Memory::serve_under(executed.kept_by(Service::new()), limits());
    let client = server.connect_as(ClientOptions { seed, ..ClientOptions::default() }).await.expect("a session");
    let mut work: Vec<std::pin::Pin<Box<dyn Future<Output = u64> + '_>>> = Vec::new();
    for n in 0..dice.u32(1..5) {
        let (name, items, bytes) = (format!("down {n}"), dice.u64(1..200), [10, 300, 3_000][dice.usize(0..3)]);
        let ask = Produce { name, items, bytes, per_second: 0 };
        let lane = Lane::ALL[dice.usize(0..2)];
        work.push(Box::pin(down(&client, lane, ask)));
    }
    for n in 0..dice.u32(0..4) {
        let (items, bytes) = (dice.u64(1..100), [10, 300, 3_000][dice.usize(0..3)]);
        work.push(Box::pin(up(&client, format!("up {n}"), items, bytes)));
    }
    let calls = work.len();
    let (faults, mut breaks) = (client.faults().clone(), 0);
    let moved = tokio::select! {
        moved = futures_util::future::join_all(work) => moved,
        () = trouble(&faults, &mut dice, &mut breaks) => unreachable!("it never ends by itself"),
    };
    let once = (0..calls).all(|n| executed.times(&format!("down {n}")) <= 1 && executed.times(&format!("up {n}")) <= 1);
    assert!(once, "each is carried out once");
    client.close().await;
    (moved.into_iter().sum(), breaks)
}

async fn down(client: &Client, lane: Lane, ask: Produce) -> u64 {
    let request = Request { action: Produce::NAME.into(), lane, body: Body::json(json!(ask).to_string()), ..Request::default() };
    let mut calling = client.call(request).await.expect("a call");
    let mut chain = Chain::default();
    loop {
        match calling.next().await.expect("an end") {
            Reply::Item(body) => chain.check(serde_json::from_slice(&body.value).expect("an entry")),
            Reply::News(_) => {}
            Reply::Done(answer) => {
                let answer: serde_json::Value = serde_json::from_slice(&answer.expect("an answer").value).expect("JSON");
                assert_eq!((chain.items(), &answer["chain"]), (ask.items, &json!(chain.value())), "{}", ask.name);
                return chain.items();
            }
        }
    }
}

async fn up(client: &Client, name: String, items: u64, bytes: usize) -> u64 {
    let stream = client.upload(&Consume { name }).await.expect("a call");
    let mut chain = Chain::default();
    for _ in 0..items {
        stream.send(&chain.next(bytes)).await.expect("a session that goes on");
    }
    stream.finish().await;
    let answer = stream.response().await.expect("an answer");
    assert_eq!((&answer["chain"], &answer["items"]), (&json!(chain.value()), &json!(items)));
    items
}

/// `FIRST=7 SEEDS=10000` for more worlds, `FIRST=17 SEEDS=1` for one of them.
#[test]
fn whatever_befalls_its_transports_a_session_moves_everything_once_and_in_order() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, seeds): (u64, u64) = (number("FIRST").unwrap_or(0), number("SEEDS").unwrap_or(200));
    let (mut items, mut breaks) = (0, 0);
    for seed in first..first + seeds {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let bounded = async { tokio::time::timeout(Duration::from_secs(3_600), world(seed)).await };
        let moved = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(bounded)));
        let moved = moved.unwrap_or_else(|_| panic!("in the world of seed {seed}"));
        let moved = moved.unwrap_or_else(|_| panic!("the world of seed {seed} never ends"));
        items += moved.0;
        breaks += moved.1;
    }
    println!("{seeds} seeds from {first}: {items} items over {breaks} breaks");
}

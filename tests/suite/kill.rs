//! A server is killed in the middle of its work, again and again: what it acknowledged is there afterwards, and nothing twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use reqwest::Client;
use serde_json::{Value, json};
use tabagent_tests::Program;
use tokio::{sync::Notify, task::JoinSet};

/// Messages in one life of the server.
const MESSAGES: u32 = 2_000;
/// Of these in flight.
const IN_FLIGHT: u32 = 64;
/// Lives, each ended by a kill.
const LIVES: u32 = 5;
const CONVERSATION: &str = "the-killed";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_message_is_there_after_kill_9_and_none_twice() {
    let seed = seed();
    println!("seed {seed} (SEED={seed} repeats it)");
    let data = tempfile::tempdir().expect("a folder");
    let mut acknowledged = BTreeSet::new();
    let mut sent = 0;
    for life in 0..LIVES {
        let server = Program::start(data.path()).expect("a server");
        // Somewhere between a quarter and three quarters of the way.
        let kill_after = MESSAGES / 4 + mixed(seed, life) % (MESSAGES / 2);
        let begin = Instant::now();
        let heard = one_life(server, life, kill_after).await;
        println!("life {life}: killed after {kill_after} answers, {} in all, {:?}", heard.len(), begin.elapsed());
        assert!(heard.len() < MESSAGES as usize, "it was killed in the middle");
        acknowledged.extend(heard);
        sent += MESSAGES;
    }

    let server = Program::start(data.path()).expect("a server");
    let (kept, total) = everything(&server.url).await;
    let twice: Vec<_> = kept.iter().filter(|(_, times)| **times > 1).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|content| !kept.contains_key(*content)).collect();
    println!(
        "{sent} sent, {} acknowledged, {} kept ({} of them unacknowledged), {} lost, {} twice",
        acknowledged.len(),
        kept.len(),
        kept.keys().filter(|content| !acknowledged.contains(*content)).count(),
        lost.len(),
        twice.len(),
    );
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(twice.is_empty(), "kept twice: {twice:?}");
    assert_eq!(kept.len() as u64, total);
    save(&Client::new(), &server.url, "and it goes on").await.expect("saved");
}

/// Saves all messages with many in flight and kills the server after some answers. Answers with what was acknowledged.
async fn one_life(mut server: Program, life: u32, kill_after: u32) -> BTreeSet<String> {
    let (answers, enough, next) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let mut callers = JoinSet::new();
    let client = Client::new();
    for _ in 0..IN_FLIGHT {
        let (client, url) = (client.clone(), server.url.clone());
        let (answers, enough, next) = (Arc::clone(&answers), Arc::clone(&enough), Arc::clone(&next));
        callers.spawn(async move {
            let mut heard = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= MESSAGES {
                    return heard;
                }
                let content = format!("message {n} of life {life}");
                if save(&client, &url, &content).await.is_some() {
                    heard.push(content);
                    if answers.fetch_add(1, Ordering::Relaxed) + 1 == kill_after {
                        enough.notify_one();
                    }
                }
            }
        });
    }
    enough.notified().await;
    server.kill().expect("killed");
    callers.join_all().await.into_iter().flatten().collect()
}

/// The message's id, once the server has acknowledged it.
async fn save(client: &Client, url: &str, content: &str) -> Option<Value> {
    let body = json!({"message": {"role": "user", "content": content}});
    let reply = client.post(format!("{url}/v1/sessions/{CONVERSATION}/messages")).json(&body).send().await.ok()?;
    assert_eq!(reply.status(), 200, "{content}");
    let answer: Value = reply.json().await.ok()?;
    Some(answer["message_id"].clone())
}

/// How often each content is kept, and how many messages the server counts.
async fn everything(url: &str) -> (BTreeMap<String, u32>, u64) {
    let client = Client::new();
    let (mut kept, mut before) = (BTreeMap::new(), None::<String>);
    loop {
        let fields = json!({"action": "chat_history", "session_id": CONVERSATION, "limit": 1000, "before": before});
        let page = ask(&client, url, &fields).await;
        let messages = page["messages"].as_array().expect("a list");
        let Some(oldest) = messages.first() else {
            return (kept, page["total_count"].as_u64().expect("a count"));
        };
        before = oldest["id"].as_str().map(str::to_owned);
        for message in messages {
            *kept.entry(message["content"].as_str().expect("a text").to_owned()).or_default() += 1;
        }
    }
}

async fn ask(client: &Client, url: &str, fields: &Value) -> Value {
    let session = fields["session_id"].as_str().unwrap_or_default();
    let reply = client.get(format!("{url}/v1/sessions/{session}/history")).json(fields).send().await.expect("a reply");
    reply.json().await.expect("an answer")
}

fn seed() -> u32 {
    let given = env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| getrandom::u32().expect("a random number"))
}

/// Another number for each life.
fn mixed(seed: u32, life: u32) -> u32 {
    let mixed = (seed ^ life.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    mixed ^ (mixed >> 13)
}

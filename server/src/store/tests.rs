//! The store as its callers see it: on a disk and in memory, alone and with others, healthy and not.

use std::{fs, path::Path, time::Duration};

use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use super::*;

const LOCAL: &str = "local";

fn folder() -> TempDir {
    tempdir().expect("a folder")
}

fn open(folder: &Path) -> Store {
    Store::open(folder, StoreLimits::default()).expect("a store")
}

fn message(conversation: &str, content: &str) -> NewMessage {
    NewMessage {
        principal: LOCAL.to_owned(),
        conversation: conversation.to_owned(),
        role: "user".to_owned(),
        content: content.to_owned(),
        ..NewMessage::default()
    }
}

fn ask(principal: &str, conversation: &str) -> Ask {
    Ask { principal: principal.to_owned(), conversation: conversation.to_owned(), before: None, count: 1000 }
}

fn search(text: &str) -> Search {
    Search { principal: LOCAL.to_owned(), text: text.to_owned(), count: 10, ..Search::default() }
}

async fn contents(store: &Store, ask: Ask) -> Vec<String> {
    store.history(ask).await.expect("a history").messages.into_iter().map(|message| message.content).collect()
}

async fn found(store: &Store, search: Search) -> Vec<String> {
    store.search(search).await.expect("an answer").into_iter().map(|hit| hit.message.content).collect()
}

#[tokio::test]
async fn a_conversation_is_read_as_it_went() {
    let disk = folder();
    for store in [open(disk.path()), Store::default()] {
        let named = NewMessage { role: "tool".into(), name: Some("clock".into()), ..message("a", "noon") };
        let first = store.save(message("a", "What time is it?")).await.expect("kept");
        let second = store.save(named).await.expect("kept");
        store.save(message("b", "Elsewhere")).await.expect("kept");
        assert!(first.id < second.id && first.created_at > 1_700_000_000_000);
        let history = store.history(ask(LOCAL, "a")).await.expect("a history");
        assert_eq!(history.total, 2);
        let [one, two] = &history.messages[..] else { panic!("{history:?}") };
        assert_eq!((one.id.as_str(), one.content.as_str(), one.role.as_str()), (first.id.as_str(), "What time is it?", "user"));
        assert_eq!((two.role.as_str(), two.name.as_deref(), two.conversation.as_str()), ("tool", Some("clock"), "a"));
        assert_eq!(two.created_at, second.created_at);
    }
}

#[tokio::test]
async fn the_newest_come_and_older_ones_on_request() {
    let store = Store::default();
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(store.save(message("a", &n.to_string())).await.expect("kept").id);
    }
    let ask = |count, before: Option<&String>| Ask { count, before: before.cloned(), ..ask(LOCAL, "a") };
    assert_eq!(contents(&store, ask(3, None)).await, ["7", "8", "9"]);
    assert_eq!(contents(&store, ask(3, Some(&ids[7]))).await, ["4", "5", "6"]);
    assert_eq!(contents(&store, ask(3, Some(&ids[1]))).await, ["0"]);
    assert_eq!(contents(&store, ask(3, Some(&"nobody".to_owned()))).await, [""; 0]);
    assert_eq!(store.history(ask(3, Some(&ids[1]))).await.expect("a history").total, 10);
}

#[tokio::test]
async fn what_belongs_to_somebody_else_looks_absent() {
    let store = Store::default();
    store.save(message("shared name", "mine, about trains")).await.expect("kept");
    let theirs = NewMessage { principal: "key:1".into(), ..message("shared name", "theirs, about trains") };
    store.save(theirs).await.expect("kept");
    assert_eq!(contents(&store, ask(LOCAL, "shared name")).await, ["mine, about trains"]);
    assert_eq!(contents(&store, ask("key:1", "shared name")).await, ["theirs, about trains"]);
    let absent = store.history(ask(LOCAL, "no such")).await;
    assert_eq!(store.history(ask("key:2", "shared name")).await, absent);
    assert_eq!(absent, Ok(History::default()));
    assert_eq!(found(&store, search("trains")).await, ["mine, about trains"]);
    assert_eq!(found(&store, Search { principal: "key:2".into(), ..search("trains") }).await, [""; 0]);
}

#[tokio::test]
async fn what_was_kept_is_there_after_the_program() {
    let disk = folder();
    let store = open(disk.path());
    store.save(message("a", "kept")).await.expect("kept");
    store.close();
    assert_eq!(store.save(message("a", "too late")).await, Err(StoreError::Closed));
    assert!(!disk.path().join("messages.db-wal").exists(), "one file");
    assert_eq!(contents(&open(disk.path()), ask(LOCAL, "a")).await, ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_share_a_folder() {
    let disk = folder();
    let stores = [open(disk.path()), open(disk.path())];
    let mut saves = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = stores[n % 2].clone();
        saves.spawn(async move { store.save(message("a", &format!("{n}"))).await });
    }
    while let Some(saved) = saves.join_next().await {
        saved.expect("no panic").expect("kept");
    }
    for store in &stores {
        assert_eq!(store.history(ask(LOCAL, "a")).await.expect("a history").total, 200);
    }
}

#[test]
fn many_may_make_one_folder_at_once() {
    let disk = folder();
    let path = disk.path().join("new").join("deep");
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(&path, StoreLimits::default()).map(drop))).collect();
        for opened in opened {
            opened.join().expect("no panic").expect("opened");
        }
    });
}

#[cfg(unix)]
#[tokio::test]
async fn folder_and_files_are_their_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let disk = folder();
    let path = disk.path().join("data");
    let store = open(&path);
    store.save(message("a", "b")).await.expect("kept");
    store.set_hf_token(HfToken::new("hf_x".into())).await.expect("kept");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).expect("a folder") {
        let path = entry.expect("a file").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn what_version_1_wrote_is_read() {
    let disk = folder();
    let path = disk.path().join("messages.db");
    let first = Connection::open(&path).expect("a database");
    first.execute_batch(migrations::STEPS[0]).expect("version 1");
    first.execute_batch(include_str!("migrations/1.data.sql")).expect("its data");
    first.pragma_update(None, "user_version", 1).expect("its version");
    drop(first);
    let store = open(disk.path());
    let history = store.history(ask(LOCAL, "trip")).await.expect("a history");
    assert_eq!((history.total, history.messages[1].name.as_deref()), (2, Some("guide")));
    let vector = Some(Embedding { model: "test-2".into(), vector: vec![0.0, 1.0] });
    assert_eq!(found(&store, Search { vector, ..search("platform") }).await, ["From platform nine."]);
    assert_eq!(found(&store, search("train")).await, ["Where does the night train to Lisbon leave?"]);
    store.save(message("trip", "Thanks")).await.expect("kept");
    assert_eq!(store.history(ask(LOCAL, "trip")).await.expect("a history").total, 3);
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let refused = |path: &Path| Store::open(path, StoreLimits::default()).expect_err("refused").to_string();
    let disk = folder();
    let file = disk.path().join("a file");
    fs::write(&file, "").expect("a file");
    assert!(refused(&file.join("data")).contains("choose one that this user may write to"));

    let other = disk.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("messages.db"), "this is a text and no database ".repeat(100)).expect("a file");
    let damaged = refused(&other);
    assert!(damaged.contains("messages.db") && damaged.contains("move it away"), "{damaged}");

    let newer = disk.path().join("newer");
    open(&newer).close();
    let database = Connection::open(newer.join("messages.db")).expect("a database");
    database.pragma_update(None, "user_version", 99).expect("a version");
    let told = refused(&newer);
    assert!(told.contains("version 99") && told.contains("newer program"), "{told}");
}

#[tokio::test]
async fn a_database_that_breaks_fails_by_name() {
    let disk = folder();
    let store = open(disk.path());
    store.save(message("a", "kept")).await.expect("kept");
    store.close();
    let path = disk.path().join("messages.db");
    let mut bytes = fs::read(&path).expect("a file");
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).expect("damaged");
    // What is damaged may be seen when it is opened or later, but nobody is told that all is well.
    let outcome = match Store::open(disk.path(), StoreLimits::default()) {
        Ok(store) => store.save(message("a", "lost")).await.map(drop).expect_err("refused").to_string(),
        Err(error) => error.to_string(),
    };
    assert!(outcome.contains("damaged"), "{outcome}");
}

#[tokio::test]
async fn limits_refuse_and_keep_what_is_there() {
    let disk = folder();
    let limits = StoreLimits { message_bytes: 10_000, database_bytes: 400_000, ..StoreLimits::default() };
    let store = Store::open(disk.path(), limits).expect("a store");
    let refused = store.save(message("a", &"x".repeat(10_001))).await;
    assert_eq!(refused, Err(StoreError::TooLarge { bytes: 10_001, limit: 10_000 }));
    let mut kept = 0;
    let full = loop {
        match store.save(message("a", &"word ".repeat(2000))).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1000, "there is a limit");
    };
    assert_eq!(full, StoreError::LimitReached);
    assert!(kept > 5);
    assert_eq!(store.history(ask(LOCAL, "a")).await.expect("a history").total, kept);
}

#[tokio::test]
async fn one_answer_has_no_more_text_than_its_limit() {
    let store = Store::in_memory(StoreLimits { answer_bytes: 10, ..StoreLimits::default() });
    for content in ["one two three four", "five six", "7"] {
        store.save(message("a", content)).await.expect("kept");
    }
    assert_eq!(contents(&store, ask(LOCAL, "a")).await, ["five six", "7"]);
    let one = Ask { count: 1, ..ask(LOCAL, "a") };
    assert_eq!(contents(&store, one).await, ["7"]);
    assert_eq!(found(&store, search("three five")).await.len(), 1);
}

#[tokio::test]
async fn a_save_that_fails_does_not_take_others_with_it() {
    let disk = folder();
    let store = open(disk.path());
    let other = Connection::open(disk.path().join("messages.db")).expect("the same");
    other
        .execute_batch(
            "CREATE TRIGGER t BEFORE INSERT ON messages WHEN new.content = 'bad' BEGIN SELECT RAISE(ABORT, 'bad'); END;",
        )
        .expect("a trap");
    let save = |content: &str| store.save(message("a", content));
    let (one, bad, two) = tokio::join!(save("one"), save("bad"), save("two"));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert!(matches!(bad, Err(StoreError::Failed(_))), "{bad:?}");
    assert_eq!(contents(&store, ask(LOCAL, "a")).await, ["one", "two"]);
}

#[tokio::test]
async fn another_program_that_holds_the_database_is_waited_for_and_then_named() {
    let disk = folder();
    let limits = StoreLimits { patience: Duration::from_millis(50), ..StoreLimits::default() };
    let store = Store::open(disk.path(), limits).expect("a store");
    let other = Connection::open(disk.path().join("messages.db")).expect("the same");
    other.execute_batch("BEGIN IMMEDIATE").expect("held");
    assert_eq!(store.save(message("a", "b")).await, Err(StoreError::Busy));
    other.execute_batch("ROLLBACK").expect("let go");
    store.save(message("a", "b")).await.expect("kept");
}

#[tokio::test]
async fn words_are_found_whatever_signs_are_around_them() {
    let store = Store::default();
    for content in ["The cat's café — \"quoted\" (OR not)", "A dog, NEAR the river; 100% sure", "Ein Übermut"] {
        store.save(message("a", content)).await.expect("kept");
    }
    assert_eq!(found(&store, search("CAFE")).await, ["The cat's café — \"quoted\" (OR not)"]);
    assert_eq!(found(&store, search("ubermut")).await, ["Ein Übermut"]);
    assert_eq!(found(&store, search("dog cat")).await.len(), 2);
    let hostile = [
        "\"",
        "\"\"",
        "'",
        "*",
        "^cat",
        "cat*",
        "NEAR(cat dog)",
        "cat AND",
        "OR",
        "NOT",
        "content:cat",
        "{content} : cat",
        "(",
        "-cat",
        "cat\0dog",
        "+",
        "cat\"dog",
        "\u{301}",
        "; DROP TABLE messages; --",
        "%s%n",
        "🐈",
        "",
    ];
    for text in hostile {
        store.search(search(text)).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    }
    store.search(search(&hostile.join(" ").repeat(500))).await.expect("an answer");
    assert_eq!(found(&store, search("content:cat")).await, [""; 0]);
    assert_eq!(found(&store, search("\"CAT\"")).await, ["The cat's café — \"quoted\" (OR not)"]);
}

#[tokio::test]
async fn words_and_vectors_give_one_score() {
    let store = Store::default();
    let rows = [("both red", [1.0, 0.0]), ("red alone", [0.0, 1.0]), ("near alone", [0.9, 0.1]), ("neither", [-1.0, 0.0])];
    for (content, vector) in rows {
        let embedding = Some(Embedding { model: "m".into(), vector: vector.to_vec() });
        store.save(NewMessage { embedding, ..message("a", content) }).await.expect("kept");
    }
    for n in 0..20 {
        store.save(message("a", &format!("filler {n}"))).await.expect("kept");
    }
    let other = Some(Embedding { model: "another".into(), vector: vec![1.0, 0.0] });
    store.save(NewMessage { embedding: other, ..message("a", "of another model") }).await.expect("kept");
    let vector = Some(Embedding { model: "m".into(), vector: vec![2.0, 0.0] });
    let hits = store.search(Search { vector, ..search("red") }).await.expect("an answer");
    let found: Vec<_> = hits.iter().map(|hit| hit.message.content.as_str()).collect();
    assert_eq!(found, ["both red", "red alone", "near alone"]);
    assert!((hits[0].score - 1.0).abs() < 1e-5 && hits.iter().all(|hit| hit.score > 0.0 && hit.score <= 1.0), "{hits:?}");
    let words: Vec<_> = store.search(search("red")).await.expect("an answer").into_iter().map(|hit| hit.score).collect();
    assert_eq!(words, [1.0, 1.0]);
    let vector = Some(Embedding { model: "m".into(), vector: vec![0.0, 3.0] });
    let alike = store.search(Search { vector, ..search("") }).await.expect("an answer");
    assert_eq!((alike[0].message.content.as_str(), alike[0].score), ("red alone", 1.0));
}

#[tokio::test]
async fn a_word_that_all_messages_have_does_not_outweigh_their_vectors() {
    let store = Store::default();
    for (content, vector) in [("the one", [0.0, 1.0]), ("the other", [0.2, 1.0]), ("nothing of it", [1.0, 0.5])] {
        let embedding = Some(Embedding { model: "m".into(), vector: vector.to_vec() });
        store.save(NewMessage { embedding, ..message("a", content) }).await.expect("kept");
    }
    let vector = Some(Embedding { model: "m".into(), vector: vec![1.0, 0.0] });
    assert_eq!(found(&store, Search { vector, ..search("the weather") }).await[0], "nothing of it");
}

#[tokio::test]
async fn filters_and_counts_narrow_a_search() {
    let store = Store::default();
    for conversation in ["a", "b"] {
        for role in ["user", "assistant"] {
            let content = format!("apple {conversation} {role}");
            store.save(NewMessage { role: role.into(), ..message(conversation, &content) }).await.expect("kept");
        }
    }
    let with = |conversation: Option<&str>, role: Option<&str>| Search {
        filters: Filters { conversation: conversation.map(str::to_owned), role: role.map(str::to_owned) },
        vector: Some(Embedding { model: "m".into(), vector: vec![1.0] }),
        ..search("apple")
    };
    assert_eq!(found(&store, with(Some("a"), Some("user"))).await, ["apple a user"]);
    assert_eq!(found(&store, with(None, Some("assistant"))).await, ["apple b assistant", "apple a assistant"]);
    assert_eq!(found(&store, with(Some("b"), None)).await.len(), 2);
    assert_eq!(found(&store, with(Some("c"), None)).await.len(), 0);
    assert_eq!(found(&store, Search { count: 3, ..with(None, None) }).await.len(), 3);
}

#[tokio::test]
async fn a_search_looks_at_the_newest_messages_of_its_place() {
    let store = Store::in_memory(StoreLimits { searched_messages: 2, ..StoreLimits::default() });
    for (conversation, content) in [("a", "apple 1"), ("b", "apple 2"), ("a", "apple 3"), ("a", "apple 4")] {
        store.save(message(conversation, content)).await.expect("kept");
    }
    assert_eq!(found(&store, search("apple")).await, ["apple 4", "apple 3"]);
    let filters = Filters { conversation: Some("b".into()), role: None };
    assert_eq!(found(&store, Search { filters, ..search("apple") }).await, ["apple 2"]);
}

#[tokio::test]
async fn the_token_is_kept_forgotten_and_never_shown() {
    let disk = folder();
    for store in [open(disk.path()), Store::default()] {
        let token = HfToken::new("hf_secret".into());
        store.set_hf_token(token.clone()).await.expect("kept");
        assert_eq!(store.hf_token().await, Ok(token));
        assert!(!format!("{store:?}").contains("secret"));
        store.close();
        store.set_hf_token(None).await.expect("forgotten");
        assert_eq!(store.hf_token().await, Ok(None));
    }
}

//! The files of one folder: listed, read, written, and nothing beside it.

use std::{fs, path::Path, sync::Arc};

use serde_json::{Value, json};
use tabagent_protocol::Body;
use tabagent_server::{
    Asked, FileLimits, Payload, Principal, Service, Update,
    files::TreeHash,
    service::{Incoming, IncomingSender},
};
use tempfile::TempDir;
use tokio::sync::Semaphore;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn serve(root: &Path) -> Service {
    Service::new().with_files(root, FileLimits { listed: 3, written_bytes: 1_000_000 }).expect("the folder is there")
}

fn ask(action: &str, fields: Value) -> Asked {
    Asked::new(Principal::local(), action, fields)
}

/// All bytes of the items, and the end.
async fn run(service: &Service, asked: Asked) -> (Vec<u8>, Result<Value, String>) {
    let mut running = service.start(asked);
    let mut bytes = Vec::new();
    loop {
        match running.next().await.expect("an end") {
            Update::Item(Body { payload: Some(payload), .. }) => bytes.extend(payload.bytes),
            Update::Item(_) | Update::Event(_) => {}
            Update::Done(Ok(body)) => return (bytes, Ok(serde_json::from_slice(&body.value).expect("json"))),
            Update::Done(Err(fault)) => return (bytes, Err(fault.code.as_str().to_owned())),
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    let mut hash = TreeHash::default();
    hash.update(bytes);
    hash.finish()
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

/// A way up whose items cost nothing.
fn upload(fields: Value) -> (IncomingSender, Asked) {
    let (sender, incoming) = Incoming::channel(|_| Box::pin(async {}));
    (sender, Asked { incoming: Some(incoming), ..ask("write_file", fields) })
}

fn push(sender: &IncomingSender, bytes: &[u8]) {
    for piece in bytes.chunks(50_000) {
        let payload = Payload { content_type: None, bytes: piece.to_vec() };
        sender.push(Body { payload: Some(payload), ..Body::json("{}") }, 0);
    }
}

#[tokio::test]
async fn a_folder_is_listed_by_name_within_a_bound() {
    let root = folder();
    fs::write(root.path().join("b.txt"), "12345").expect("written");
    fs::create_dir(root.path().join("a")).expect("made");
    let service = serve(root.path());
    let (_, listed) = run(&service, ask("list_files", json!({}))).await;
    let listed = listed.expect("listed");
    assert_eq!((&listed["entries"][0]["name"], &listed["entries"][0]["kind"]), (&json!("a"), &json!("folder")));
    assert_eq!((&listed["entries"][1]["bytes"], &listed["truncated"]), (&json!(5), &json!(false)));
    for name in ["c", "d"] {
        fs::write(root.path().join(name), "").expect("written");
    }
    let (_, listed) = run(&service, ask("list_files", json!({}))).await;
    assert_eq!(listed.expect("listed")["truncated"], true);
    assert_eq!(run(&service, ask("list_files", json!({"path": "nowhere"}))).await.1, Err("not_found".into()));
}

#[tokio::test]
async fn a_file_is_read_whole_and_in_parts() {
    let root = folder();
    let bytes = content(300_000);
    fs::write(root.path().join("data"), &bytes).expect("written");
    let service = serve(root.path());
    let (read, end) = run(&service, ask("read_file", json!({"path": "data"}))).await;
    assert_eq!(read, bytes);
    assert_eq!(end, Ok(json!({"type": "read_file_response", "path": "data", "bytes": 300_000, "hash": hash(&bytes)})));
    let (read, _) = run(&service, ask("read_file", json!({"path": "data", "offset": 100_000, "length": 70_000}))).await;
    assert_eq!(read, bytes[100_000..170_000]);
    let (read, end) = run(&service, ask("read_file", json!({"path": "data", "offset": 999_999}))).await;
    assert_eq!((read.len(), &end.expect("read")["bytes"]), (0, &json!(0)));
}

#[tokio::test]
async fn a_file_appears_when_all_of_it_is_there() {
    let root = folder();
    let service = Arc::new(serve(root.path()));
    let bytes = content(300_000);
    let (sender, asked) = upload(json!({"path": "new", "hash": hash(&bytes)}));
    push(&sender, &bytes[..100_000]);
    let begun = Arc::new(Semaphore::new(0));
    let (serving, told) = (Arc::clone(&service), Arc::clone(&begun));
    let writing = tokio::spawn(async move {
        told.add_permits(1);
        run(&serving, asked).await.1
    });
    drop(begun.acquire().await);
    assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 0, "nothing of it is seen");
    push(&sender, &bytes[100_000..]);
    sender.end();
    let written = writing.await.expect("no panic").expect("written");
    assert_eq!((&written["bytes"], &written["hash"]), (&json!(300_000), &json!(hash(&bytes))));
    assert_eq!(fs::read(root.path().join("new")).expect("there"), bytes);
}

#[tokio::test]
async fn nothing_is_written_unless_everything_is_right() {
    let root = folder();
    fs::write(root.path().join("old"), "old").expect("written");
    let service = serve(root.path());
    let refused = async |fields: Value, bytes: &[u8], complete: bool| {
        let (sender, asked) = upload(fields);
        push(&sender, bytes);
        if complete {
            sender.end();
        }
        drop(sender);
        run(&service, asked).await.1.expect_err("refused")
    };
    assert_eq!(refused(json!({"path": "old"}), b"new", true).await, "invalid_state");
    assert_eq!(refused(json!({"path": "x", "hash": hash(b"other")}), b"new", true).await, "integrity");
    assert_eq!(refused(json!({"path": "x"}), &content(1_000_001), true).await, "payload_too_large");
    assert_eq!(refused(json!({"path": "x"}), b"half", false).await, "cancelled");
    assert_eq!(refused(json!({"path": "no/such/folder"}), b"new", true).await, "not_found");
    assert_eq!(run(&service, ask("write_file", json!({"path": "x"}))).await.1, Err("bad_request".into()));
    assert_eq!(fs::read(root.path().join("old")).expect("there"), b"old");
    assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 1, "no remains");
    let (sender, asked) = upload(json!({"path": "old", "replace": true}));
    push(&sender, b"new");
    sender.end();
    run(&service, asked).await.1.expect("written");
    assert_eq!(fs::read(root.path().join("old")).expect("there"), b"new");
}

#[cfg(unix)]
#[tokio::test]
async fn there_is_no_way_out_of_the_folder() {
    let outside = folder();
    fs::write(outside.path().join("secret"), "secret").expect("written");
    let root = folder();
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).expect("linked");
    std::os::unix::fs::symlink(outside.path().join("secret"), root.path().join("file")).expect("linked");
    let service = serve(root.path());
    let secret = outside.path().join("secret");
    let ways = ["../secret", "link/secret", "file", "/etc/hostname", "a/../../secret", secret.to_str().expect("text")];
    for path in ways {
        let (bytes, end) = run(&service, ask("read_file", json!({"path": path}))).await;
        let end = end.expect_err(path);
        assert!(bytes.is_empty() && ["forbidden", "not_found"].contains(&end.as_str()), "{path}: {end}");
        let (sender, asked) = upload(json!({"path": path, "replace": true}));
        push(&sender, b"spoiled");
        sender.end();
        assert!(run(&service, asked).await.1.is_err(), "{path}");
    }
    assert!(run(&service, ask("list_files", json!({"path": "link"}))).await.1.is_err());
    assert!(run(&service, ask("list_files", json!({"path": ".."}))).await.1.is_err());
    assert_eq!(fs::read(&secret).expect("there"), b"secret");
}

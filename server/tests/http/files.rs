//! Files over HTTP: bodies of any size up and down, read and written as they come.

use std::fs;

use futures_util::stream;
use reqwest::{Body, RequestBuilder, header};
use serde_json::{Value, json};
use tabagent_server::{FileLimits, ServerLimits, ServerOptions, Service, files::TreeHash};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::common::{KEY, Outcome, TestServer, options, refused};

/// More than any body that is collected may have.
const BYTES: usize = 3_000_000;

fn content() -> Vec<u8> {
    (0..BYTES).map(|n| (n * 31 % 251) as u8).collect()
}

fn hash(bytes: &[u8]) -> String {
    let mut hash = TreeHash::default();
    hash.update(bytes);
    hash.finish()
}

async fn start() -> Result<(TestServer, TempDir), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let service = Service::new().with_files(root.path(), FileLimits { written_bytes: BYTES as u64, ..FileLimits::default() })?;
    let limits = ServerLimits { raw_bytes: 1_000, json_bytes: 1_000, ..ServerLimits::default() };
    Ok((TestServer::start(ServerOptions { limits, ..options() }, service).await?, root))
}

fn put(server: &TestServer, path: &str) -> RequestBuilder {
    server.client.put(server.url(path))
}

#[tokio::test]
async fn a_file_is_put_and_got() -> Outcome {
    let (server, root) = start().await?;
    let bytes = content();
    fs::create_dir(root.path().join("folder"))?;
    let pieces: Vec<_> = bytes.chunks(70_001).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let upload = put(&server, "/v1/files/folder/data.json").header("content-type", "application/json");
    let written: Value = upload.body(Body::wrap_stream(stream::iter(pieces))).send().await?.json().await?;
    let expected = json!({ "type": "write_file_response", "path": "folder/data.json", "bytes": BYTES, "hash": hash(&bytes) });
    assert_eq!(written, expected);
    assert_eq!(fs::read(root.path().join("folder/data.json"))?, bytes);

    let reply = server.get("/v1/files/folder/data.json").send().await?;
    assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(reply.content_length(), Some(BYTES as u64));
    assert_eq!(reply.bytes().await?, bytes);
    let part = server.get("/v1/files/folder/data.json?offset=100000&length=70000").send().await?;
    assert_eq!(part.bytes().await?, bytes[100_000..170_000]);
    let head = server.client.head(server.url("/v1/files/folder/data.json")).bearer_auth(KEY).send().await?;
    assert_eq!(head.headers()[header::CONTENT_LENGTH], BYTES.to_string());
    assert_eq!(head.bytes().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_empty_file_is_one_too() -> Outcome {
    let (server, root) = start().await?;
    put(&server, "/v1/files/empty").send().await?.error_for_status()?;
    assert_eq!(fs::read(root.path().join("empty"))?, b"");
    let reply = server.get("/v1/files/empty").send().await?;
    assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/octet-stream");
    let value: Value = serde_json::from_slice(reply.headers()["tabagent-value"].as_bytes())?;
    assert_eq!((&value["bytes"], &value["hash"]), (&json!(0), &json!(hash(b""))));
    assert_eq!(reply.bytes().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn whoever_asks_for_json_or_events_gets_them() -> Outcome {
    let (server, root) = start().await?;
    fs::write(root.path().join("notes"), "some notes")?;
    let get = |accept: &str| server.get("/v1/files/notes").header("accept", accept);
    let about: Value = get("application/json").send().await?.json().await?;
    let expected = json!({ "type": "read_file_response", "path": "notes", "bytes": 10, "hash": hash(b"some notes") });
    assert_eq!(about, expected);
    let events = get("text/event-stream").send().await?.text().await?;
    let data: Vec<Value> = crate::data(&events).into_iter().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(data[0]["payload"]["base64"], "c29tZSBub3Rlcw==");
    assert_eq!(data[1], expected);
    Ok(())
}

/// What a caller writes by hand, who may then go away, and everything that it reads.
async fn by_hand(server: &TestServer, request: &str, body: &[u8], goes: bool) -> Result<String, Box<dyn std::error::Error>> {
    let host = server.url("").trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&host).await?;
    let head = format!("{request}\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n\r\n");
    socket.write_all(&[head.as_bytes(), body].concat()).await?;
    if goes {
        socket.shutdown().await?;
    }
    let mut reply = String::new();
    socket.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[tokio::test]
async fn the_hash_follows_for_those_who_read_trailers() -> Outcome {
    let (server, root) = start().await?;
    fs::write(root.path().join("notes"), "some notes")?;
    let reply = by_hand(&server, "GET /v1/files/notes HTTP/1.1\r\nTE: trailers\r\nConnection: TE, close", b"", false).await?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or("no body")?;
    assert!(head.contains("transfer-encoding: chunked") && head.contains("trailer: tabagent-value"), "{head}");
    assert!(body.starts_with("A\r\nsome notes\r\n0\r\n"), "{body}");
    assert!(body.contains(&format!(r#""hash":"{}""#, hash(b"some notes"))), "{body}");
    Ok(())
}

#[tokio::test]
async fn what_is_refused_or_breaks_off_writes_nothing() -> Outcome {
    let (server, root) = start().await?;
    fs::write(root.path().join("there"), "there")?;
    let put = async |path: &str, body: Vec<u8>| put(&server, path).body(body).send().await;
    refused(put("/v1/files/there", content()).await?, 409, "invalid_state").await?;
    refused(put("/v1/files/a/b", b"x".to_vec()).await?, 404, "not_found").await?;
    refused(put("/v1/files/..%2Fa", b"x".to_vec()).await?, 403, "forbidden").await?;
    refused(put("/v1/files/", b"x".to_vec()).await?, 400, "validation_failed").await?;
    refused(put("/v1/files/a?replace=perhaps", b"x".to_vec()).await?, 400, "validation_failed").await?;
    refused(put("/v1/files/a", [content(), content()].concat()).await?, 413, "payload_too_large").await?;
    refused(put(&format!("/v1/files/a?hash={}", hash(b"y")), b"x".to_vec()).await?, 400, "integrity").await?;
    refused(server.post("/v1/files/a").send().await?, 405, "not_found").await?;
    refused(server.get("/v1/files/a").send().await?, 404, "not_found").await?;
    let half = by_hand(&server, "PUT /v1/files/a HTTP/1.1\r\nContent-Length: 10\r\nConnection: close", b"half", true).await?;
    assert!(half.is_empty() || half.starts_with("HTTP/1.1 499"), "{half}");
    let names: Vec<_> = fs::read_dir(root.path())?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    assert_eq!(names, ["there"]);
    assert_eq!(fs::read(root.path().join("there"))?, b"there");
    put("/v1/files/there?replace=true", b"new".to_vec()).await?.error_for_status()?;
    assert_eq!(fs::read(root.path().join("there"))?, b"new");
    Ok(())
}

#[tokio::test]
async fn bodies_of_any_size_are_described() -> Outcome {
    let (server, _root) = start().await?;
    let document: Value = server.get("/v1/openapi.json").send().await?.json().await?;
    let file = &document["paths"]["/v1/files/{path}"];
    assert_eq!(file["put"]["requestBody"], json!({ "content": { "*/*": {} } }));
    let places = |method: &str| -> Vec<Value> {
        let parameters = file[method]["parameters"].as_array().cloned().unwrap_or_default();
        parameters.iter().map(|one| json!([one["name"], one["in"], one["required"]])).collect()
    };
    assert_eq!(
        places("put"),
        [json!(["path", "path", true]), json!(["replace", "query", false]), json!(["hash", "query", false])]
    );
    assert_eq!(
        places("get"),
        [json!(["path", "path", true]), json!(["offset", "query", false]), json!(["length", "query", false])]
    );
    assert!(file["get"]["responses"]["200"]["content"].get("application/octet-stream").is_some());
    Ok(())
}

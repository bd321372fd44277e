// The boundary rules find what they are there for, and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";

import { violations } from "../rules.mjs";

/** The complaints about one file, without its name. */
function complaints(path, text) {
  return violations([path], () => text).map((line) => line.slice(path.length + 1));
}

const BREAKS = [
  ["a clock in protocol", "protocol/src/call.rs", "//! Job.\nlet now = std::time::Instant::now();"],
  ["a runtime in protocol", "protocol/src/call.rs", "//! Job.\nuse tokio::sync::mpsc;"],
  ["the stack outside its file", "server/src/sessions/mod.rs", "//! Job.\nuse webrtc::peer_connection::X;"],
  ["the stack by its absolute path", "server/src/http/mod.rs", "//! Job.\nuse ::rtc::sansio::Protocol;"],
  ["the stack beside a module of its name", "server/src/transport/mod.rs", "//! Job.\nmod webrtc;\nuse ::webrtc::runtime::X;"],
  ["a peer connection outside its file", "client-wasm/src/client.rs", "//! Job.\nuse web_sys::RtcPeerConnection;"],
  ["a peer connection in TypeScript", "client-wasm/npm/src/index.ts", "// Job.\nnew RTCPeerConnection();"],
  ["a WebSocket outside its file", "client-wasm/src/driver.rs", "//! Job.\nuse web_sys::{Request, WebSocket};"],
  ["a WebSocket in TypeScript", "client-wasm/npm/src/index.ts", "// Job.\nnew WebSocket(url);"],
  ["a cast outside js.rs", "client-wasm/src/driver.rs", "//! Job.\nvalue.dyn_into::<Object>()"],
  ["a transport that knows sessions", "server/src/transport/mod.rs", "//! Job.\nuse crate::sessions::Session;"],
  ["signaling that knows HTTP", "server/src/signaling/mod.rs", "//! Job.\nuse axum::Json;"],
  ["a queue without bound", "server/src/http/sse.rs", "//! Job.\nlet (tx, rx) = mpsc::unbounded_channel();"],
  ["a file without its job", "server/src/main.rs", "use std::fs;"],
  ["a script without its job", "scripts/x.mjs", 'import fs from "node:fs";'],
  ["a path of one machine", "docs/X.md", `See ${"/home"}/somebody/notes.`],
  ["build output", "client-wasm/npm/dist/index.js", "// Job."],
  ["WebAssembly", "www/client.wasm", ""],
];
for (const [name, path, text] of BREAKS) {
  test(`found: ${name}`, () => assert.equal(complaints(path, text).length, 1));
}

const KEEPS = [
  ["the stack in its file", "server/src/transport/webrtc/peer.rs", "//! Job.\nuse webrtc::peer_connection::X;"],
  ["the stack in the tests' native client", "tests/src/native.rs", "//! Job.\nuse webrtc::data_channel::X;"],
  ["our own module of that name", "server/src/transport/mod.rs", "//! Job.\npub use self::webrtc::Peer;\nuse crate::transport::webrtc::Peer;"],
  ["a module declared in the file", "client-wasm/src/transport/mod.rs", "//! Job.\nmod webrtc;\npub(crate) use webrtc::Peer;"],
  ["a rung of that name", "client-wasm/src/options.rs", "//! Job.\nlet rung = Rung::WebSocket;"],
  ["a word in a comment", "protocol/src/call.rs", "//! Needs no tokio.\nlet a = 1; // not an Instant"],
  ["a word in a comment of many lines", "client-wasm/npm/src/x.ts", "// Job.\n/**\n * As chrome.runtime does.\n */"],
  ["an executable script", "scripts/x.mjs", "#!/usr/bin/env node\n// Job."],
  ["an address with a path", "docs/X.md", "See https://example.org/home/somebody/notes."],
];
for (const [name, path, text] of KEEPS) {
  test(`allowed: ${name}`, () => assert.deepEqual(complaints(path, text), []));
}

test("a complaint names the file, the line and the reason", () => {
  const [line] = violations(["protocol/src/call.rs"], () => "//! Job.\n\nuse tokio::task;");
  assert.match(line, /^protocol\/src\/call\.rs:3: protocol takes /);
});

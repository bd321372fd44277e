// The package in Node: over a WebSocket of Node's own or of `ws`, and over WebRTC with a library's peer connections.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { connect } from "@tabagent/client";
import { readFile, writeFile } from "@tabagent/client/files";
import { peerConnections } from "@tabagent/client/node";
import { reached } from "@tabagent/client/testing";
import { RTCPeerConnection } from "werift";
import WebSocket from "ws";

import { root, startServer } from "./support/server.mjs";

/** More than the buffers of a channel and the credit of a call, so that both ends wait for each other. */
const BYTES = 1_500_000;
const werift = peerConnections(RTCPeerConnection);
const files = mkdtempSync(join(tmpdir(), "tabagent-node-"));
let server;

before(async () => {
  server = await startServer({ flags: ["--allow-local", "--files", files] });
});
after(async () => {
  await server?.stop();
  rmSync(files, { recursive: true, force: true });
});

/** A call, a stream, and bytes up and down. */
async function converse(agent, name) {
  const { status } = await agent.request({ action: "health" });
  assert.equal(status, "healthy");
  const stream = agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 20" }] });
  let text = "";
  for await (const { delta } of stream) text += delta;
  assert.equal((await stream.response).response, text);
  assert.match(text, /^1 2 3 4 5/);
  const bytes = Uint8Array.from({ length: BYTES }, (_, at) => at * 31);
  await writeFile(agent, name, bytes);
  assert.deepEqual(new Uint8Array(await (await readFile(agent, name)).arrayBuffer()), bytes);
  const { calls, transport } = await agent.stats();
  assert.deepEqual(calls, { ours: 0, theirs: 0 });
  return transport;
}

test("over the WebSocket of Node itself", { skip: globalThis.WebSocket === undefined && "this Node has none" }, async (t) => {
  const agent = await connect(server.url);
  t.after(() => agent.close());
  assert.equal(await converse(agent, "own"), "websocket");
});

test("over a WebSocket of `ws`", async (t) => {
  const agent = await connect(server.url, { WebSocket });
  t.after(() => agent.close());
  assert.equal(await converse(agent, "ws"), "websocket");
});

test("over WebRTC, with the peer connections of werift", async (t) => {
  const agent = await connect(server.url, { RTCPeerConnection: werift, strict: true });
  t.after(() => agent.close());
  assert.equal(await converse(agent, "werift"), "webrtc");
});

test("begins on the WebSocket and moves to WebRTC, as in a page", async (t) => {
  const agent = await connect(server.url, { WebSocket, RTCPeerConnection: werift });
  t.after(() => agent.close());
  await reached(agent, "webrtc");
  assert.equal(await converse(agent, "both"), "webrtc");
});

test("without either, what is missing is named", { skip: globalThis.WebSocket !== undefined && "this Node has a WebSocket" }, async () => {
  const { code, details } = await connect(server.url).catch((error) => error);
  assert.equal(code, "not_supported");
  assert.deepEqual([details.transports.webrtc.code, details.transports.websocket.code], ["not_supported", "not_supported"]);
});

test("a program ends when its client is closed", async () => {
  const program = `
    import { connect } from "@tabagent/client";
    import { peerConnections } from "@tabagent/client/node";
    import { RTCPeerConnection } from "werift";
    import WebSocket from "ws";
    const agent = await connect(${JSON.stringify(server.url)}, { WebSocket, RTCPeerConnection: peerConnections(RTCPeerConnection) });
    console.log((await agent.request({ action: "health" })).status);
    agent.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(child, "close");
  assert.deepEqual([code, said], [0, "healthy\n"]);
});

// A second, independent WebRTC stack (werift, pure TypeScript) connects and calls.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { RTCPeerConnection } from "werift";

import { postJson, startServer } from "./support/server.mjs";

let server;

before(async () => {
  server = await startServer();
});
after(() => server?.stop());

test("werift offers, connects and calls over plain JSON", async (t) => {
  const pc = new RTCPeerConnection({ iceServers: [] });
  t.after(() => pc.close());
  const channel = pc.createDataChannel("tabagent");
  const replies = [];
  const done = new Promise((resolve) => {
    channel.onMessage.subscribe((data) => {
      replies.push(JSON.parse(data.toString()));
      if (replies.some(({ type }) => type === "chat_response")) resolve();
    });
  });
  await pc.setLocalDescription(await pc.createOffer());
  const { type, sdp } = pc.localDescription;
  const { status, body } = await postJson(`${server.url}/v1/webrtc/sessions`, { offer: { type, sdp }, client_id: "werift" });
  assert.equal(status, 201, JSON.stringify(body));
  await pc.setRemoteDescription(body.answer);
  if (channel.readyState !== "open") await channel.stateChanged.watch((state) => state === "open", 20_000);
  channel.send(Buffer.from(JSON.stringify({ action: "health", id: 1 })));
  channel.send(JSON.stringify({ action: "chat", id: 2, model: "default", messages: [{ role: "user", content: "Count to 5" }], stream: true }));
  await done;
  assert.equal(replies.find(({ id }) => id === 1).type, "health_response");
  const deltas = replies.filter(({ type }) => type === "chat_delta");
  assert.equal(deltas.map(({ delta }) => delta).join(""), replies.find(({ type }) => type === "chat_response").response);
});

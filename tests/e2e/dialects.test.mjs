// Clients without the SDK: plain.html, and two older dialects exactly as their clients were written.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open } from "./support/chromium.mjs";
import { startServer } from "./support/server.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("snake_case bodies, string candidates, request_type", async () => {
  const page = await open(browser, server.url);
  const seen = await page.evaluate(async () => {
    const post = async (path, body) => {
      const reply = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      return reply.json();
    };
    const offer = await post("/v1/webrtc/offer", { peer_id: "older-client" });
    const pc = new RTCPeerConnection();
    const replies = [];
    const opened = new Promise((resolve) => {
      // Chromium calls a channel that arrives open too early, and may lose what is sent then; its statistics come when it is.
      pc.ondatachannel = ({ channel }) => (channel.onopen = () => pc.getStats().then(() => resolve(channel)));
    });
    const told = [];
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) told.push(post("/v1/webrtc/ice", { session_id: offer.session_id, candidate: candidate.candidate }));
    };
    await pc.setRemoteDescription({ type: "offer", sdp: offer.offer_sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    const answered = await post("/v1/webrtc/answer", { session_id: offer.session_id, answer_sdp: pc.localDescription.sdp });
    const channel = await opened;
    const done = new Promise((resolve) => {
      channel.onmessage = ({ data }) => {
        const reply = JSON.parse(data);
        replies.push(reply);
        if (reply.response_type === "ChatComplete") resolve();
      };
    });
    const send = (body) => channel.send(JSON.stringify(body));
    send({ request_type: "SystemInfo", request_id: "s1" });
    send({ request_type: "Chat", request_id: "c1", model: "default", messages: [{ role: "user", content: "Count to 8" }], stream: true });
    await done;
    const ice = await Promise.all(told);
    pc.close();
    return { offer, answered, replies, ice };
  });
  assert.equal(seen.offer.type, "offer");
  assert.deepEqual(seen.answered, { success: true, session_id: seen.offer.session_id, sessionId: seen.offer.session_id });
  assert.ok(seen.ice.length > 0 && seen.ice.every(({ success }) => success), JSON.stringify(seen.ice));
  const info = seen.replies.find(({ request_id }) => request_id === "s1");
  assert.equal(info.response_type, "SystemInfo");
  assert.equal(info.type, "system_info_response");
  const deltas = seen.replies.filter(({ response_type }) => response_type === "ChatDelta");
  const complete = seen.replies.find(({ response_type }) => response_type === "ChatComplete");
  assert.ok(deltas.length >= 8);
  assert.equal(deltas.map(({ delta }) => delta).join(""), complete.text);
  assert.equal(complete.text, complete.response);
});

test("camelCase, ids in paths, object candidates, no content type, a lossy channel of the client's", async () => {
  const page = await open(browser, server.url);
  const seen = await page.evaluate(async () => {
    const post = async (path, body) => (await fetch(path, { method: "POST", body: JSON.stringify(body) })).json();
    const { sessionId, offerSdp, ...rest } = await post("/v1/webrtc/offer", { clientId: "older-client" });
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel("tabagent", { ordered: true, maxRetransmits: 3 });
    const told = [];
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) told.push(post(`/v1/webrtc/ice/${sessionId}`, { candidate: candidate.toJSON() }));
    };
    await pc.setRemoteDescription({ type: "offer", sdp: offerSdp });
    await pc.setLocalDescription(await pc.createAnswer());
    const answered = await post(`/v1/webrtc/answer/${sessionId}`, { answerSdp: pc.localDescription.sdp });
    const replies = [];
    const done = new Promise((resolve) => {
      channel.onmessage = ({ data }) => {
        replies.push(JSON.parse(data));
        if (replies.some(({ messageId }) => messageId === 2)) resolve();
      };
    });
    if (channel.readyState !== "open") await new Promise((resolve) => (channel.onopen = resolve));
    channel.send(JSON.stringify({ route: "models", request_id: "m1", payload: {} }));
    channel.send(JSON.stringify({ request_type: "Health", messageId: 2 }));
    await done;
    const session = await (await fetch(`/v1/webrtc/session?session_id=${sessionId}`)).json();
    const ice = await Promise.all(told);
    pc.close();
    return { sessionId, rest, answered, replies, ice, session };
  });
  assert.ok(seen.sessionId);
  assert.equal(seen.answered.success, true);
  assert.ok(seen.ice.every(({ success }) => success));
  const models = seen.replies.find(({ request_id }) => request_id === "m1");
  assert.equal(models.success, true);
  assert.ok(models.data.models.length > 0);
  const health = seen.replies.find(({ messageId }) => messageId === 2);
  assert.equal(health.response_type, "Health");
  assert.equal(seen.session.data_channel_connected, true);
});

test("an unordered channel is served, with a warning first", async () => {
  const page = await open(browser, server.url);
  const replies = await page.evaluate(async () => {
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel("tabagent", { ordered: false, maxRetransmits: 0 });
    const replies = [];
    const done = new Promise((resolve) => {
      channel.onmessage = ({ data }) => {
        replies.push(JSON.parse(data));
        if (replies.some(({ id }) => id === 1)) resolve();
      };
    });
    await pc.setLocalDescription();
    const body = JSON.stringify({ offer: pc.localDescription });
    const reply = await fetch("/v1/webrtc/sessions", { method: "POST", headers: { "content-type": "application/json" }, body });
    await pc.setRemoteDescription((await reply.json()).answer);
    if (channel.readyState !== "open") await new Promise((resolve) => (channel.onopen = resolve));
    channel.send(JSON.stringify({ action: "health", id: 1 }));
    await done;
    pc.close();
    return replies;
  });
  assert.deepEqual([replies[0].type, replies[0].event, replies[0].code], ["event", "warning", "unreliable_channel"]);
});

test("plain.html connects in both flows and gets its answers", async () => {
  const page = await open(browser, server.url, "/plain.html");
  for (const flow of ["client", "server"]) {
    await page.locator(`#${flow}-run`).click();
    const trace = page.locator(`#${flow}-trace`);
    await trace.getByText("healthy").first().waitFor();
    await trace.getByText("closed").first().waitFor();
  }
});

// Code that speaks native messaging: the same script over the browser's port to the real host, and over the bridge.
import assert from "node:assert/strict";
import { test } from "node:test";

import { begin } from "./support/bridge.mjs";

const inExtension = { native: true, change: (manifest) => manifest.permissions.push("nativeMessaging") };

/** In a context: what code of the time before the bridge does with a port, and everything that it hears. */
const script = async (which) => {
  const port = which === "browser" ? chrome.runtime.connectNative("com.tabagent.server") : (await caller.native()).connectNative("com.tabagent.server");
  const heard = [];
  let told;
  let over;
  port.onDisconnect.addListener(() => ((over = true), told?.()));
  port.onMessage.addListener((message, from) => {
    heard.push(from === port || which === "browser" ? message : "another port");
    told?.();
  });
  const until = async (enough) => {
    while (!enough()) {
      if (over) throw new Error(port.error?.message ?? chrome.runtime.lastError?.message);
      await new Promise((resolve) => (told = resolve));
    }
  };
  /** Posts one request and waits for the last message of it. */
  const ask = async (message) => {
    const from = heard.length;
    port.postMessage(message);
    const last = ({ type, event }) => type !== "event" && !type?.endsWith("_delta") && !event;
    await until(() => heard.slice(from).some(last));
    return heard.slice(from);
  };
  const messages = [{ role: "user", content: "Count to 3" }];
  const said = {
    health: await ask({ action: "health" }),
    named: await ask({ action: "health", id: 7, messageId: "m", request_id: "r" }),
    alias: await ask({ action: "ping", id: 1 }),
    typed: await ask({ request_type: "ListModels", id: "typed" }),
    typedChat: await ask({ request_type: "Chat", model: "default", messages, stream: true }),
    routed: await ask({ route: "models", request_id: "routed", payload: {} }),
    routedChat: await ask({ route: "chat", request_id: "streamed", payload: { model: "default", messages, stream: true } }),
    kebab: await ask({ route: "estimate-memory", payload: { model: "default" }, request_id: "k" }),
    chat: await ask({ action: "chat", model: "default", messages }),
    streamed: await ask({ action: "chat", model: "default", messages, stream: true, id: "s" }),
    binary: await ask({ action: "embeddings", model: "default", input: "text", encoding: "binary" }),
    subscribed: await ask({ action: "subscribe", events: ["generation_stopped"], id: "events" }),
    unknown: await ask({ action: "haelth", id: 2 }),
    unknownRoute: await ask({ route: "haelth", request_id: "u", payload: {} }),
    inheritedRoute: await ask({ route: "constructor", request_id: "i", payload: {} }),
    missing: await ask({ action: "generate", model: "default", id: 3 }),
    missingRouted: await ask({ route: "generate", request_id: "3", payload: { model: "default" } }),
    nothing: await ask({ id: 4, model: "m" }),
    list: await ask([1]),
    text: await ask("health"),
    long: await ask({ action: "health", id: "x".repeat(300) }),
    two: await ask({ action: "health", request_type: "Chat" }),
    payload: await ask({ route: "chat", payload: 5 }),
  };
  // One that is stopped by its name, in the middle; events come to who subscribed.
  const from = heard.length;
  port.postMessage({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5000" }], stream: true, request_id: "long" });
  await until(() => heard.slice(from).some(({ type }) => type === "chat_delta"));
  port.postMessage({ action: "stop_generation", request_id: "long" });
  await until(() => ["chat_response", "stop_generation_response", "event"].every((kind) => heard.slice(from).some(({ type }) => type === kind)));
  const [stopped, event, answer] = ["stop_generation_response", "event", "chat_response"].map((kind) => heard.slice(from).find(({ type }) => type === kind));
  said.stopped = { ...stopped };
  said.event = { ...event, request_id: typeof event.request_id };
  said.reason = answer.finish_reason;
  said.unsubscribed = await ask({ action: "unsubscribe", events: ["generation_stopped"], id: "events" });
  let ended = 0;
  port.onDisconnect.addListener(() => ended++);
  port.disconnect();
  const after = [];
  try {
    port.postMessage({ action: "health" });
  } catch ({ message }) {
    after.push(message);
  }
  return { said, after, ended, listeners: typeof port.onMessage.hasListener };
};

/** What is another each time; names that the caller did not give are, too. */
const VARIABLE = new Set(["timestamp", "uptime_seconds"]);
const settled = (value) =>
  Array.isArray(value)
    ? value.map(settled)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, VARIABLE.has(name) || /^(call-\d+|[0-9a-f]{8}-\d+)$/.test(each) ? typeof each : settled(each)]).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;

test("the same script over the browser's port and over the bridge hears the same", async (t) => {
  const { page, site } = await begin(t, inExtension);
  const tab = await page("tab");
  const { content } = await site();
  const real = await tab.evaluate(script, "browser");
  for (const context of [tab, content]) {
    const bridged = await context.evaluate(script, "bridge");
    for (const [name, said] of Object.entries(real.said)) assert.deepEqual(settled(bridged.said[name]), settled(said), name);
    assert.deepEqual([bridged.after, bridged.ended, bridged.listeners], [real.after, real.ended, real.listeners]);
  }
});

test("a port ends when its session cannot be: it says why, and once", async (t) => {
  const { page, server } = await begin(t, { ...inExtension, more: { key: "wrong" } });
  const tab = await page("tab");
  const seen = await tab.evaluate(async () => {
    const port = (await caller.native()).connectNative("name");
    port.onMessage.addListener(() => {});
    const ended = new Promise((resolve) => port.onDisconnect.addListener((from) => resolve(from === port && port.error.code)));
    port.postMessage({ action: "health" });
    return { name: port.name, ended: await ended };
  });
  assert.deepEqual(seen, { name: "name", ended: "unauthorized" });
  assert.ok(server);
});

test("a port that is disconnected withdraws its calls, and leaves those of others", async (t) => {
  const { page, worker } = await begin(t, inExtension);
  const tab = await page("tab");
  const underWay = () => worker.evaluate(async () => (await (await caller.connected()).stats()).calls.ours);
  await tab.evaluate(async () => {
    const { connectNative } = await caller.native();
    globalThis.ports = [connectNative(), connectNative()];
    for (const port of ports) {
      const first = new Promise((resolve) => port.onMessage.addListener(resolve));
      port.postMessage({ ...caller.count(5000), stream: true, request_id: "same" });
      await first;
    }
  });
  assert.equal(await underWay(), 2);
  await tab.evaluate(() => ports[0].disconnect());
  while ((await underWay()) !== 1);
});

// The bridge: one connection in an extension's offscreen document, used from every context in a real browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, key } from "./support/bridge.mjs";
import { inNamespace, interfaceUp, loopback } from "./support/namespace.mjs";
import { root, startServer, until } from "./support/server.mjs";

const converse = () => caller.converse();

/** Waits until a client has been through these states, in this order. */
const through = async (states) => {
  const seen = () => states.every((state, at) => caller.states[at] === state);
  while (!seen()) await new Promise((resolve) => setTimeout(resolve, 10));
  return caller.states;
};

test("the same call from all six contexts goes over one connection, and the server sees one session", async (t) => {
  const { worker, page, site, targets } = await begin(t);
  // The content script is first, so that nobody has made the document for it.
  const { content } = await site();
  const first = await content.evaluate(converse);
  const [tab, options] = await Promise.all(["tab", "options"].map(page));
  await targets.evaluate("tab.html", async () => chrome.sidePanel.open({ windowId: (await chrome.windows.getCurrent()).id }));
  const panel = await targets.evaluate("panel.html", converse);
  await worker.evaluate(() => chrome.action.openPopup());
  const popup = await targets.evaluate("popup.html", converse);
  const said = [first, panel, popup, ...(await Promise.all([worker, tab, options].map((context) => context.evaluate(converse))))];
  assert.ok(first.connectionId);
  for (const { status, text, state, connectionId, sessions } of said) {
    assert.deepEqual([state, status, connectionId, sessions.total], ["connected", "healthy", first.connectionId, 1]);
    assert.match(text, /^1 2 3 4 5/);
  }
});

test("twenty tabs at once share one connection", async (t) => {
  const { page, site } = await begin(t);
  const tabs = await Promise.all(Array.from({ length: 20 }, async (_, at) => (at % 2 ? await page("tab") : (await site()).content)));
  const said = await Promise.all(tabs.map((tab) => tab.evaluate(converse)));
  assert.equal(new Set(said.map(({ connectionId }) => connectionId)).size, 1);
  for (const { text, sessions } of said) assert.deepEqual([text, sessions.total], [said[0].text, 1]);
});

test("a page that is closed takes its calls with it, and nobody else's", async (t) => {
  const { worker, page } = await begin(t);
  const [closing, staying] = await Promise.all(["tab", "panel"].map(page));
  await Promise.all([closing, staying].map((page) => page.evaluate(() => caller.begin(300))));
  const underWay = () => worker.evaluate(async () => (await (await caller.connected()).stats()).calls.ours);
  assert.equal(await underWay(), 2);
  await closing.close();
  assert.equal(await until(underWay, (calls) => calls === 1), 1);
  const { code, items, gaps, whole } = await staying.evaluate(() => caller.rest());
  assert.deepEqual({ code, gaps, whole }, { code: undefined, gaps: 0, whole: true });
  assert.ok(items >= 300, String(items));
});

test("the offscreen document dies: keyed calls go on whole, others fail by name, and the next call finds another document", async (t) => {
  const { worker, page } = await begin(t);
  const [keyed, plain] = await Promise.all(["tab", "panel"].map(page));
  await keyed.evaluate(() => caller.begin(100, { idempotencyKey: "once" }));
  await plain.evaluate(() => caller.begin(100));
  await worker.evaluate(() => chrome.offscreen.closeDocument());
  const [whole, lost] = await Promise.all([keyed, plain].map((page) => page.evaluate(() => caller.rest())));
  assert.equal(lost.code, "outcome_unknown");
  // Nothing lost, nothing twice.
  assert.deepEqual([whole.code, whole.gaps, whole.whole], [undefined, 0, true]);
  const { text, state } = await plain.evaluate(converse);
  assert.equal(state, "connected");
  assert.match(text, /^1 2 3 4 5/);
});

test("the server is killed and starts anew: every context sees it go and come back by itself", async (t) => {
  const { server, page, worker, site } = await begin(t, { more: { reconnect: { silenceMs: 300, answerMs: 200, maxRetryMs: 100 } } });
  const [tab, { content }] = [await page("tab"), await site()];
  const contexts = [tab, content, worker];
  const before = await Promise.all(contexts.map((context) => context.evaluate(converse)));
  await tab.evaluate(() => caller.begin());
  await server.stop("SIGKILL");
  await Promise.all(contexts.map((context) => context.evaluate(through, ["connected", "reconnecting"])));
  const waiting = content.evaluate(async () => (await (await caller.connected()).request({ action: "health" })).status);
  const port = new URL(server.url).port;
  const next = await startServer({ args: ["--port", port, "--www", `${root}/www`, "--key", key, "--allow-origin", `chrome-extension://${new URL(tab.url()).host}`] });
  t.after(() => next.stop("SIGKILL"));
  assert.equal(await waiting, "healthy");
  assert.equal((await tab.evaluate(() => caller.rest())).code, "outcome_unknown");
  for (const [at, context] of contexts.entries()) {
    const { state, boot } = await context.evaluate(converse);
    assert.equal(state, "connected");
    assert.notEqual(boot, before[at].boot);
    assert.deepEqual(await context.evaluate(() => caller.states), ["connected", "reconnecting", "connected"]);
  }
});

test("the extension sleeps for longer than the server keeps its transport: a stream goes on where it was", async (t) => {
  const { server, context, page } = await begin(t, { flags: ["--tokens-per-second", "50", "--limit", "keepalive=200", "--limit", "keepalive_misses=2"] });
  const tab = await page("tab");
  await tab.evaluate(() => caller.begin(150));
  const session = await context.browser().newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  renderers.forEach((id) => process.kill(id, "SIGSTOP"));
  try {
    assert.ok(await until(async () => server.log.some((line) => line.includes("session waits for a connection")), Boolean));
  } finally {
    renderers.forEach((id) => process.kill(id, "SIGCONT"));
  }
  const { code, gaps, whole } = await tab.evaluate(() => caller.rest());
  assert.deepEqual({ code, gaps, whole }, { code: undefined, gaps: 0, whole: true });
  assert.deepEqual((await tab.evaluate(() => caller.states)).slice(-1), ["connected"]);
});

test("UDP is blocked: the session moves to the WebSocket and comes back, a stream in a page is whole", (t) => {
  const { moves, stream, states } = inNamespace("bridge-udp.mjs", `${loopback} && ${interfaceUp}`);
  t.diagnostic(moves.join(", "));
  assert.deepEqual(moves.slice(-2), ["webrtc websocket replaced", "websocket webrtc preferred"]);
  assert.deepEqual([stream.code, stream.gaps, stream.whole], [undefined, 0, true]);
  assert.deepEqual(states, ["connected"]);
});

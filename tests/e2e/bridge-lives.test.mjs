// Contexts of an extension that die and come back: popup, panel, worker, offscreen document, pages of the web, the extension itself.
import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, letIn } from "./support/bridge.mjs";
import { startServer, until } from "./support/server.mjs";

/** So slow that a long answer lasts as long as a test needs. */
const slow = { flags: ["--tokens-per-second", "100"] };

/** What the one client has under way. */
const underWay = (context) => context.evaluate(async () => (await (await caller.connected()).stats()).calls.ours);

const converse = () => caller.converse();

/** Stops all service workers. */
async function stopWorkers(context, page) {
  const session = await context.newCDPSession(page);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
}

test("a stream in the side panel, while the worker dies and the popup opens and closes: nothing lost, nothing twice", async (t) => {
  const { context, page, targets } = await begin(t, slow);
  const tab = await page("tab");
  await targets.evaluate("tab.html", async () => chrome.sidePanel.open({ windowId: (await chrome.windows.getCurrent()).id }));
  await targets.there("panel.html");
  await targets.evaluate("panel.html", async () => {
    await caller.begin(150);
    globalThis.rest = caller.rest();
  });
  await stopWorkers(context, tab);
  for (let round = 0; round < 2; round++) {
    await tab.evaluate(() => chrome.action.openPopup());
    assert.equal(await targets.evaluate("popup.html", async () => (await caller.begin(5000), (await caller.connected()).state)), "connected");
    assert.equal(await underWay(tab), 2);
    await targets.evaluate("popup.html", () => void setTimeout(() => window.close()));
    await targets.there("popup.html", false);
    // The popup's answer, which nobody reads, is no longer made.
    assert.equal(await until(() => underWay(tab), (calls) => calls === 1), 1);
    await stopWorkers(context, tab);
  }
  const { gaps, whole, items, code } = await targets.evaluate("panel.html", () => rest);
  assert.deepEqual({ gaps, whole, code }, { gaps: 0, whole: true, code: undefined });
  assert.ok(items >= 150, String(items));
});

test("a call with a key goes on when its page is closed, and whoever repeats it has all of it", async (t) => {
  const { page } = await begin(t, slow);
  const [closing, next] = [await page("tab"), await page("panel")];
  await closing.evaluate(() => caller.begin(200, { idempotencyKey: "once" }));
  await next.evaluate(() => caller.connected().then(String));
  await closing.close();
  const { code, gaps, whole, items, message } = await next.evaluate(async () => {
    const { boot } = await caller.connected();
    await caller.begin(200, { idempotencyKey: "once", boot });
    return caller.rest();
  });
  assert.deepEqual({ code, gaps, whole }, { code: undefined, gaps: 0, whole: true }, message);
  assert.ok(items >= 200, String(items));
  // One was made: the other has found it.
  assert.equal(await underWay(next), 0);
});

test("a page with a content script comes back from the back-forward cache, and its client with it", async (t) => {
  const { server, site } = await begin(t, { ...slow, cached: true });
  const elsewhere = await startServer();
  t.after(() => elsewhere.stop("SIGKILL"));
  const { page, content } = await site();
  await content.evaluate(async () => {
    globalThis.persisted = [];
    addEventListener("pageshow", (event) => persisted.push(event.persisted));
    await caller.begin(60, { idempotencyKey: "once" });
    globalThis.plain = caller.outcome((await caller.connected()).stream(caller.count(5000)).response);
  });
  await page.goto(`${elsewhere.url}/blank.html`);
  await page.goBack({ waitUntil: "commit" });
  await until(() => content.evaluate(() => globalThis.persisted?.length), (times) => times === 1);
  assert.deepEqual(await content.evaluate(() => persisted), [true]);
  assert.equal((await content.evaluate(() => plain)).code, "outcome_unknown");
  const { code, gaps, whole, message } = await content.evaluate(() => caller.rest());
  assert.deepEqual({ code, gaps, whole }, { code: undefined, gaps: 0, whole: true }, message);
  assert.equal((await content.evaluate(converse)).connectionId, (await content.evaluate(async () => (await caller.connected()).connectionId)));
  assert.ok(server);
});

for (const [what, happen] of [
  ["is reloaded", ({ worker }) => worker.evaluate(() => void setTimeout(() => chrome.runtime.reload())).catch(() => {})],
  // Chrome ends an extension whose process crashes. There is nobody left to answer.
  ["crashes", ({ targets }) => void targets.send("offscreen.html", "Page.crash").catch(() => {})],
]) {
  test(`the extension ${what}: the content script that is left behind is told so`, async (t) => {
    const all = await begin(t, slow);
    const { content } = await all.site();
    await content.evaluate(async () => {
      await caller.begin(5000, { idempotencyKey: "once" });
      const agent = await caller.connected();
      globalThis.ended = new Promise((resolve) => agent.addEventListener("statechange", () => agent.state === "closed" && resolve(agent.reason)));
    });
    await happen(all);
    const { code, missing } = await content.evaluate(() => ended.then(({ code, details }) => ({ code, missing: details.missing })));
    assert.equal(code, "not_supported");
    assert.match(missing[0], /reloaded or has crashed/);
    assert.equal((await content.evaluate(() => caller.rest())).code, "not_supported");
    assert.equal(await content.evaluate(() => caller.connect().then(String, ({ code }) => code)), "not_supported");
  });
}

test("other settings: everybody goes on with the server they name", async (t) => {
  const { page, site, worker, server } = await begin(t, slow);
  const other = await startServer({ flags: letIn });
  t.after(() => other.stop("SIGKILL"));
  const [tab, { content }] = [await page("panel"), await site()];
  await Promise.all([tab, content].map((context) => context.evaluate(() => caller.begin())));
  const options = await page("options");
  const boot = (context) => context.evaluate(async () => (await caller.connected()).boot);
  const before = await boot(tab);
  assert.equal(await boot(options), before, "the same settings, the same connection");
  const after = await options.evaluate(async (url) => {
    await chrome.storage.session.set({ url });
    const agent = await caller.connect();
    await agent.request({ action: "health" });
    return agent.boot;
  }, other.url);
  assert.notEqual(after, before);
  for (const context of [tab, content]) {
    assert.equal((await context.evaluate(() => caller.rest())).code, "outcome_unknown");
    const { state, boot, sessions } = await context.evaluate(converse);
    assert.deepEqual([state, boot, sessions.total], ["connected", after, 1]);
    assert.deepEqual(await context.evaluate(() => caller.states), ["connected", "reconnecting", "connected"]);
  }
  // The first server has been told that nobody is coming back.
  assert.ok(await until(async () => server.log.some((line) => line.includes("session ended")), Boolean));
  assert.ok(worker);
});

test("who leaves leaves nothing behind: no lock, no listener on a signal", async (t) => {
  const { page } = await begin(t);
  const tab = await page("tab");
  const seen = await tab.evaluate(async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const count = (name, by) => (signal[name] = (...args) => ((listeners += by), AbortSignal.prototype[name].apply(signal, args)));
    count("addEventListener", 1);
    count("removeEventListener", -1);
    const locks = async () => (await navigator.locks.query()).held.filter(({ name }) => name.startsWith("tabagent")).length;
    const clients = [];
    for (let made = 0; made < 3; made++) clients.push(await caller.connect({ signal }));
    await clients[0].request({ action: "health" }, { signal });
    const during = [listeners, await locks()];
    for (const client of clients) client.close();
    while (await locks()) await new Promise((resolve) => setTimeout(resolve));
    return { during, after: listeners };
  });
  assert.deepEqual(seen, { during: [3, 6], after: 0 });
});

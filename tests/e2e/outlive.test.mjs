// What a session outlives besides its transports: a server that starts anew, a window that has passed, a page that sleeps, is frozen, goes offline.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { chromium } from "playwright-core";

import { executablePath, flags, launch, launchWithTabs, openWith } from "./support/chromium.mjs";
import { startProxy } from "./support/proxy.mjs";
import { ledgerBinary, root, startServer, until } from "./support/server.mjs";
import { assertWhole } from "./support/whole.mjs";

/** Milliseconds that a page is away; `npm run soak` says how many. Otherwise as few as will do. */
const awayMs = Number(process.env.AWAY_MS ?? 0);
/** Where a session's window begins at once, it must not pass. */
const windowMs = 45_000;
/** A window, keepalives and an end in a hurry: a test does not wait a minute. */
const limits = (...each) => each.flatMap((limit) => ["--limit", limit]);
const keepalives = awayMs > 0 ? [] : limits("keepalive=200", "keepalive_misses=2");

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A page of the server with a client that keeps what changes. */
async function pageOf(t, url, options, inBrowser = browser) {
  const page = await openWith(inBrowser, url, "transports.js", "ledger.js");
  t.after(() => page.close());
  await page.evaluate(async (options) => {
    Object.assign(window, await import("/transports.js"), await import("/ledger.js"), await import("/client/index.js"));
    window.codeOf = (promise) => promise.then(() => "no error", (error) => error.code);
    window.count = (n) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }] });
    window.agent = await connect(location.origin, options);
    window.changes = [];
    agent.addEventListener("transportchange", ({ detail: { from = null, to = null, reason } }) => changes.push([from, to, reason].join(" ")));
  }, options);
  return page;
}

async function server(t, flags = [], port = "0", program = undefined) {
  const started = await startServer({ program, args: ["--port", port, "--www", `${root}/www`, "--allow-local", ...flags] });
  t.after(() => started.stop());
  return started;
}

const ledgerServer = (t) => server(t, keepalives, "0", ledgerBinary);

for (const transport of ["webrtc", "websocket"]) {
  test(`a server that starts anew has no sessions: what had left is unknown, what had not goes on, events come again (${transport})`, async (t) => {
    const first = await server(t);
    const page = await pageOf(t, first.url, { transports: [transport], reconnect: { silenceMs: 300, answerMs: 200, maxRetryMs: 100 } });
    await page.evaluate(async () => {
      window.stream = reading(agent.stream(count(5_000)));
      window.heard = [];
      window.off = agent.on("generation_stopped", ({ request_id }) => heard.push(request_id));
      while (stream.items.length < 5) await agent.request({ action: "health" });
    });
    await first.stop("SIGKILL");
    await page.evaluate(async () => {
      while (agent.state !== "reconnecting") await new Promise((resolve) => agent.addEventListener("statechange", resolve, { once: true }));
      window.waiting = agent.request({ action: "health" });
    });
    const second = await server(t, [], new URL(first.url).port);
    const seen = await page.evaluate(async () => {
      const [{ status }, code] = [await waiting, await stream.over];
      const stopped = agent.stream(count(5_000), { requestId: "to be stopped" });
      await stopped.next();
      await agent.request({ action: "stop_generation", request_id: "to be stopped" });
      // An answer may overtake an event.
      while (heard.length === 0) await agent.request({ action: "health" });
      agent.close();
      return { status, code, heard, changes };
    });
    assert.equal(seen.code, "outcome_unknown");
    assert.equal(seen.status, "healthy");
    assert.deepEqual(seen.heard, ["to be stopped"]);
    assert.deepEqual(seen.changes.slice(1), [` ${transport} reconnected`, `${transport}  closed`]);
    assert.ok(second.log.some((line) => line.includes("session attached")));
  });
}

for (const who of ["the server's", "the client's"]) {
  test(`behind ${who} window the next session begins by itself`, async (t) => {
    const { url, log } = await server(t, who === "the server's" ? limits("window=1500") : limits("drain=100"));
    const windowMs = who === "the server's" ? 60_000 : 300;
    const page = await pageOf(t, url, { transports: ["websocket"], reconnect: { windowMs, maxRetryMs: 100 } });
    const seen = await page.evaluate(async () => {
      const stream = reading(agent.stream(count(5_000)));
      while (stream.items.length < 5) await agent.request({ action: "health" });
      forbidden.add("websocket");
      sockets.at(-1).close();
      while (agent.transport) await new Promise((resolve) => agent.addEventListener("transportchange", resolve, { once: true }));
      const waiting = agent.request({ action: "health" });
      setTimeout(() => forbidden.clear(), 3_000);
      const begin = performance.now();
      const code = await stream.over;
      const ms = performance.now() - begin;
      const { status } = await waiting;
      agent.close();
      return { code, ms, status };
    });
    assert.equal(seen.code, "outcome_unknown");
    // Ours ends without the server; the server's, when it can be asked again.
    assert.ok(who === "the client's" ? seen.ms < 2_000 : seen.ms > 2_000, `${seen.ms} ms`);
    assert.equal(seen.status, "healthy");
    if (who === "the server's") assert.ok(log.some((line) => line.includes("session_expired")), log.join("\n"));
  });
}

/** A page of the ledger server, with a stream in each lane that outlasts whatever happens. */
async function streamingPage(t, url, options, inBrowser) {
  const page = await pageOf(t, url, options, inBrowser);
  await page.evaluate(async (preferred) => {
    await reached(agent, preferred);
    window.streams = followBoth(agent, { items: 1e9, bytes: 100, per_second: 500 });
    await streams.reached(100);
  }, options.transports?.[0] ?? "webrtc");
  return page;
}

/** The streams go on, and by both ledgers they are whole. Answers what has changed. */
async function goOn(t, page) {
  const { ledgers, changes } = await page.evaluate(async () => {
    await streams.reached(streams.count() + 1_000);
    const ledgers = await streams.finish();
    agent.close();
    return { ledgers, changes };
  });
  for (const { lane, count, gapMs } of ledgers) t.diagnostic(`${lane}: ${count} items, longest gap ${gapMs.toFixed(0)} ms`);
  t.diagnostic(changes.join(", "));
  ledgers.forEach(assertWhole);
  return changes;
}

/** What the server says once it has given up the last transport of a session. */
const waits = (log) => log.some((line) => line.includes("session waits for a connection"));

/** The page is away: until the server has given its transports up, or for as long as `AWAY_MS` says. */
async function away(log, longest = Infinity) {
  if (awayMs > 0) await sleep(Math.min(awayMs, longest));
  assert.ok(await until(async () => waits(log), Boolean), "the server has given its transports up");
}

test("offline and online again: the session is back at once, whatever the wait would have been", async (t) => {
  const { url, log } = await ledgerServer(t);
  const proxy = await startProxy(url);
  t.after(() => proxy.stop());
  const hour = 3_600_000;
  const page = await streamingPage(t, proxy.url, { transports: ["websocket"], reconnect: { retryMs: hour, maxRetryMs: hour, stableMs: hour } });
  await page.context().setOffline(true);
  proxy.cut();
  await page.waitForFunction(() => agent.state === "reconnecting");
  await away(log, windowMs);
  await page.context().setOffline(false);
  const changes = await goOn(t, page);
  assert.deepEqual(changes.slice(0, 2), ["websocket  lost", " websocket reconnected"]);
});

test("a page that is stopped for longer than the server keeps its transports goes on where it was", async (t) => {
  const { url, log } = await ledgerServer(t);
  const page = await streamingPage(t, url, {});
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  renderers.forEach((id) => process.kill(id, "SIGSTOP"));
  try {
    await away(log);
  } finally {
    renderers.forEach((id) => process.kill(id, "SIGCONT"));
  }
  assert.ok((await goOn(t, page)).length >= 3);
});

for (const transports of [["webrtc", "websocket"], ["websocket"]]) {
  test(`a tab that the browser freezes for longer than the server keeps its transports goes on where it was (${transports})`, async (t) => {
    const tabs = await launchWithTabs();
    t.after(() => tabs.close());
    const { url, log } = await ledgerServer(t);
    const page = await streamingPage(t, url, { transports }, tabs.context);
    const session = await page.context().newCDPSession(page);
    // Only what is hidden can be frozen.
    await (await tabs.context.newPage()).bringToFront();
    await page.evaluate(() => {
      window.events = [];
      for (const type of ["freeze", "resume"]) document.addEventListener(type, () => events.push(type));
    });
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    await away(log);
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await page.bringToFront();
    assert.ok((await goOn(t, page)).length >= 3);
    assert.deepEqual(await page.evaluate(() => events), ["freeze", "resume"]);
  });
}

for (const transports of [["websocket"], ["webrtc"], ["webrtc", "websocket"]]) {
  test(`a page that comes back from the back-forward cache goes on where it was (${transports})`, async (t) => {
    const caching = await chromium.launch({ executablePath, args: flags, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
    t.after(() => caching.close());
    const { url, log } = await ledgerServer(t);
    const elsewhere = await server(t);
    const page = await streamingPage(t, url, { transports }, caching);
    await page.evaluate(() => {
      window.events = [];
      for (const type of ["pagehide", "pageshow"]) addEventListener(type, ({ persisted }) => events.push(`${type} ${persisted}`));
    });
    await page.goto(`${elsewhere.url}/blank.html`);
    await away(log, windowMs);
    await page.goBack({ waitUntil: "commit" });
    await page.waitForFunction(() => window.events?.length === 2);
    assert.deepEqual(await page.evaluate(() => events), ["pagehide true", "pageshow true"]);
    assert.match((await goOn(t, page)).join(), / {2}sleeping, (websocket|webrtc) reconnected/);
  });
}

test("a page that goes for good says goodbye", async (t) => {
  const { url, log } = await server(t);
  for (const transport of ["webrtc", "websocket"]) {
    const page = await pageOf(t, url, { transports: [transport] });
    await page.evaluate(async () => {
      const stream = agent.stream(count(5_000));
      await stream.next();
    });
    await page.close({ runBeforeUnload: true });
    const wanted = transport === "webrtc" ? 1 : 2;
    const ended = () => log.filter((line) => line.includes("session ended") && line.includes("cancelled")).length;
    assert.equal(await until(async () => ended(), (count) => count === wanted), wanted, log.join("\n"));
  }
});

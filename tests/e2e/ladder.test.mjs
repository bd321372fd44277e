// The transport ladder: what carries the first calls, what a session moves to and why, what it does without any transport.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, open, openWith } from "./support/chromium.mjs";
import { root, startServer } from "./support/server.mjs";

let server, browser, page;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page whose transports can be broken, with shorthands for what every test needs. */
async function fresh(url = server.url) {
  await page?.close();
  page = await openWith(browser, url, "transports.js");
  await page.evaluate(async () => {
    Object.assign(window, await import("/transports.js"), await import("/client/index.js"));
    window.codeOf = (promise) => promise.then(() => "no error", (error) => error.code);
    window.count = (n) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }] });
    window.pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    /** Connects and keeps what changes. */
    window.open = async (options) => {
      window.agent = await connect(location.origin, options);
      window.changes = [];
      window.states = [];
      agent.addEventListener("transportchange", ({ detail: { from = null, to = null, reason } }) => changes.push([from, to, reason].join(" ")));
      agent.addEventListener("statechange", () => states.push(agent.state));
    };
    /** Waits until something has changed to this. */
    window.changed = async (to) => {
      while (!changes.some((change) => change.includes(to))) await new Promise((resolve) => agent.addEventListener("transportchange", resolve, { once: true }));
    };
  });
  return page;
}

test("the first call rides the WebSocket, then the session moves to WebRTC; calls notice nothing", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    await open();
    const first = [agent.transport, (await agent.request({ action: "health" })).status, agent.transport];
    const stream = agent.stream(count(60));
    await changed("webrtc");
    let items = 0;
    for await (const _ of stream) items++;
    const { finish_reason } = await stream.response;
    const stats = await agent.stats();
    const timeline = agent.timeline.map(({ transport, step }) => `${transport} ${step}`);
    agent.close();
    return { first, changes, states, finish_reason, items, rungs: stats.transports, sockets: sockets.map(({ readyState }) => readyState), timeline };
  });
  assert.deepEqual(seen.first, ["websocket", "healthy", "websocket"]);
  assert.deepEqual(seen.changes, ["websocket webrtc preferred", "webrtc  closed"]);
  assert.deepEqual(seen.states, ["closed"]);
  assert.equal(seen.finish_reason, "stop");
  assert.ok(seen.items >= 60);
  assert.deepEqual(seen.rungs.map(({ transport, state }) => `${transport} ${state}`), ["webrtc carrying", "websocket waiting"]);
  assert.deepEqual(seen.timeline.slice(0, 2), ["websocket channel", "websocket welcome"]);
  assert.deepEqual(seen.timeline.slice(2), ["signaling", "ice", "dtls", "channel", "welcome"].map((step) => `webrtc ${step}`));
  assert.ok(seen.sockets.every((state) => state >= 2), "the WebSocket is closed");
});

test("strict, one transport, the other way round, and none at all", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    const over = async (options) => {
      const before = [made.webrtc.length, made.websocket.length];
      const agent = await connect(location.origin, options);
      await agent.request({ action: "health" });
      await pause(300);
      const { transport } = agent;
      agent.close();
      return [transport, made.webrtc.length - before[0], made.websocket.length - before[1]].join(" ");
    };
    return {
      strict: await over({ strict: true }),
      only: await over({ transports: ["websocket"] }),
      reversed: await over({ transports: ["websocket", "webrtc"] }),
      none: await codeOf(connect(location.origin, { transports: [] })),
      unknown: await codeOf(connect(location.origin, { transports: ["pigeon"] })),
    };
  });
  assert.deepEqual(seen, { strict: "webrtc 1 0", only: "websocket 0 1", reversed: "websocket 0 1", none: "bad_request", unknown: "bad_request" });
});

test("when no transport opens the failure names them all, and strict names its own", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    forbidden.add("webrtc").add("websocket");
    const failure = (promise) => promise.catch(({ code, details: { step, transports } }) => ({ code, step, transports: Object.entries(transports).map(([name, { code, step }]) => `${name} ${code} ${step}`) }));
    const begin = performance.now();
    return {
      all: await failure(connect(location.origin)),
      strict: await failure(connect(location.origin, { strict: true })),
      socket: await failure(connect(location.origin, { transports: ["websocket"] })),
      ms: performance.now() - begin,
    };
  });
  assert.deepEqual(seen.all, { code: "not_supported", step: "signaling", transports: ["websocket transport_failed channel", "webrtc not_supported signaling"] });
  assert.deepEqual(seen.strict, { code: "not_supported", step: "signaling", transports: ["webrtc not_supported signaling"] });
  assert.deepEqual(seen.socket, { code: "transport_failed", step: "channel", transports: ["websocket transport_failed channel"] });
  assert.ok(seen.ms < 2_000, `${seen.ms} ms`);
});

test("without a WebSocket WebRTC alone carries the session, at once", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    forbidden.add("websocket");
    await open();
    const { transport } = agent;
    agent.close();
    // The head start ends with the WebSocket.
    return { transport, waited: made.webrtc[0] - made.websocket[0] };
  });
  assert.equal(seen.transport, "webrtc");
  assert.ok(seen.waited < 90, `${seen.waited} ms`);
});

test("in a worker, which has no WebRTC, the WebSocket carries the session and nothing else is tried", async (t) => {
  // From the server itself: to Chromium a script that the test hands in is from nowhere, and may not reach this machine.
  const www = mkdtempSync(join(tmpdir(), "tabagent-www-"));
  t.after(() => rmSync(www, { recursive: true, force: true }));
  cpSync(`${root}/www`, www, { recursive: true });
  cpSync(fileURLToPath(new URL("support/worker.js", import.meta.url)), `${www}/worker.js`);
  const own = await startServer({ args: ["--port", "0", "--allow-local", "--www", www] });
  t.after(() => own.stop());
  const page = await open(browser, own.url);
  const seen = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker("/worker.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      }),
  );
  await page.close();
  assert.deepEqual(seen, { status: "healthy", transport: "websocket", webrtc: ["idle", "not_supported"] });
});

test("while WebRTC fails it is tried ever more rarely, and at once when the network changes", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    // The server is asked in vain, so that each attempt fails for a reason that may pass.
    const real = window.fetch;
    let broken = true;
    window.fetch = (input, init) => (broken && new Request(input).url.includes("/webrtc/sessions") ? Promise.reject(new TypeError("no network")) : real(input, init));
    await open({ reconnect: { upgradeMs: 100, maxUpgradeMs: 60_000 } });
    while (made.webrtc.length < 5) await pause(10);
    const gaps = made.webrtc.slice(1).map((at, n) => at - made.webrtc[n]);
    const [webrtc] = (await agent.stats()).transports;
    const attempts = made.webrtc.length;
    broken = false;
    const begin = performance.now();
    dispatchEvent(new Event("online"));
    await changed("webrtc");
    const ms = performance.now() - begin;
    agent.close();
    return { gaps, webrtc, more: made.webrtc.length - attempts, ms, changes };
  });
  // Waits of 50 to 100, 100 to 200, 200 to 400, 400 to 800 ms.
  for (const [n, gap] of seen.gaps.entries()) assert.ok(gap >= 50 * 2 ** n, `${seen.gaps}`);
  assert.equal(seen.webrtc.error.code, "transport_failed");
  assert.equal(seen.webrtc.error.step, "signaling");
  assert.equal(seen.more, 1);
  assert.ok(seen.ms < 1_000, `${seen.ms} ms`);
  assert.equal(seen.changes[0], "websocket webrtc preferred");
});

for (const transport of ["webrtc", "websocket"]) {
  test(`a ${transport} that has gone silent is replaced, and not before it had time to answer`, async () => {
    await fresh();
    const seen = await page.evaluate(async (transport) => {
      await open({ transports: transport === "webrtc" ? ["webrtc", "websocket"] : ["websocket"], reconnect: { silenceMs: 300, answerMs: 200 } });
      await reached(agent, transport);
      await pause(1_000); // it is quiet, and alive
      const quiet = changes.length;
      const stream = agent.stream(count(200));
      await stream.next();
      silence((transport === "webrtc" ? peers : sockets).at(-1));
      const begin = performance.now();
      changes.length = 0;
      await changed("replaced");
      const ms = performance.now() - begin;
      const { state } = agent;
      let next = 1;
      let inOrder = true;
      for await (const { index } of stream) inOrder &&= index === next++;
      await stream.response;
      agent.close();
      return { quiet, ms, changes, states, state, inOrder };
    }, transport);
    assert.equal(seen.quiet, transport === "webrtc" ? 1 : 0, "nothing happened while it was alive");
    assert.equal(seen.changes[0], `${transport} websocket replaced`);
    assert.ok(seen.ms > 200 && seen.ms < 2_000, `${seen.ms} ms`);
    assert.ok(seen.inOrder);
    assert.deepEqual(seen.states, ["closed"], "it was never without a transport");
  });
}

test("a browser that doubts a connection that answers changes nothing", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    await open();
    await reached(agent, "webrtc");
    changes.length = 0;
    // However busy this machine is, what is raced beside it comes later.
    const { WebSocket } = globalThis;
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        silence(this);
      }
    };
    const peer = peers.at(-1);
    Object.defineProperty(peer, "connectionState", { get: () => "disconnected", configurable: true });
    peer.onconnectionstatechange(new Event("connectionstatechange"));
    await pause(500);
    const { transport } = agent;
    const { status } = await agent.request({ action: "health" });
    agent.close();
    return { transport, status, changes };
  });
  assert.deepEqual(seen, { transport: "webrtc", status: "healthy", changes: ["webrtc  closed"] });
});

test("calls made while there is no transport wait for it; without reconnecting the client closes", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    await open({ transports: ["websocket"], reconnect: { retryMs: 50, maxRetryMs: 50 } });
    forbidden.add("websocket");
    sockets.at(-1).close();
    await changed("lost");
    const { state, transport = null } = agent;
    const late = codeOf(agent.request({ action: "health" }, { timeoutMs: 200 }));
    const waiting = agent.request({ action: "health" });
    const code = await late;
    forbidden.delete("websocket");
    const { status } = await waiting;
    agent.close();
    const first = { state, transport, code, status, changes, states };

    await open({ transports: ["websocket"], reconnect: false });
    const stream = agent.stream(count(5_000));
    await stream.next();
    sockets.at(-1).close();
    const failed = await codeOf(stream.response);
    return { first, second: { failed, state: agent.state, reason: agent.reason.code } };
  });
  assert.deepEqual(seen.first, {
    state: "reconnecting",
    transport: null,
    code: "deadline_exceeded",
    status: "healthy",
    changes: ["websocket  lost", " websocket reconnected", "websocket  closed"],
    states: ["reconnecting", "connected", "closed"],
  });
  assert.deepEqual(seen.second, { failed: "outcome_unknown", state: "closed", reason: "transport_failed" });
});

// A WebAssembly instance that crashes: nothing hangs, what was under way says so, and the page goes on in the next instance by itself.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { bundled } from "./support/bundled.mjs";
import { launch, openWith } from "./support/chromium.mjs";
import { startServer, until } from "./support/server.mjs";

let server, browser;

before(async () => {
  const flags = ["--allow-local", "--tokens-per-second", "500", "--limit", "keepalive=200"];
  [server, browser] = await Promise.all([startServer({ flags }), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page whose instances can be ruined, with shorthands for what every test needs. */
async function fresh(t, client = "/client/index.js", inBrowser = browser) {
  const page = await openWith(inBrowser, server.url, "ruin.js", "transports.js");
  t.after(() => page.close());
  for (const [path, answer] of Object.entries(client === "/client/index.js" ? {} : await bundled())) await page.route(`**/${path}`, (route) => route.fulfill(answer));
  await page.evaluate(async (client) => {
    Object.assign(window, await import("/ruin.js"), await import("/transports.js"), await import(client));
    window.errors = [];
    addEventListener("error", (event) => {
      errors.push(`${event.error?.code} because of ${event.error?.cause?.name}`);
      event.preventDefault();
    });
    window.codeOf = (promise) => promise.then(() => "no error", ({ code }) => code);
    window.count = (n) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }] });
    /** Connects and keeps what changes. */
    window.open = async (options) => {
      const agent = await connect(location.origin, options);
      const log = [];
      agent.addEventListener("transportchange", ({ detail: { from = "none", to = "none", reason } }) => log.push(`${from} to ${to}: ${reason}`));
      agent.addEventListener("statechange", () => log.push(agent.state));
      return { agent, log };
    };
    window.next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
    /** Waits until the client is connected and has been told of a crash. */
    window.recovered = async ({ agent, log }) => {
      while (!(agent.state === "connected" && log.some((line) => line.includes("crashed")))) await next(agent, "transportchange");
    };
  }, client);
  return page;
}

const CRASHED = "client_crashed because of RuntimeError";

for (const transport of ["websocket", "webrtc"]) {
  test(`a crash in a call: every call rejects, the next is answered (${transport})`, async (t) => {
    const page = await fresh(t);
    const seen = await page.evaluate(async (transport) => {
      const one = await open({ transports: [transport] });
      const { agent, log } = one;
      const heard = [];
      agent.on("generation_stopped", ({ request_id }) => heard.push(request_id));
      const stream = reading(agent.stream(count(100_000)));
      while (stream.items.length < 20) await agent.request({ action: "health" });
      ruin();
      const crashing = codeOf(agent.request({ action: "health" }));
      const [code, streamed] = [await crashing, await stream.over];
      const between = agent.state;
      // Before there is another instance, and behind it.
      const statuses = [(await agent.request({ action: "health" })).status];
      await recovered(one);
      statuses.push((await agent.request({ action: "health" })).status);
      const stopped = agent.stream(count(100_000), { requestId: "stop me" });
      await stopped.next();
      await agent.request({ action: "stop_generation", request_id: "stop me" });
      while (heard.length === 0) await agent.request({ action: "health" });
      const { total_requests, successful_requests, failed_requests } = await agent.request({ action: "get_stats" });
      const stats = await agent.stats();
      agent.close();
      return { code, streamed, between, statuses, heard, log, errors, instances: instances.length, busy: total_requests - successful_requests - failed_requests, calls: stats.calls };
    }, transport);
    assert.deepEqual([seen.code, seen.streamed, seen.between], ["client_crashed", "client_crashed", "reconnecting"]);
    assert.deepEqual(seen.statuses, ["healthy", "healthy"]);
    assert.deepEqual(seen.heard, ["stop me"]);
    assert.deepEqual(seen.log, [
      "reconnecting",
      `${transport} to none: crashed`,
      "connected",
      `none to ${transport}: reconnected`,
      `${transport} to none: closed`,
      "closed",
    ]);
    assert.deepEqual(seen.errors, [CRASHED], "it is reported, once");
    assert.equal(seen.instances, 2);
    assert.deepEqual(seen.calls, { ours: 0, theirs: 0 });
    // The old session's stream has stopped: only the question itself is under way.
    assert.equal(seen.busy, 1);
    assert.ok(server.log.some((line) => line.includes("session ended") && line.includes("client_crashed")), "the server was told");
  });

  test(`a crash in a callback of the browser, in the middle of streams; what has a key goes on from its first item (${transport})`, async (t) => {
    const page = await fresh(t);
    const seen = await page.evaluate(async (transport) => {
      const one = await open({ transports: [transport] });
      const { agent, log } = one;
      const keyed = () => reading(agent.stream(count(2_000), { idempotencyKey: `again over ${transport}` }));
      // With a body that never ends.
      let stopped;
      const body = new ReadableStream({ pull: (source) => source.enqueue(new Uint8Array(1_000)), cancel: ({ code }) => (stopped = code) });
      const [stream, other] = [keyed(), reading(agent.stream(count(100_000), { body }))];
      while (Math.min(stream.items.length, other.items.length) < 20) await agent.request({ action: "health" });
      ruin();
      // Nothing calls it but its transport.
      const codes = [await stream.over, await other.over];
      const again = keyed();
      const end = await again.over;
      await recovered(one);
      agent.close();
      return { codes, stopped, end, items: again.items, log, errors };
    }, transport);
    assert.deepEqual(seen.codes, ["client_crashed", "client_crashed"]);
    assert.equal(seen.stopped, "client_crashed", "what its body was read from");
    assert.equal(seen.end, "stop");
    assert.deepEqual(seen.items, seen.items.map((_, index) => index));
    assert.ok(seen.items.length >= 2_000);
    assert.equal(seen.log[1], `${transport} to none: crashed`);
    assert.deepEqual(seen.errors, [CRASHED]);
  });
}

test("an idle client notices too, and is there when it is needed", async (t) => {
  const page = await fresh(t);
  const seen = await page.evaluate(async () => {
    const one = await open();
    const { agent, log } = one;
    ruin();
    await recovered(one);
    await reached(agent, "webrtc");
    const { status } = await agent.request({ action: "health" });
    // All but the one in use.
    const closed = peers.slice(0, -1).every(({ connectionState }) => connectionState === "closed");
    agent.close();
    return { status, errors, peers: peers.length, closed, sockets: sockets.map(({ readyState }) => readyState) };
  });
  assert.equal(seen.status, "healthy");
  assert.deepEqual(seen.errors, [CRASHED]);
  assert.ok(seen.closed, "no peer connection is left behind");
  assert.ok(seen.sockets.every((state) => state >= 2), "no WebSocket is left behind");
});

test("all clients of a page go on, and those that are made meanwhile come about", async (t) => {
  const page = await fresh(t);
  const seen = await page.evaluate(async () => {
    const all = [await open({ transports: ["websocket"] }), await open({ transports: ["webrtc"] }), await open()];
    const streams = all.map(({ agent }) => reading(agent.stream(count(100_000))));
    while (streams.some(({ items }) => items.length < 5)) await all[0].agent.request({ action: "health" });
    ruin();
    const codes = await Promise.all(streams.map(({ over }) => over));
    const late = await open();
    const statuses = await Promise.all([...all, late].map(async ({ agent }) => (await agent.request({ action: "health" })).status));
    const states = [...all, late].map(({ agent }) => agent.state);
    for (const { agent } of [...all, late]) agent.close();
    return { codes, statuses, states, errors, instances: instances.length };
  });
  assert.deepEqual(seen.codes, Array(3).fill("client_crashed"));
  assert.deepEqual(seen.statuses, Array(4).fill("healthy"));
  assert.deepEqual(seen.states, Array(4).fill("connected"));
  assert.deepEqual([seen.errors, seen.instances], [[CRASHED], 2], "one crash, one new instance for all");
});

test("no stack left is a crash too; one in a handler of a client's own is contained as well", async (t) => {
  const page = await fresh(t);
  const seen = await page.evaluate(async () => {
    const one = await open({ transports: ["websocket"] });
    const { agent } = one;
    // Down to the last frame; on the way up there is a little more stack each time, until there is enough to get into the module.
    let codes = [];
    const deep = () => {
      try {
        deep();
      } catch {}
      if (instances.length === 1 && codes.length < 1_000) codes.push(codeOf(agent.request({ action: "health" })));
    };
    deep();
    codes = new Set(await Promise.all(codes));
    const first = (await agent.request({ action: "health" })).status;
    const before = [...errors];
    // Asked in the middle of the module's own turn.
    const asked = new Promise((resolve) => {
      const off = agent.on("generation_stopped", () => {
        off();
        ruin();
        resolve(codeOf(agent.request({ action: "health" })));
      });
    });
    const stopped = agent.stream(count(100_000), { requestId: "one more" });
    await stopped.next();
    await codeOf(agent.request({ action: "stop_generation", request_id: "one more" }));
    const nested = await asked;
    const second = (await agent.request({ action: "health" })).status;
    agent.close();
    return { codes: [...codes], first, before, nested, second };
  });
  assert.ok(seen.codes.includes("client_crashed"), seen.codes.join());
  assert.equal(seen.first, "healthy");
  assert.deepEqual(seen.before, ["client_crashed because of RangeError"]);
  assert.deepEqual([seen.nested, seen.second], ["client_crashed", "healthy"]);
});

test("a client that closes in a ruined instance is closed, and takes nobody with it", async (t) => {
  const page = await fresh(t);
  const seen = await page.evaluate(async () => {
    const [one, two] = [await open({ transports: ["websocket"] }), await open({ transports: ["websocket"] })];
    const pending = codeOf(one.agent.request({ action: "health" }));
    ruin();
    one.agent.close();
    const code = await pending;
    while (one.agent.state !== "closed") await next(one.agent, "statechange");
    await recovered(two);
    const { status } = await two.agent.request({ action: "health" });
    two.agent.close();
    return { code, reason: one.agent.reason.code, status, late: await codeOf(one.agent.request({ action: "health" })) };
  });
  assert.equal(seen.reason, "cancelled");
  assert.match(seen.code, /client_crashed|cancelled/);
  assert.deepEqual([seen.status, seen.late], ["healthy", "invalid_state"]);
});

test("a crash while connecting: connect() goes on in the next instance", async (t) => {
  const page = await fresh(t);
  const seen = await page.evaluate(async () => {
    const connecting = open();
    while (instances.length === 0 || sockets.length + peers.length === 0) await new Promise((resolve) => setTimeout(resolve));
    ruin();
    const { agent } = await connecting;
    const { status } = await agent.request({ action: "health" });
    agent.close();
    return { status, errors, instances: instances.length };
  });
  assert.deepEqual(seen, { status: "healthy", errors: [CRASHED], instances: 2 });
});

test("behind a bundler that loads the module itself, the next instance is loaded from beside it", async (t) => {
  const page = await fresh(t, "/bundled/app.js");
  const seen = await page.evaluate(async () => {
    const one = await open();
    const statuses = [];
    for (let n = 0; n < 3; n++) {
      statuses.push((await one.agent.request({ action: "health" })).status);
      if (n === 2) break;
      one.log.length = 0;
      ruin();
      await recovered(one);
    }
    one.agent.close();
    return { statuses, errors, instances: instances.length };
  });
  assert.deepEqual(seen, { statuses: Array(3).fill("healthy"), errors: [CRASHED, CRASHED], instances: 3 });
});

test("without it, the client closes and says why", async (t) => {
  const page = await fresh(t, "/bundled/app.js");
  await page.route("**/bundled/*.wasm", (route) => route.fulfill({ status: 404 }));
  const seen = await page.evaluate(async () => {
    const { agent } = await open();
    ruin();
    const code = await codeOf(agent.request({ action: "health" }));
    const waiting = codeOf(agent.request({ action: "health" }));
    while (agent.state !== "closed") await next(agent, "statechange");
    return { code, waiting: await waiting, reason: agent.reason.code, again: await codeOf(connect(location.origin)) };
  });
  assert.deepEqual(seen, { code: "client_crashed", waiting: "invalid_state", reason: "client_crashed", again: "not_supported" });
});

test("nothing of an instance that crashed is left in memory", async (t) => {
  const collecting = await launch("--js-flags=--expose-gc");
  t.after(() => collecting.close());
  const page = await fresh(t, undefined, collecting);
  const seen = await page.evaluate(async () => {
    const one = await open();
    await reached(one.agent, "webrtc");
    ruin();
    await recovered(one);
    await one.agent.request({ action: "health" });
    const crashed = new WeakRef(instances[0]);
    instances.length = peers.length = sockets.length = errors.length = faults.transports.length = 0;
    const end = performance.now() + 10_000;
    while (crashed.deref() && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      gc();
    }
    const left = !!crashed.deref();
    const { status } = await one.agent.request({ action: "health" });
    one.agent.close();
    return { left, status };
  });
  assert.deepEqual(seen, { left: false, status: "healthy" });
});

test("what crashes again and again is not started for ever: the client closes and says why", async (t) => {
  const page = await fresh(t);
  const seen = await page.evaluate(async () => {
    const one = await open({ transports: ["websocket"] });
    const { agent, log } = one;
    const codes = [];
    for (let n = 0; n < 3; n++) {
      ruin();
      codes.push(await codeOf(agent.request({ action: "health" })));
      while (agent.state === "reconnecting") await next(agent, "statechange");
      log.push("---");
    }
    const late = [await codeOf(agent.request({ action: "health" })), await codeOf(connect(location.origin))];
    return { codes, state: agent.state, reason: [agent.reason.code, agent.reason.message], late, instances: instances.length, last: log.slice(-3) };
  });
  assert.deepEqual(seen.codes, Array(3).fill("client_crashed"));
  assert.equal(seen.state, "closed");
  assert.equal(seen.reason[0], "client_crashed");
  assert.match(seen.reason[1], /3 times within 60 s/);
  assert.deepEqual(seen.late, ["invalid_state", "client_crashed"]);
  assert.equal(seen.instances, 3);
});

test("the sessions that crashed are gone at the server, with their connections", async () => {
  const sessions = async () => (await (await fetch(`${server.url}/v1/stats`)).json()).sessions;
  assert.equal(await until(async () => (await sessions()).connected, (count) => count === 0), 0);
  // Clients that closed without an instance had no way to say goodbye: a session each in the three tests of that, until its window ends.
  assert.ok((await sessions()).disconnected <= 3);
});

// A server that ends and the next one on its port: what is under way is finished, what is new goes to the next one, nobody is asked twice.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { root, startServer, until } from "./support/server.mjs";

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function serve(t, port, ...flags) {
  const server = await startServer({ args: ["--port", port, "--www", `${root}/www`, "--allow-local", "--tokens-per-second", "200", ...flags] });
  t.after(() => server.stop("SIGKILL"));
  return server;
}

/** A page with a client, and streams that note what they have read. */
async function pageOf(t, url, options) {
  const page = await openWith(browser, url, "transports.js");
  t.after(() => page.close());
  await page.evaluate(async (options) => {
    Object.assign(window, await import("/transports.js"), await import("/client/index.js"));
    window.agent = await connect(location.origin, options);
    await reached(agent, options.transports?.[0] ?? "webrtc");
    window.changes = [];
    agent.addEventListener("transportchange", ({ detail: { from = null, to = null, reason } }) => changes.push([from, to, reason].join(" ")));
    window.draining = new Promise((resolve) => agent.on("server_draining", resolve));
    window.count = (n, more) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }], ...more });
    window.reading = (stream) => {
      const read = { items: 0, ordered: true };
      read.over = (async () => {
        for await (const { index } of stream) read.ordered &&= index === read.items++;
        return (await stream.response).finish_reason;
      })().catch(({ code }) => code);
      return read;
    };
    await agent.request({ action: "health" });
  }, options);
  return page;
}

for (const transport of ["webrtc", "websocket"]) {
  test(`a server that is replaced finishes its streams over broken transports; new calls wait for the next one (${transport})`, async (t) => {
    const first = await serve(t, "0", "--limit", "drain=120000");
    const page = await pageOf(t, first.url, { transports: [transport], reconnect: { maxRetryMs: 200 } });
    await page.evaluate(async () => {
      window.streams = [reading(agent.stream(count(300))), reading(agent.stream(count(300, { idempotency_key: "once" })))];
      while (streams.some(({ items }) => items < 5)) await agent.request({ action: "health" });
    });
    const stopped = first.stop();
    const seen = await page.evaluate(async () => {
      const { deadline_ms } = await draining;
      // Its go-away travels in front of the event.
      window.later = agent.request(count(3));
      (peers.at(-1) ?? sockets.at(-1)).close();
      const ends = await Promise.all(streams.map(({ over }) => over));
      return { deadline_ms, ends, ordered: streams.map(({ ordered }) => ordered), counted: streams.map(({ items }) => items), changes };
    });
    assert.deepEqual(seen, {
      deadline_ms: 120_000,
      ends: ["stop", "stop"],
      ordered: [true, true],
      counted: [300, 300],
      changes: [`${transport}  lost`, ` ${transport} reconnected`],
    });
    await stopped;
    await until(() => page.evaluate(() => agent.state), (state) => state === "reconnecting");
    const second = await serve(t, new URL(first.url).port);
    const next = await page.evaluate(async () => {
      const text = (await later).response;
      const { total_requests } = await agent.request({ action: "get_stats" });
      const again = await agent.request(count(3, { idempotency_key: "once" }));
      agent.close();
      return { text: text.includes("3"), total_requests, again: again.finish_reason };
    });
    // The call that waited, the subscription that is renewed, the question for the count.
    assert.deepEqual(next, { text: true, total_requests: 3, again: "stop" });
    await second.stop();
  });
}

test("what a server cannot finish in time is unknown, and its clients come to the next one", async (t) => {
  const first = await serve(t, "0", "--limit", "drain=300");
  const page = await pageOf(t, first.url, { reconnect: { maxRetryMs: 200 } });
  await page.evaluate(async () => {
    window.endless = reading(agent.stream(count(100_000)));
    while (endless.items < 5) await agent.request({ action: "health" });
  });
  await first.stop();
  assert.equal(await page.evaluate(() => endless.over), "outcome_unknown");
  const second = await serve(t, new URL(first.url).port);
  assert.equal(await page.evaluate(async () => (await agent.request({ action: "health" })).status), "healthy");
  await page.evaluate(() => agent.close());
  await second.stop();
});

test("a client that comes while a server ends is told so and when to come again; one that does not reconnect ends with it", async (t) => {
  const server = await serve(t, "0", "--limit", "drain=120000");
  // A WebSocket of a process that is gone is closed at once.
  const page = await pageOf(t, server.url, { transports: ["websocket"], reconnect: false });
  await page.evaluate(async () => {
    window.stream = reading(agent.stream(count(100_000)));
    while (stream.items < 5) await agent.request({ action: "health" });
  });
  const other = await openWith(browser, server.url, "transports.js");
  t.after(() => other.close());
  await other.evaluate(() => import("/client/index.js"));
  const stopped = server.stop();
  const refused = await page.evaluate(async () => {
    await draining;
    const { connect } = await import("/client/index.js");
    return connect(location.origin, { transports: ["websocket"], key: "nobody's" }).then(() => "connected", ({ code }) => code);
  });
  assert.equal(refused, "unauthorized");
  const told = await other.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const ways = [["websocket"], ["webrtc"], undefined];
    const refused = ways.map((transports) => connect(location.origin, { transports }).then(() => ({}), ({ code, retryAfterMs }) => ({ code, retryAfterMs })));
    return Promise.all(refused);
  });
  // A session of this principal stands, so data channels are opened before it turns out that they are for another one.
  for (const { code, retryAfterMs } of told) assert.ok(code === "draining" && retryAfterMs > 0 && retryAfterMs <= 120_000, JSON.stringify(told));
  process.kill(server.pid, "SIGTERM");
  await stopped;
  const end = await page.evaluate(async () => {
    const code = await stream.over;
    return { code, state: agent.state };
  });
  assert.deepEqual(end, { code: "outcome_unknown", state: "closed" });
});

test("a connection that is deleted is left before it is closed: a stream on it does not notice", async (t) => {
  const server = await serve(t, "0");
  const page = await pageOf(t, server.url, { reconnect: { stableMs: 0 } });
  const seen = await page.evaluate(async () => {
    const stream = reading(agent.stream(count(600)));
    while (stream.items < 5) await agent.request({ action: "health" });
    const { connectionId } = agent;
    const { status } = await fetch(`/v1/webrtc/session/${connectionId}`, { method: "DELETE" });
    const gone = (await fetch(`/v1/webrtc/session/${connectionId}`)).status;
    const end = await stream.over;
    const again = agent.transport;
    agent.close();
    return { status, gone, end, ordered: stream.ordered, again, left: connectionId, changes };
  });
  assert.deepEqual([seen.status, seen.gone, seen.end, seen.ordered, seen.again], [200, 404, "stop", true, "webrtc"]);
  assert.ok(seen.changes.length > 0 && !seen.changes.some((change) => /lost|reconnected/.test(change)), JSON.stringify(seen.changes));
  // Its reason in the log is the one that was given.
  const story = await until(() => server.steps(seen.left), (lines) => lines.some((line) => line.includes("its client deleted it")));
  assert.ok(story.some((line) => line.includes("its client deleted it")), story.join("\n"));
});

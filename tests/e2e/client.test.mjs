// The manners of the client: states, reasons, aborted attempts and calls, streams left early, events, functions that throw.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open } from "./support/chromium.mjs";
import { getJson, startServer, until } from "./support/server.mjs";

let server, browser, page;
const thrown = [];

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
  page = await open(browser, server.url);
  page.on("pageerror", (error) => thrown.push(error.message));
  await page.evaluate(() => {
    window.count = (n) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }] });
    window.codeOf = (promise) => promise.then(() => "no error", (error) => error.code);
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("states, the reason of an end, and what is left of a closed client", async () => {
  const seen = await page.evaluate(async () => {
    const { connect, TabagentError } = await import("/client/index.js");
    const states = [];
    const agent = await connect(location.origin);
    agent.addEventListener("statechange", () => states.push(agent.state));
    states.push(agent.state);
    const before = [agent.transport, agent.reason ?? null];
    agent.close();
    agent.close();
    const stats = await agent.stats();
    const late = await codeOf(agent.request({ action: "health" }));
    return { states, before, reason: [agent.reason instanceof TabagentError, agent.reason.code], transport: agent.transport ?? null, stats, late };
  });
  assert.deepEqual(seen.states, ["connected", "closed"]);
  assert.deepEqual(seen.before, ["websocket", null]);
  assert.deepEqual(seen.reason, [true, "cancelled"]);
  assert.equal(seen.transport, null);
  assert.equal(seen.stats.state, "closed");
  assert.equal(seen.late, "invalid_state");
});

test("an attempt that is aborted ends at once, and the server does not wait for it", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const early = await codeOf(connect(location.origin, { signal: AbortSignal.abort() }));
    const controller = new AbortController();
    const transports = ["webrtc"];
    const steps = [];
    const debug = ({ step, connection }) => {
      steps.push(step);
      if (step === "answer") window.connection = connection;
      if (step === "answer") controller.abort();
    };
    const midway = await codeOf(connect(location.origin, { transports, signal: controller.signal, debug }));
    const at = async (transport, wanted) => {
      const controller = new AbortController();
      const debug = ({ step }) => step === wanted && controller.abort();
      return codeOf(connect(location.origin, { transports: [transport], signal: controller.signal, debug }));
    };
    const each = [];
    for (const step of ["offer", "signaling", "ice", "dtls", "channel", "welcome"]) each.push(await at("webrtc", step));
    for (const step of ["channel", "welcome"]) each.push(await at("websocket", step));
    const flow = { transports, negotiation: "server-offers", signal: AbortSignal.timeout(1) };
    return { early, midway, each, late: await codeOf(connect(location.origin, flow)), steps, connection: window.connection };
  });
  assert.deepEqual(seen.each, Array(8).fill("cancelled"), "at whatever step");
  assert.equal(seen.late, "cancelled");
  assert.equal(seen.early, "cancelled");
  assert.equal(seen.midway, "cancelled");
  assert.deepEqual(seen.steps, ["offer", "answer", "closed"]);
  const gone = await until(() => getJson(`${server.url}/v1/webrtc/session/${seen.connection}`), ({ status }) => status === 404, 5_000);
  assert.equal(gone.status, 404, "the connection is deleted, not timed out");
});

test("calls: aborted on the way, left early, cancelled; each is settled once", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin);
    const controller = new AbortController();
    const slow = agent.request(count(5000), { signal: controller.signal }).catch((error) => [error.code, error.cause]);
    setTimeout(() => controller.abort("enough"), 50);

    const cancelled = agent.stream(count(5000));
    const read = [];
    const loop = (async () => {
      for await (const { index } of cancelled) {
        read.push(index);
        if (index === 3) cancelled.cancel();
      }
    })();

    const left = agent.stream(count(5000));
    for await (const item of left) if (item) break;

    const result = {
      slow: await slow,
      loop: await codeOf(loop),
      read: read.length,
      response: await codeOf(cancelled.response),
      left: await codeOf(left.response),
      after: (await left.next()).done,
      inFlight: (await agent.stats()).calls.ours,
    };
    agent.close();
    return result;
  });
  assert.deepEqual(seen.slow, ["cancelled", "enough"]);
  assert.equal(seen.loop, "cancelled");
  assert.equal(seen.read, 4);
  assert.equal(seen.response, "cancelled");
  assert.equal(seen.left, "cancelled");
  assert.equal(seen.after, true);
  assert.equal(seen.inFlight, 0);
});

test("a stream that nobody reads waits, and goes on when it is read", async () => {
  // As fast as it can: only the reader holds it up.
  const fast = await startServer({ flags: ["--allow-local", "--tokens-per-second", "0"] });
  const page = await open(browser, fast.url);
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const count = (n) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }] });
    const agent = await connect(location.origin);
    const produced = async () => (await agent.request({ action: "get_stats" })).tokens_generated;
    const stream = agent.stream(count(20_000));
    // It stands still when many round trips in a row see the same number.
    let [now, same] = [-1, 0];
    while (same < 20) {
      const last = now;
      now = await produced();
      same = now === last && now > 0 ? same + 1 : 0;
    }
    let items = 0;
    for await (const item of stream) items += item ? 1 : 0;
    const { usage } = await stream.response;
    agent.close();
    return { stalled: now, items, tokens: usage.completion_tokens };
  });
  await fast.stop();
  assert.ok(seen.items >= 20_000, `${seen.items} items`);
  assert.ok(seen.stalled < seen.items, `stopped at ${seen.stalled} of ${seen.items}`);
});

test("calls in flight when the client closes fail; none is left hanging", async () => {
  const codes = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin);
    const stream = agent.stream(count(5000));
    await stream.next();
    const unsent = agent.request({ action: "health" });
    agent.close();
    return Promise.all([codeOf(stream.response), codeOf(unsent), codeOf(agent.stream(count(3)).response)]);
  });
  assert.deepEqual(codes, ["outcome_unknown", "cancelled", "invalid_state"]);
});

test("handlers that throw disturb nobody", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin, {
      debug() {
        throw new Error("from debug");
      },
    });
    const off = agent.on("generation_stopped", () => {
      throw new Error("from a handler");
    });
    const heard = new Promise((resolve) => agent.on("generation_stopped", resolve));
    const stream = agent.stream(count(5000), { requestId: "to be stopped" });
    await stream.next();
    await agent.request({ action: "stop_generation", request_id: "to be stopped" });
    const event = await heard;
    off();
    agent.close();
    return event;
  });
  assert.equal(seen.event, "generation_stopped");
  assert.equal(seen.request_id, "to be stopped");
  assert.deepEqual([...new Set(thrown)].sort(), ["from a handler", "from debug"], "and nothing else was thrown in all these tests");
});

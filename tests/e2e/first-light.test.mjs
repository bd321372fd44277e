// A page in real Chromium, the compiled SDK, the real server: connect, ask, stream, cancel, close.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open } from "./support/chromium.mjs";
import { getJson, startServer, until } from "./support/server.mjs";

let server, browser, page;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
  page = await open(browser, server.url);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("system_info, a streamed chat in order, cancel stops the producer, close ends the session", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin, { transports: ["webrtc"] });
    const ask = (content) => agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content }] });
    const read = async (stream) => {
      const deltas = [];
      for await (const item of stream) deltas.push(item);
      return { deltas, response: await stream.response };
    };
    const tokens = async () => (await agent.request({ action: "get_stats" })).tokens_generated;

    const info = await agent.request({ action: "system_info" });
    const whole = await read(ask("Count to 60"));

    let taken = 0;
    for await (const item of ask("Count to 5000")) if (item && ++taken === 5) break;
    const afterCancel = await tokens();
    const next = await read(ask("Count to 20"));
    const afterNext = await tokens();

    const { connectionId } = agent;
    agent.close();
    return { info, whole, taken, produced: afterNext - afterCancel, next: next.deltas.length, connectionId, state: agent.state };
  });

  assert.equal(seen.info.type, "system_info_response");
  assert.ok(seen.info.system.memory.total_bytes > 0);
  const { deltas, response } = seen.whole;
  assert.ok(deltas.length >= 50, `${deltas.length} deltas`);
  assert.deepEqual(deltas.map((item) => item.index), deltas.map((_, index) => index), "in order, none missing");
  assert.equal(deltas.map((item) => item.delta).join(""), response.response, "the deltas are the answer");
  assert.equal(seen.taken, 5);
  assert.equal(seen.produced, seen.next, "after the cancel only the next chat produced tokens");
  assert.equal(seen.state, "closed");

  const look = () => getJson(`${server.url}/v1/webrtc/session/${seen.connectionId}`);
  const gone = await until(look, ({ body }) => body.state === "closed");
  assert.equal(gone.body.state, "closed", "an ended connection can be looked at for a while");
  const { body } = await getJson(`${server.url}/v1/stats`);
  assert.equal(body.sessions.active, 0, JSON.stringify(body.sessions));
});

test("an error has a stable code, and the session goes on", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin);
    const codeOf = (promise) => promise.then(() => "no error", (error) => [error instanceof Error, error.code, error.details?.field ?? null]);
    const codes = {
      unknown: await codeOf(agent.request({ action: "fly_to_the_moon" })),
      invalid: await codeOf(agent.request({ action: "chat", model: "", messages: [] })),
      model: await codeOf(agent.request({ action: "chat", model: "no/such", messages: [{ role: "user", content: "hi" }] })),
      late: await codeOf(agent.request({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5000" }] }, { timeoutMs: 300 })),
      aborted: await codeOf(agent.request({ action: "health" }, { signal: AbortSignal.abort() })),
    };
    const health = await agent.request({ action: "health" });
    agent.close();
    codes.closed = await codeOf(agent.request({ action: "health" }));
    return { codes, health };
  });
  assert.deepEqual(seen.codes.unknown, [true, "unknown_action", null]);
  assert.deepEqual(seen.codes.invalid.slice(0, 2), [true, "validation_failed"]);
  assert.ok(["model", "messages"].includes(seen.codes.invalid[2]), "the field is named");
  assert.deepEqual(seen.codes.model, [true, "model_not_found", "model"]);
  assert.deepEqual(seen.codes.late, [true, "deadline_exceeded", null]);
  assert.deepEqual(seen.codes.aborted, [true, "cancelled", null]);
  assert.deepEqual(seen.codes.closed.slice(0, 2), [true, "invalid_state"]);
  assert.equal(seen.health.status, "healthy");
});

test("stop_generation ends a chat early with what it has", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin);
    const chat = { action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5000" }] };
    const ends = [];
    // The name may stand in the options or among the fields.
    for (const stream of [agent.stream(chat, { requestId: "one" }), agent.stream({ ...chat, request_id: "two" })]) {
      let stopped;
      for await (const item of stream) {
        if (item.index === 3) stopped = await agent.request({ action: "stop_generation", request_id: stream.requestId });
      }
      const { finish_reason } = await stream.response;
      ends.push([stream.requestId, stopped.stopped_count, finish_reason]);
    }
    agent.close();
    return ends;
  });
  assert.deepEqual(seen, [["one", 1, "cancelled"], ["two", 1, "cancelled"]]);
});

test("a subscribed event reaches the other page, and nobody after unsubscribing", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const [reader, writer] = await Promise.all([connect(location.origin), connect(location.origin)]);
    const stopAnother = async (name) => {
      const chat = writer.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5000" }] }, { requestId: name });
      for await (const { index } of chat) if (index === 0) await writer.request({ action: "stop_generation", request_id: name });
    };
    const heard = [];
    let off;
    const first = new Promise((resolve) => {
      off = reader.on("generation_stopped", (event) => resolve(heard.push(event)));
    });
    await reader.request({ action: "health" }); // behind the subscription
    await stopAnother("first");
    await first;
    off();
    await reader.request({ action: "health" });
    await stopAnother("second");
    await reader.request({ action: "health" });
    reader[Symbol.dispose]?.();
    writer.close();
    return { heard, states: [reader.state, writer.state] };
  });
  assert.deepEqual(seen.heard, [{ type: "event", event: "generation_stopped", request_id: "first" }]);
  assert.deepEqual(seen.states, ["closed", "closed"]);
});

test("both sides log every step of the handshake, in order, under one id, without SDP", async () => {
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const lines = [];
    const agent = await connect(location.origin, { transports: ["webrtc"], debug: (line) => lines.push(line) });
    await agent.request({ action: "health" });
    const { connectionId, timeline } = agent;
    const stats = await agent.stats();
    agent.close();
    return { lines: lines.map((line) => JSON.stringify(line)), connectionId, timeline, stats };
  });
  const order = (lines, steps) => steps.map((step) => lines.findIndex((line) => line.includes(step)));
  const rising = (at) => at.every((place, n) => place >= 0 && (n === 0 || place > at[n - 1]));

  const client = order(seen.lines, ["offer", "answer", "ice", "dtls", "channel", "welcome"]);
  assert.ok(rising(client), `${client}\n${seen.lines.join("\n")}`);
  const steps = ["offer", "answer", "candidates", "ice", "dtls", "channel", "welcome"].map((step) => `handshake: ${step} `);
  const lines = await until(() => server.steps(seen.connectionId), (found) => rising(order(found, steps)));
  assert.ok(rising(order(lines, steps)), lines.join("\n"));
  for (const line of [...seen.lines, ...server.log]) assert.ok(!/a=fingerprint|a=ice-pwd|v=0/.test(line), line);

  assert.deepEqual(seen.timeline.map(({ step }) => step), ["signaling", "ice", "dtls", "channel", "welcome"]);
  assert.equal(seen.stats.state, "connected");
  assert.equal(seen.stats.transport, "webrtc");
  assert.ok(seen.stats.candidatePair, "the selected pair is known");
  assert.ok(seen.stats.roundTripMs > 0);
});

test("a server that ends says so, lets a short call finish, and leaves nobody waiting", async (t) => {
  const ending = await startServer({ flags: ["--allow-local", "--limit", "drain=3000"] });
  t.after(() => ending.stop());
  const other = await open(browser, ending.url);
  const connected = await other.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    // Without a next server to look for.
    globalThis.agent = await connect(location.origin, { reconnect: false });
    globalThis.announced = new Promise((resolve) => agent.on("server_draining", resolve));
    globalThis.ended = new Promise((resolve) => agent.addEventListener("statechange", () => agent.state === "closed" && resolve(agent.reason?.code)));
    const ask = (content) => agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content }] });
    const [short, long] = [ask("Count to 50"), ask("Count to 5000")];
    globalThis.short = short.response.then(({ finish_reason }) => finish_reason, ({ code }) => code);
    globalThis.long = long.response.then(({ finish_reason }) => finish_reason, ({ code }) => code);
    for (const stream of [short, long]) (async () => { try { for await (const _ of stream); } catch {} })();
    await agent.request({ action: "health" });
    return agent.state;
  });
  assert.equal(connected, "connected");
  const stopped = ending.stop();
  const seen = await other.evaluate(async () => ({ announced: (await announced).event, ended: await ended, short: await short, long: await long }));
  assert.deepEqual(seen, { announced: "server_draining", ended: "draining", short: "stop", long: "outcome_unknown" });
  await stopped;
});

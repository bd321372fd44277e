// Sessions that outlive their transports: nothing lost and nothing repeated, whatever breaks under a stream.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { startProxy } from "./support/proxy.mjs";
import { startServer } from "./support/server.mjs";

/** Every break has a thousand items around it; `npm run soak` wants more of them. */
const kills = Number(process.env.KILLS ?? 10);
const items = 1_000 * kills;
/** So many tokens a second that a stream of all items lasts longer than its kills. */
const pace = ["--tokens-per-second", "4000"];
/** Nobody's network breaks so often. */
const resumes = ["--limit", "resumes_per_minute=1000000"];

let server, browser, proxy;

before(async () => {
  [server, browser] = await Promise.all([startServer({ flags: ["--allow-local", ...pace, ...resumes] }), launch()]);
  proxy = await startProxy(server.url);
});
after(async () => {
  await browser?.close();
  proxy?.stop();
  await server?.stop();
});

/** A stream of all items, broken at random places; answers what was read and how long after each break a call was answered. */
const brokenStream = (page, options, breaks, seed) =>
  page.evaluate(
    async ([options, breaks, seed, items, kills]) => {
      const { peers, random, reached } = await import("/transports.js");
      const { connect } = await import("/client/index.js");
      const next = random(seed);
      const agent = await connect(location.origin, options);
      await reached(agent, options.transports?.[0] ?? "webrtc");
      const moves = [];
      agent.addEventListener("transportchange", ({ detail }) => moves.push(detail));
      const break_ = {
        close: () => peers.at(-1).close(),
        // The session is asked to leave it, and does so while the stream goes on.
        delete: async () => {
          const { connectionId } = agent;
          const left = new Promise((resolve) => agent.addEventListener("transportchange", resolve, { once: true }));
          await fetch(`/v1/webrtc/session/${connectionId}`, { method: "DELETE" });
          await left;
        },
        cut: () => cut(),
      };
      const points = Array.from({ length: kills }, () => Math.floor(next() * items)).sort((one, other) => one - other);
      const stream = agent.stream({ action: "generate", model: "default", prompt: `Count to ${items}`, max_tokens: 100_000 });
      const read = [];
      const stalls = [];
      for await (const { index, delta } of stream) {
        read.push([index, delta]);
        while (points[0] <= read.length) {
          points.shift();
          const begin = performance.now();
          await break_[agent.transport === "websocket" ? "cut" : breaks[Math.floor(next() * breaks.length)]]();
          // Until a call is answered again; items come all the while.
          await agent.request({ action: "health" });
          stalls.push(performance.now() - begin);
        }
      }
      const answer = await stream.response;
      agent.close();
      return { order: read.every(([index], at) => index === at), count: read.length, same: read.map(([, delta]) => delta).join("") === answer.text, stalls, moves };
    },
    [options, breaks, seed, items, kills],
  );

const median = (numbers) => [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];

for (const [name, options, breaks] of [
  ["peer connections", {}, ["close", "delete"]],
  ["peer connections, without anything else", { transports: ["webrtc"] }, ["close", "delete"]],
  ["WebSockets", { transports: ["websocket"] }, []],
]) {
  test(`a stream of ${items} items over ${kills} broken ${name}: none lost, none repeated, in order`, async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
    t.diagnostic(`seed ${seed}`);
    const page = await openWith(browser, proxy.url, "transports.js");
    await page.exposeFunction("cut", () => proxy.cut());
    const seen = await brokenStream(page, { ...options, reconnect: { stableMs: 0 } }, breaks, seed);
    t.diagnostic(`moves ${seen.moves.length}, median stall ${median(seen.stalls)?.toFixed(1)} ms, longest ${Math.max(...seen.stalls).toFixed(1)} ms`);
    assert.ok(seen.count >= items, `${seen.count} items`);
    assert.ok(seen.order, "by their numbers");
    assert.ok(seen.same, "the items are the answer");
    assert.equal(seen.stalls.length, kills);
    assert.ok(seen.moves.length >= kills, "each was noticed");
    await page.close();
  });
}

for (const transport of ["webrtc", "websocket"]) {
  test(`bodies of 900 KiB, each with a break of its ${transport} on the way, arrive once and whole`, async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
    t.diagnostic(`seed ${seed}`);
    const page = await openWith(browser, proxy.url, "transports.js");
    await page.exposeFunction("cut", () => proxy.cut());
    const seen = await page.evaluate(
      async ([transport, seed, kills]) => {
        const { peers, random, reached } = await import("/transports.js");
        const { connect } = await import("/client/index.js");
        const next = random(seed);
        const agent = await connect(location.origin, { transports: [transport], reconnect: { stableMs: 0 } });
        const answers = async () => (await agent.request({ action: "get_stats" })).total_requests;
        const before = await answers();
        const statuses = [];
        for (let n = 0; n < kills; n++) {
          const payload = new Uint8Array(900 * 1024).fill(n);
          const answer = agent.request({ action: "health" }, { payload });
          await new Promise((resolve) => setTimeout(resolve, next() * 20));
          await (transport === "webrtc" ? peers.at(-1).close() : cut());
          statuses.push((await answer).status);
          await reached(agent);
        }
        const after = await answers();
        agent.close();
        return { statuses, counted: after - before };
      },
      [transport, seed, kills],
    );
    assert.deepEqual(seen.statuses, Array(kills).fill("healthy"));
    assert.equal(seen.counted, kills + 1, "each was carried out once, beside the question for the first count");
    await page.close();
  });
}

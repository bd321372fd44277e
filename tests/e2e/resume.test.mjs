// Sessions that outlive their transports: nothing lost and nothing repeated, whatever breaks under a stream.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { startProxy } from "./support/proxy.mjs";
import { startServer } from "./support/server.mjs";

const items = 10_000;
const kills = 10;
/** So many tokens a second that a stream of all items lasts longer than its kills. */
const pace = ["--tokens-per-second", "4000"];

let server, browser, proxy;

before(async () => {
  [server, browser] = await Promise.all([startServer({ flags: ["--allow-local", ...pace] }), launch()]);
  proxy = await startProxy(server.url);
});
after(async () => {
  await browser?.close();
  proxy?.stop();
  await server?.stop();
});

/** A stream of all items, broken at random places; answers what was read and how long each break held it up. */
const brokenStream = (page, options, breaks, seed) =>
  page.evaluate(
    async ([options, breaks, seed, items, kills]) => {
      const { peers, random, reached } = await import("/transports.js");
      const { connect } = await import("/client/index.js");
      const next = random(seed);
      const agent = await connect(location.origin, options);
      await reached(agent, options.transports?.[0] ?? "webrtc");
      const moves = [];
      // When the transport broke that was broken last, and whether there is another.
      let broken, back;
      agent.addEventListener("transportchange", ({ detail }) => {
        moves.push(detail);
        back ||= detail.to !== undefined;
      });

      const break_ = {
        close: () => peers.at(-1).close(),
        delete: () => fetch(`/v1/webrtc/session/${agent.connectionId}`, { method: "DELETE" }),
        cut: () => cut(),
      };
      const points = Array.from({ length: kills }, () => Math.floor(next() * items)).sort((one, other) => one - other);
      const stream = agent.stream({ action: "generate", model: "default", prompt: `Count to ${items}`, max_tokens: 100_000 });
      const read = [];
      const stalls = [];
      for await (const { index, delta } of stream) {
        if (broken && back) {
          stalls.push(performance.now() - broken);
          broken = undefined;
        }
        read.push([index, delta]);
        // One that hits while nothing carries the session waits until something does.
        if (points[0] <= read.length && agent.transport && !broken) {
          points.shift();
          [broken, back] = [performance.now(), false];
          await break_[agent.transport === "websocket" ? "cut" : breaks[Math.floor(next() * breaks.length)]]();
        }
      }
      const answer = await stream.response;
      const { reason } = agent;
      agent.close();
      return { order: read.every(([index], at) => index === at), count: read.length, same: read.map(([, delta]) => delta).join("") === answer.text, stalls, moves, reason };
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
    await page.close();
  });
}

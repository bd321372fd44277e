// Sessions that outlive their transports: nothing lost and nothing repeated, whatever breaks under a stream.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { startProxy } from "./support/proxy.mjs";
import { ledgerBinary, startServer } from "./support/server.mjs";
import { assertWhole } from "./support/whole.mjs";

/** Every break has a thousand items around it; `npm run soak` wants more of them. */
const kills = Number(process.env.KILLS ?? 10);
/** Of half a kilobyte: the window of a call holds less than this many, so there is always something left to send when something breaks. */
const lead = 1_000;
const items = 1_000 * kills + lead;
/** Each break is a connection and a resume, and a minute may have more of them than people make. */
const limits = ["--limit", "connections_per_minute_loopback=100000", "--limit", "resumes_per_minute=1000000"];

let server, browser, proxy;

before(async () => {
  [server, browser] = await Promise.all([startServer({ program: ledgerBinary, flags: ["--allow-local", ...limits] }), launch()]);
  proxy = await startProxy(server.url);
});
after(async () => {
  await browser?.close();
  proxy?.stop();
  await server?.stop();
});

/** A stream of all items, broken at random places; answers both ledgers and what each break led to. */
const brokenStream = (page, options, breaks, seed) =>
  page.evaluate(
    async ([options, breaks, seed, items, lead, kills]) => {
      const { peers, random, reached } = await import("/transports.js");
      const { follow } = await import("/ledger.js");
      const { connect } = await import("/client/index.js");
      const next = random(seed);
      const agent = await connect(location.origin, { ...options, reconnect: { stableMs: 0 } });
      const wanted = options.transports?.[0] ?? "webrtc";
      const moves = [];
      agent.addEventListener("transportchange", ({ detail }) => moves.push(detail));
      const close = () => peers.forEach((peer) => peer.close());
      const break_ = {
        close,
        delete: () => fetch(`/v1/webrtc/session/${agent.connectionId}`, { method: "DELETE" }),
        cut,
        /** What follows is broken as well, wherever it has come to by then. */
        twice: async () => {
          close();
          await new Promise((resolve) => setTimeout(resolve, next() * 100));
          await cut();
          close();
        },
      };
      // One in each stretch, all of them while the server has items to send.
      const stretch = (items - lead) / kills;
      const points = Array.from({ length: kills }, (_, n) => Math.floor((n + next()) * stretch));
      const done = [];
      let underWay = Promise.resolve();
      const breakOne = async () => {
        // What is to be broken stands, and has the session.
        await underWay;
        await reached(agent, wanted);
        const [how, before, begin] = [breaks[Math.floor(next() * breaks.length)], moves.length, performance.now()];
        const noticed = new Promise((resolve) => agent.addEventListener("transportchange", resolve, { once: true }));
        underWay = (async () => {
          await break_[how]();
          // A call is answered again; items come all the while.
          await Promise.all([noticed, agent.request({ action: "health" })]);
          done.push({ how, from: moves[before].from, ms: performance.now() - begin });
        })();
      };
      const stream = follow(agent, { items, bytes: 500 }, { before: (count) => count > points[0] && breakOne(points.shift()) });
      const seen = await stream.over;
      await underWay;
      agent.close();
      return { seen, done, moves: moves.length };
    },
    [options, breaks, seed, items, lead, kills],
  );

const median = (numbers) => [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];

for (const [name, options, breaks] of [
  ["peer connections", {}, ["close", "delete", "twice"]],
  ["peer connections, without anything else", { transports: ["webrtc"] }, ["close", "delete", "twice"]],
  ["WebSockets", { transports: ["websocket"] }, ["cut"]],
]) {
  test(`a stream of ${items} items over ${kills} broken ${name}: none lost, none repeated, in order`, async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
    t.diagnostic(`seed ${seed}`);
    const page = await openWith(browser, proxy.url, "transports.js", "ledger.js");
    await page.exposeFunction("cut", () => proxy.cut());
    const { seen, done, moves } = await brokenStream(page, options, breaks, seed);
    const stalls = done.map(({ ms }) => ms);
    t.diagnostic(`moves ${moves}, an answer after a break in ${median(stalls)?.toFixed(1)} ms (median), ${Math.max(...stalls).toFixed(1)} ms at most`);
    assertWhole(seen);
    assert.equal(seen.count, items);
    assert.equal(done.length, kills);
    // What was broken had the session, and was left.
    const wanted = options.transports?.[0] ?? "webrtc";
    assert.deepEqual(done.filter(({ from }) => from !== wanted), []);
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

// Files of any size, down and up: over transports that break, and to readers that stop.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { MiB, makeFile, sameFile, treeHash } from "./support/files.mjs";
import { startProxy } from "./support/proxy.mjs";
import { startServer } from "./support/server.mjs";

/** Mebibytes of the file, and how often its way is cut in each direction; `npm run soak` wants more of both. */
const size = Number(process.env.SIZE ?? 64) * MiB;
const cuts = Number(process.env.CUTS ?? 5);
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Milliseconds between two looks at the page's memory. */
const lookMs = 250;

let server, browser, proxy, folder, page;

const inFolder = (name) => join(folder, name);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tabagent-files-"));
  [server, browser] = await Promise.all([startServer({ flags: ["--allow-local", "--files", folder] }), launch()]);
  proxy = await startProxy(server.url);
});
after(async () => {
  await browser?.close();
  proxy?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A page with everything that the tests need. */
async function fresh(url = server.url) {
  await page?.close();
  page = await openWith(browser, url, "transports.js");
  await page.exposeFunction("cut", () => proxy.cut());
  await page.evaluate(async () => {
    Object.assign(window, await import("/transports.js"), await import("/client/index.js"), await import("/client/files.js"));
  });
  return page;
}

/** Mebibytes that the server's process has in memory (`VmRSS`), or has had (`VmHWM`). */
const resident = (which = "VmRSS") => Number(new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${server.pid}/status`))[1]) / 1024;

/** Mebibytes that the page has in memory: its objects, its buffers, its module. Garbage does not count. */
async function heap(devtools) {
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await devtools.send("Runtime.getHeapUsage");
  return (usedSize + backingStorageSize) / MiB;
}

/** Watches how much memory both have, above what they have now: the server all the time, the page now and then. */
async function watchMemory() {
  const devtools = await page.context().newCDPSession(page);
  const [server, first] = [resident(), await heap(devtools)];
  let [most, watching] = [first, true];
  const looking = (async () => {
    while (watching) {
      most = Math.max(most, await heap(devtools));
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  })();
  return async () => {
    watching = false;
    await looking;
    const page = { most: most - first, kept: (await heap(devtools)) - first };
    await devtools.detach();
    return { server: { most: resident("VmHWM") - server, kept: resident() - server }, page };
  };
}

const words = ({ server, page }) => `server at most ${server.most.toFixed(1)} MiB more, page ${page.most.toFixed(1)}; kept ${server.kept.toFixed(1)} and ${page.kept.toFixed(1)}`;

/** Reads a file and writes it under another name; whatever carries it is broken at points of the seed in each direction. */
const copyOverBreaks = (options) =>
  page.evaluate(
    async ([options, size, cuts, seed]) => {
      const next = random(seed);
      const agent = await connect(location.origin, { ...options, reconnect: { stableMs: 0 } });
      await reached(agent, options.transports?.[0] ?? "webrtc");
      const moves = [];
      agent.addEventListener("transportchange", ({ detail }) => moves.push(`${detail.to} ${detail.reason}`));
      const broken = [];
      const breaks = () => {
        // One in each part of the way, so that each has something to break.
        const points = Array.from({ length: cuts }, (_, at) => Math.floor(((at + next()) * size) / cuts));
        const seen = { last: 0, monotonic: true, pending: [] };
        seen.onProgress = ({ sent, received = sent, total }) => {
          seen.monotonic &&= received > seen.last && received <= size && total === size;
          seen.last = received;
          if (!(points[0] < received)) return;
          points.shift();
          seen.pending.push(
            reached(agent).then(() => {
              broken.push(agent.transport);
              return agent.transport === "websocket" ? cut() : peers.at(-1).close();
            }),
          );
        };
        return seen;
      };
      const laps = [performance.now()];
      const down = breaks();
      const blob = await readFile(agent, "original", down);
      laps.push(performance.now());
      await Promise.all(down.pending);
      await agent.request({ action: "health" });
      const up = breaks();
      laps.push(performance.now());
      const { bytes, hash } = await writeFile(agent, "copy", blob, up);
      laps.push(performance.now());
      await Promise.all(up.pending);
      agent.close();
      const [, downMs, , upMs] = laps.map((lap, at) => Math.round(lap - laps[at - 1]));
      return { size: blob.size, bytes, hash, monotonic: down.monotonic && up.monotonic, last: [down.last, up.last], broken, moves, downMs, upMs };
    },
    [options, size, cuts, seed],
  );

for (const [name, options] of [
  ["WebRTC with the WebSocket behind it", {}],
  ["WebSockets", { transports: ["websocket"] }],
]) {
  test(`a file of ${size / MiB} MiB comes down and goes up whole over ${name}, cut ${cuts} times each way`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    makeFile(inFolder("original"), size, seed);
    t.after(() => ["original", "copy"].forEach((name) => rmSync(inFolder(name), { force: true })));
    await fresh(proxy.url);
    const stop = await watchMemory();
    const seen = await copyOverBreaks(options);
    const memory = await stop();
    t.diagnostic(`down ${seen.downMs} ms, up ${seen.upMs} ms, ${seen.moves.length} moves, broken: ${seen.broken.join(" ")}`);
    t.diagnostic(words(memory));
    assert.equal(seen.broken.length, 2 * cuts);
    assert.deepEqual([seen.size, seen.bytes, ...seen.last], [size, size, size, size]);
    assert.ok(seen.monotonic, "progress only grows, to the whole");
    assert.equal(seen.hash, await treeHash(inFolder("original")));
    await sameFile(inFolder("original"), inFolder("copy"));
    assert.ok(memory.server.most < 32 && memory.page.most < 64, words(memory));
  });
}

test("a reader that stops with 100 MiB pending costs neither end memory, and then reads on", async (t) => {
  const bytes = 100 * MiB;
  makeFile(inFolder("pending"), bytes, seed);
  await fresh();
  await page.evaluate(async () => {
    window.agent = await connect(location.origin, { transports: ["webrtc"] });
    // What a first call costs once.
    await readFile(agent, "pending", { length: 1_000_000 });
  });
  const stop = await watchMemory();
  await page.evaluate(async () => {
    window.hash = new TreeHash();
    window.offset = 0;
    window.stream = agent.stream({ action: "read_file", path: "pending" });
    window.take = async ({ offset: at, payload }) => {
      if (at !== offset) throw new Error(`${at} came where ${offset} was next`);
      offset += payload.length;
      await hash.update(payload);
    };
    for (let n = 0; n < 10; n++) await take((await stream.next()).value);
    // Until the server has nothing more to do: other calls are answered, and of this one nothing comes any more.
    for (let [same, last] = [0, -1]; same < 20; ) {
      await agent.request({ action: "health" });
      const { received } = (await agent.stats()).lanes.bulk;
      same = received === last ? same + 1 : 0;
      last = received;
    }
  });
  const memory = await stop();
  const seen = await page.evaluate(async () => {
    const paused = offset;
    for await (const item of stream) await take(item);
    const answer = await stream.response;
    agent.close();
    return { paused, offset, hash: await hash.finish(), answer };
  });
  t.diagnostic(`while it stood still: ${words(memory)}`);
  assert.ok(memory.server.kept < 16 && memory.page.kept < 16, words(memory));
  assert.ok(seen.paused < bytes / 100, `${seen.paused} bytes were read before`);
  assert.deepEqual([seen.offset, seen.answer.bytes], [bytes, bytes]);
  assert.equal(seen.hash, await treeHash(inFolder("pending")));
  assert.equal(seen.answer.hash, seen.hash);
});

// What a health costs while a large file is on its way, down or up, beside the same calls on an idle session: the reason why bulk data has a
// lane of its own. Idle, loaded and idle again in one run, on one page; then the same over a path that is 20 ms long each way and loses
// 1 % of all packets. And what all that takes of the server's memory and of the page's.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launch, openWith } from "../e2e/support/chromium.mjs";
import { root, startServer } from "../e2e/support/server.mjs";
import { startUdpProxy } from "../e2e/support/udp-proxy.mjs";
import { aim, quantile, quick, row } from "./support/figures.mjs";

const MIB = 1024 * 1024;
/** Bytes of the file, and calls on each side of a comparison; fewer where each takes a round trip of 40 ms. */
const [bytes, calls, lossyCalls] = quick ? [50 * MIB, 400, 60] : [500 * MIB, 2_000, 200];
/** A p99 beside a transfer is at most this many times the idle one, or this many milliseconds. */
const [times, enoughMs] = [5, 10];
/** Bytes that the server's memory may grow by, and that the page's may have. */
const [serverGrowth, pageHeap] = [32 * MIB, 64 * MIB];
/** Milliseconds between two looks at memory. */
const look = 100;

const folder = mkdtempSync(join(tmpdir(), "tabagent-lanes-"));
// A hole: what is read is real, and takes no disk.
writeFileSync(join(folder, "down"), "");
truncateSync(join(folder, "down"), bytes);
// So many calls in a row are this machine's own affair: no limit slows them down.
const flags = ["--allow-local", "--files", folder, "--limit", "requests_per_second_loopback=1000000"];

const browser = await launch();
try {
  for (const [name, options, path] of [
    ["WebRTC", { transports: ["webrtc"] }, undefined],
    ["WebSocket", { transports: ["websocket"] }, undefined],
    ["WebRTC, 20 ms and 1 % loss", { transports: ["webrtc"] }, { delayMs: 20, loss: 0.01 }],
  ]) {
    await compare(name, options, path);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Measures on one path, and prints what it was. */
async function compare(name, options, path) {
  const proxy = path && startUdpProxy(path);
  const server = await startServer({ args: ["--port", "0", "--www", `${root}/www`, ...flags] });
  try {
    const page = await openWith(browser, server.url, "load.js");
    await proxy?.between(page);
    await page.evaluate(async (options) => {
      Object.assign(window, await import("/load.js"));
      const { connect } = await import("/client/index.js");
      window.agent = await connect(location.origin, options);
    }, options);
    const count = path ? lossyCalls : calls;
    await page.evaluate((count) => calls(agent, count), 200);
    const memory = await watchMemory(server.pid, page);
    const idle = [];
    const loaded = {};
    for (const direction of ["down", "up"]) {
      idle.push(...(await page.evaluate((count) => calls(agent, count), count / 2)));
      loaded[direction] = await page.evaluate(([direction, bytes, count, whole]) => callsBeside(agent, direction, bytes, count, whole), [direction, bytes, count, !path]);
    }
    const { grown, heap } = memory.stop();
    // Collecting garbage takes time, so this is another transfer, without calls beside it.
    const held = path ? undefined : await heldWhile(page, ["down", "up"], bytes);
    await page.close();

    console.log(`\n${name}${proxy ? ` (${proxy.counts.lost} of ${proxy.counts.passed + proxy.counts.lost} packets lost)` : ""}`);
    row("  health, idle", idle, [0.5, 0.99]);
    for (const [direction, { samples, moved, seconds }] of Object.entries(loaded)) {
      row(`  health, ${(moved / MIB).toFixed(0)} MiB ${direction} at ${(moved / MIB / seconds).toFixed(1)} MiB/s`, samples, [0.5, 0.99]);
      const [before, beside] = [quantile(idle, 0.99), quantile(samples, 0.99)];
      aim(`  p99_${direction}_vs_idle`, `${(beside / before).toFixed(2)}, ${beside.toFixed(1)} ms`, `less than ${times}, or ${enoughMs} ms`, beside < times * before || beside < enoughMs);
    }
    aim("  server_growth_mib", (grown / MIB).toFixed(1), `less than ${serverGrowth / MIB}`, grown < serverGrowth);
    console.log(`  page, garbage and all: ${(heap / MIB).toFixed(1)} MiB at most`);
    if (held !== undefined) aim("  page_heap_mib", (held / MIB).toFixed(1), `less than ${pageHeap / MIB}`, held < pageHeap);
  } finally {
    proxy?.stop();
    await server.stop("SIGKILL");
  }
}

/** Bytes that the page holds on to while a file goes each way: Chromium leaves up to 64 MiB of spent buffers lying before it collects them. */
async function heldWhile(page, directions, bytes) {
  const session = await page.context().newCDPSession(page);
  let [most, moving] = [0, true];
  const looking = (async () => {
    while (moving) {
      await session.send("HeapProfiler.collectGarbage");
      most = Math.max(most, used(await session.send("Runtime.getHeapUsage")));
      await new Promise((resolve) => setTimeout(resolve, look));
    }
  })();
  for (const direction of directions) await page.evaluate(([direction, bytes]) => callsBeside(agent, direction, bytes, 0, true), [direction, bytes]);
  moving = false;
  await looking;
  return most;
}

function used({ usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 }) {
  return usedSize + embedderHeapUsedSize + backingStorageSize;
}

/** The server's resident memory above what it is now, and the page's heap with its buffers: the most that was seen of each. */
async function watchMemory(pid, page) {
  const session = await page.context().newCDPSession(page);
  const resident = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
  const before = resident();
  let [most, heap] = [before, 0];
  const timer = setInterval(async () => {
    most = Math.max(most, resident());
    heap = Math.max(heap, used(await session.send("Runtime.getHeapUsage").catch(() => ({ usedSize: 0 }))));
  }, look);
  return {
    stop() {
      clearInterval(timer);
      return { grown: most - before, heap };
    },
  };
}

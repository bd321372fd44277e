// A service worker that really dies, as Chrome lets it after 30 seconds: no debugger is attached to it, which would keep it alive. `WORKER_DEATHS`
// says how often; `npm run soak` does.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { WebSocket } from "ws";

import { expressionOf, key, letIn, makeExtension, origin, valueOf } from "./support/bridge.mjs";
import { launchUnwatched } from "./support/chromium.mjs";
import { startServer } from "./support/server.mjs";

const deaths = Number(process.env.WORKER_DEATHS ?? 0);
/** Words a second, and how long a death takes at most: Chrome looks now and then whether 30 seconds have passed. */
const [speed, deathMs] = [50, 90_000];

test("a stream in the side panel, while the worker dies by itself and the popup opens and closes", { skip: deaths === 0 && "takes minutes: npm run soak" }, async (t) => {
  const home = await mkdtemp(join(tmpdir(), "tabagent-bridge-"));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const server = await startServer({ flags: [...letIn, "--tokens-per-second", String(speed)] });
  t.after(() => server.stop("SIGKILL"));
  await makeExtension(home, { settings: { url: server.url, key } });
  const { address, close } = await launchUnwatched(home);
  t.after(close);
  const targets = unwatched(new URL(address).host);

  await targets.open(`${origin}/tab.html`);
  await targets.evaluate("tab.html", async () => chrome.sidePanel.open({ windowId: (await chrome.windows.getCurrent()).id }));
  const words = (deaths * deathMs * speed) / 1_000;
  await targets.evaluate("panel.html", async (words) => {
    await caller.begin(words);
    globalThis.read = 0;
    globalThis.rest = caller.rest(() => read++);
  }, words);
  for (let death = 1; death <= deaths; death++) {
    const begun = performance.now();
    await targets.gone("worker.js", deathMs);
    t.diagnostic(`death ${death} after ${((performance.now() - begun) / 1_000).toFixed(0)} s, ${await targets.evaluate("panel.html", () => read)} words read`);
    // Whoever comes now wakes the worker.
    await targets.evaluate("tab.html", () => chrome.action.openPopup());
    assert.equal((await targets.evaluate("popup.html", () => caller.converse())).state, "connected");
    await targets.evaluate("popup.html", () => void setTimeout(() => window.close()));
    await targets.gone("popup.html", deathMs);
  }
  assert.deepEqual(await targets.evaluate("panel.html", () => caller.states), ["connected"]);
  const { items, gaps, code } = await targets.evaluate("panel.html", () => caller.stop().then(() => rest));
  t.diagnostic(`${items} words, ${gaps} missed or repeated`);
  assert.deepEqual([gaps, code], [0, "cancelled"]);
});

/** Pages of a browser by their file, each asked over a connection of its own that lasts no longer than the question. */
function unwatched(host) {
  const list = async () => (await fetch(`http://${host}/json/list`)).json();
  const find = async (file) => (await list()).find(({ url }) => url === `${origin}/${file}`);
  const found = async (file, wanted, patienceMs) => {
    const end = performance.now() + patienceMs;
    for (;;) {
      const target = await find(file);
      if (!!target === wanted) return target;
      if (performance.now() > end) throw new Error(`${file} is ${wanted ? "not there" : "still there"}`);
      await sleep(200);
    }
  };
  const send = (target, method, params) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(target.webSocketDebuggerUrl);
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, method, params }));
      socket.onmessage = ({ data }) => (socket.close(), resolve(JSON.parse(data).result));
      socket.onerror = () => reject(new Error(`${method}: no connection`));
    });
  const evaluate = async (file, run, argument) => {
    const target = await found(file, true, 15_000);
    while ((await send(target, "Runtime.evaluate", { expression: "document.readyState" })).result.value !== "complete");
    return valueOf(await send(target, "Runtime.evaluate", { ...expressionOf(run, argument), userGesture: true }));
  };
  return {
    evaluate,
    open: (url) => fetch(`http://${host}/json/new?${url}`, { method: "PUT" }),
    gone: (file, patienceMs) => found(file, false, patienceMs),
  };
}

// How long a stream of 1,000 items a second stands still when its connection dies, for each way to die, beside a bare WebSocket that is opened
// anew. Each fault has a page of its own in each round; rounds in turns. Of the slow ones, where nobody says that anything has died, a few
// side by side.
import { chromium } from "playwright-core";

import { executablePath, flags, launch, openWith } from "../e2e/support/chromium.mjs";
import { startProxy } from "../e2e/support/proxy.mjs";
import { startServer } from "../e2e/support/server.mjs";
import { startUdpProxy } from "../e2e/support/udp-proxy.mjs";
import { aim, median, quick, row } from "./support/figures.mjs";

/** Rounds of what is quick, and how often each slow one. */
const [rounds, slow] = quick ? [2, 1] : [15, 6];
/** Milliseconds after a closed peer connection with the network up. */
const aimMs = 300;

const limits = ["--limit", "connections_per_minute_loopback=100000", "--limit", "sessions_per_principal=1000"];
const server = await startServer({ flags: ["--allow-local", "--tokens-per-second", "1000", ...limits] });
const elsewhere = await startServer();
const proxy = await startProxy(server.url);
const browser = await launch();
const caching = await chromium.launch({ executablePath, args: flags, ignoreDefaultArgs: ["--disable-back-forward-cache"] });

/** A page with a stream that flows. */
async function streaming(options, { url = server.url, inBrowser = browser, prepare = async () => {} } = {}) {
  const page = await openWith(inBrowser, url, "transports.js", "stalls.js", "bare.js");
  await prepare(page);
  await page.exposeFunction("reset", () => proxy.cut());
  await page.exposeFunction("finish", () => proxy.close());
  await page.evaluate(async (options) => {
    Object.assign(window, await import("/transports.js"), await import("/stalls.js"));
    const { connect } = await import("/client/index.js");
    window.agent = await connect(location.origin, options);
    await reached(agent, options.transports?.[0] ?? "webrtc");
    window.flow = flowing(agent);
    while (flow.next < 100 && !flow.broken) await new Promise((resolve) => setTimeout(resolve, 5));
  }, options);
  return page;
}

/** How long the stream stood still. */
const stalled = async (page, how) => {
  const ms = await page.evaluate(
    (how) =>
      stall(agent, flow, {
        close: () => peers.forEach((peer) => peer.close()),
        delete: () => fetch(`/v1/webrtc/session/${agent.connectionId}`, { method: "DELETE" }),
        reset,
        finish,
        nothing: () => {},
      }[how]),
    how,
  );
  await leave(page);
  return ms;
};

/** Ends the session, so that it does not weigh on the next. */
async function leave(page) {
  await page.evaluate(() => agent.close());
  await page.close();
}

// What breaks has stood for long enough to be trusted, as far as the client is told.
const reconnect = { stableMs: 0 };
const ladder = { reconnect };
const alone = { reconnect, transports: ["webrtc"] };
const socket = { reconnect, transports: ["websocket"] };

const faults = {
  "peer connection closed by the page": async () => stalled(await streaming(ladder), "close"),
  "the same, WebRTC alone": async () => stalled(await streaming(alone), "close"),
  "peer connection closed by the server": async () => stalled(await streaming(ladder), "delete"),
  "the same by the server, WebRTC alone": async () => stalled(await streaming(alone), "delete"),
  "WebSocket reset": async () => stalled(await streaming(socket, proxy), "reset"),
  "WebSocket closed": async () => stalled(await streaming(socket, proxy), "finish"),
  "offline, from `online` on": async () => {
    const page = await streaming(socket, proxy);
    await page.context().setOffline(true);
    proxy.cut();
    await page.waitForFunction(() => agent.state === "reconnecting");
    await page.evaluate(() => void (window.measured = since(flow, "online")));
    await page.context().setOffline(false);
    const ms = await page.evaluate(() => measured);
    await leave(page);
    return ms;
  },
  "back from the cache, from `pageshow` on": async () => {
    const page = await streaming(ladder, { inBrowser: caching });
    await page.evaluate(() => void (window.measured = since(flow, "pageshow")));
    await page.goto(`${elsewhere.url}/blank.html`);
    await page.goBack({ waitUntil: "commit" });
    await page.waitForFunction(() => window.measured);
    const ms = await page.evaluate(() => measured);
    await leave(page);
    return ms;
  },
  "a bare WebSocket reset, to its next answer": async () => {
    const page = await openWith(browser, proxy.url, "bare.js");
    await page.exposeFunction("reset", () => proxy.cut());
    const ms = await page.evaluate(async () => {
      const { firstAnswer, spoken } = await import("/bare.js");
      const packets = await spoken();
      const first = await firstAnswer(packets);
      const closed = new Promise((resolve) => (first.onclose = resolve));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const begun = performance.now();
      await reset();
      await closed;
      const second = await firstAnswer(packets);
      const ms = performance.now() - begun;
      second.close();
      return ms;
    });
    await page.close();
    return ms;
  },
};

/** A peer connection whose packets are swallowed from one moment on, as by a router that forgot it; each in a page of its own, side by side. */
async function silenced(options) {
  const proxies = Array.from({ length: slow }, () => startUdpProxy());
  try {
    return await Promise.all(
      proxies.map(async (udp) => {
        const page = await streaming(options, { prepare: (page) => udp.between(page) });
        const stalls = stalled(page, "nothing");
        udp.silence();
        return stalls;
      }),
    );
  } finally {
    for (const udp of proxies) udp.stop();
  }
}

try {
  const samples = Object.fromEntries(Object.keys(faults).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, fault] of Object.entries(faults)) {
      const ms = await fault();
      // The first of each pays for what is done once.
      if (round >= 0) samples[name].push(ms);
    }
  }
  for (const [name, values] of Object.entries(samples)) row(name, values);
  row("peer connection gone silent", await silenced(ladder));
  row("the same, WebRTC alone", await silenced(alone));
  for (const [name, values] of Object.entries(samples).filter(([name]) => name.startsWith("peer connection"))) {
    aim(`recover, ${name}`, `${median(values).toFixed(0)} ms`, `less than ${aimMs}`, median(values) < aimMs);
  }
} finally {
  await Promise.all([browser.close(), caching.close()]);
  proxy.stop();
  await Promise.all([server.stop("SIGKILL"), elsewhere.stop("SIGKILL")]);
}

// Run inside a network namespace: one server, one Chromium, a stream in each lane over WebRTC, and no UDP for a while; the last line
// printed says how it went.
import { execSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

import { launch, openWith } from "./chromium.mjs";
import { ledgerBinary, startServer } from "./server.mjs";

/** `cutMs`: how long; 0 is until the session has left the peer connection, and `more` milliseconds. `options`: of the client. */
const { cutMs, more = 0, options } = JSON.parse(process.argv[2]);
const server = await startServer({ program: ledgerBinary });
const browser = await launch();
try {
  const page = await openWith(browser, server.url, "transports.js", "ledger.js");
  await page.evaluate(async (options) => {
    Object.assign(window, await import("/transports.js"), await import("/ledger.js"));
    const { connect } = await import("/client/index.js");
    window.agent = await connect(location.origin, options);
    await reached(agent, "webrtc");
    window.moves = [];
    agent.addEventListener("transportchange", ({ detail: { from, to, reason } }) => moves.push(`${from} ${to} ${reason}`));
    window.streams = followBoth(agent, { items: 1e9, bytes: 100, per_second: 500 });
    await streams.reached(100);
  }, options);
  execSync("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in meta l4proto udp drop'");
  if (cutMs === 0) await page.waitForFunction(() => agent.transport !== "webrtc");
  await sleep(cutMs + more);
  execSync("nft delete table inet cut");
  const seen = await page.evaluate(async () => {
    const [begin, count] = [performance.now(), streams.count()];
    await reached(agent, "webrtc");
    const backMs = performance.now() - begin;
    await streams.reached(count + 1_000);
    const ledgers = await streams.finish();
    agent.close();
    return { ledgers, moves, backMs };
  });
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
  await server.stop();
}

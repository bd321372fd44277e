// Run inside a network namespace: one server, one Chromium, a stream over WebRTC; no UDP for as long as the first argument says, in
// milliseconds, or until the session has moved; the last line printed says how it went.
import { execSync } from "node:child_process";

import { launch, openWith } from "./chromium.mjs";
import { startServer } from "./server.mjs";

const cutMs = Number(process.argv[2]);
const server = await startServer({ flags: ["--allow-local", "--tokens-per-second", "500"] });
const browser = await launch();
try {
  const page = await openWith(browser, server.url, "transports.js");
  await page.evaluate(async () => {
    const [{ connect }, { reached }] = [await import("/client/index.js"), await import("/transports.js")];
    window.reached = reached;
    window.agent = await connect(location.origin, { reconnect: { upgradeMs: 500, maxUpgradeMs: 500 } });
    await reached(agent, "webrtc");
    window.moves = [];
    agent.addEventListener("transportchange", ({ detail: { from, to, reason } }) => moves.push(`${from} ${to} ${reason}`));
    const stream = agent.stream({ action: "generate", model: "default", prompt: "Count to 100000", max_tokens: 100_000 });
    window.seen = { count: 0, inOrder: true, gapMs: 0 };
    (async () => {
      let last = performance.now();
      for await (const { index } of stream) {
        seen.inOrder &&= index === seen.count++;
        seen.gapMs = Math.max(seen.gapMs, performance.now() - last);
        last = performance.now();
      }
    })();
    while (seen.count < 100) await agent.request({ action: "health" });
  });
  execSync("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in meta l4proto udp drop'");
  if (cutMs > 0) await new Promise((resolve) => setTimeout(resolve, cutMs));
  else await page.evaluate(() => reached(agent, "websocket"));
  execSync("nft delete table inet cut");
  const seen = await page.evaluate(async () => {
    const count = seen.count;
    await reached(agent, "webrtc");
    while (seen.count < count + 1_000) await agent.request({ action: "health" });
    agent.close();
    return { ...seen, moves, state: agent.state };
  });
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
  await server.stop("SIGKILL");
}

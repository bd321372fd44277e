// Run inside a network namespace: the extension with the bridge, a stream in a page of it, and no UDP for a while; the last line printed
// says how it went.
import { execSync } from "node:child_process";

import { begin } from "./bridge.mjs";

const stops = [];
const { page } = await begin({ after: (stop) => stops.unshift(stop) }, {
  flags: ["--tokens-per-second", "50"],
  more: { transports: ["webrtc", "websocket"], reconnect: { upgradeMs: 500, maxUpgradeMs: 500 } },
});
try {
  const tab = await page("tab");
  /** Waits until this carries the session. */
  const reached = (transport) =>
    tab.evaluate(async (transport) => {
      const agent = await caller.connected();
      while (agent.transport !== transport) await new Promise((resolve) => agent.addEventListener("transportchange", resolve, { once: true }));
    }, transport);
  await tab.evaluate(async () => {
    globalThis.moves = [];
    (await caller.connected()).addEventListener("transportchange", ({ detail: { from, to, reason } }) => moves.push(`${from} ${to} ${reason}`));
  });
  await reached("webrtc");
  await tab.evaluate(async () => {
    await caller.begin(600);
    globalThis.rest = caller.rest();
  });
  execSync("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in meta l4proto udp drop'");
  await reached("websocket");
  execSync("nft delete table inet cut");
  await reached("webrtc");
  // What is left of it comes as fast as it can.
  console.log(JSON.stringify(await tab.evaluate(async () => ({ moves, states: caller.states, stream: await rest }))));
} finally {
  for (const stop of stops) await stop();
}

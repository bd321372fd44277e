// UDP that is cut under streams, by a firewall in a network namespace of its own. `UDP_CUTS` gives other lengths, in milliseconds.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inNamespace, interfaceUp, loopback } from "./support/namespace.mjs";
import { assertWhole } from "./support/whole.mjs";

const network = `${loopback} && ${interfaceUp}`;
/** A session that has left WebRTC looks for it twice a second: a test does not wait for minutes. */
const eager = { reconnect: { upgradeMs: 500, maxUpgradeMs: 500 } };
/** What has nothing else to go to must notice by itself. */
const alone = { transports: ["webrtc"], reconnect: { silenceMs: 1_000, answerMs: 500, maxRetryMs: 200 } };

/** Cuts UDP, and demands that both streams are whole. */
function cut(t, { cutMs, more, options }) {
  const seen = inNamespace("udp-cut.mjs", network, JSON.stringify({ cutMs, more, options }));
  for (const { lane, count, gapMs } of seen.ledgers) t.diagnostic(`${lane}: ${count} items, longest gap ${gapMs.toFixed(0)} ms`);
  t.diagnostic(`back on WebRTC ${seen.backMs.toFixed(0)} ms after UDP was; ${seen.moves.join(", ") || "no move"}`);
  seen.ledgers.forEach(assertWhole);
  return { ...seen, gapMs: seen.ledgers[0].gapMs };
}

if (process.env.UDP_CUTS) {
  for (const cutMs of process.env.UDP_CUTS.split(",").map(Number)) {
    for (const [name, options] of [["", eager], [", WebRTC alone", { transports: ["webrtc"] }]]) {
      test(`UDP cut for ${cutMs} ms${name}: nothing is lost, nothing repeated`, (t) => {
        cut(t, { cutMs, options });
      });
    }
  }
} else {
  test("UDP cut for three seconds: the connection heals, nothing is lost", (t) => {
    assert.ok(cut(t, { cutMs: 3_000, options: eager }).gapMs >= 3_000, "it was cut");
  });

  test("UDP cut until the browser doubts it: the session moves to the WebSocket and comes back, nothing is lost", (t) => {
    const { moves, gapMs } = cut(t, { cutMs: 0, options: eager });
    assert.deepEqual(moves.slice(0, 2), ["webrtc websocket replaced", "websocket webrtc preferred"]);
    assert.ok(gapMs < 10_000, `${gapMs} ms`);
  });

  test("UDP cut until the connection is given up, and longer, where there is nothing else: the next one goes on, nothing is lost", (t) => {
    const { moves } = cut(t, { cutMs: 0, more: 1_000, options: alone });
    assert.deepEqual([moves[0], moves.at(-2)], ["webrtc undefined lost", "undefined webrtc reconnected"]);
  });
}

// UDP that is cut under a stream, by a firewall in a network namespace of its own.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inNamespace, interfaceUp, loopback } from "./support/namespace.mjs";

const network = `${loopback} && ${interfaceUp}`;

test("UDP cut for three seconds: the connection heals, nothing is lost", (t) => {
  const seen = inNamespace("udp-cut.mjs", network, "3000");
  t.diagnostic(`${seen.count} items, longest gap ${seen.gapMs.toFixed(0)} ms, ${seen.moves}`);
  assert.ok(seen.inOrder);
  assert.ok(seen.gapMs >= 3_000, "it was cut");
});

test("UDP cut until the browser doubts it: the session moves to the WebSocket and comes back, nothing is lost", (t) => {
  const seen = inNamespace("udp-cut.mjs", network, "0");
  t.diagnostic(`${seen.count} items, longest gap ${seen.gapMs.toFixed(0)} ms, ${seen.moves}`);
  assert.ok(seen.inOrder);
  assert.deepEqual(seen.moves.slice(0, 2), ["webrtc websocket replaced", "websocket webrtc preferred"]);
  assert.ok(seen.gapMs < 10_000, `${seen.gapMs} ms`);
});

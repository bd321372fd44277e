// The channels of a server that offers, in an order that no network can be made to keep: what was sent on a lane before its channel may be
// trusted goes as soon as the server has spoken on it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openPeer } from "../../client-wasm/src/transport/webrtc.js";

const PROTOCOLS = ["tabagent.v1", "tabagent.v1.bulk"];
const [INTERACTIVE, BULK] = [0, 1];
// As `transport/mod.rs` numbers them.
const [STEP, WRITABLE, CHANNEL, READY, FULL] = [1, 2, 3, 0, 1];

/** A channel that arrives, open as Chromium says. */
const channel = (lane, sent) => ({
  protocol: PROTOCOLS[lane],
  readyState: "open",
  bufferedAmount: 0,
  send: (packet) => sent.push([lane, ...packet]),
  speak: function () {
    this.onmessage({ data: new ArrayBuffer(8) });
  },
});

/** A connection that takes every description. */
class Connection {
  setRemoteDescription() {}
  setLocalDescription() {}
  createAnswer() {
    return { sdp: "" };
  }
}

test("a bulk channel that arrives behind the greeting of the other one carries what waited for it", async () => {
  const [sent, heard] = [[], []];
  const connection = new Connection();
  const server = {
    constructors: { RTCPeerConnection: function () { return connection; } },
    iceServers: [],
    serverOffers: true,
    say: async () => ({ session_id: "id", sdp: "" }),
  };
  let negotiated;
  const done = new Promise((resolve) => (negotiated = resolve));
  const peer = openPeer((happened, number) => (happened === STEP && number === 0 ? negotiated() : heard.push([happened, number])), server, ...PROTOCOLS);
  await done;
  heard.length = 0;

  const [interactive, bulk] = [channel(INTERACTIVE, sent), channel(BULK, sent)];
  connection.ondatachannel({ channel: interactive });
  assert.deepEqual(heard, [], "open, but not trusted");
  interactive.speak();
  assert.deepEqual(heard.splice(0), [[STEP, CHANNEL]]);
  assert.equal(peer.send(INTERACTIVE, Uint8Array.of(1)), READY);

  assert.equal(peer.send(BULK, Uint8Array.of(2)), FULL, "it has not come");
  connection.ondatachannel({ channel: bulk });
  assert.deepEqual(sent, [[INTERACTIVE, 1]], "it may be lost on a channel that has just come");
  bulk.speak();
  assert.deepEqual(sent, [[INTERACTIVE, 1], [BULK, 2]]);
  assert.deepEqual(heard, [[WRITABLE, BULK]]);
  assert.equal(peer.send(BULK, Uint8Array.of(3)), READY);
  connection.close = () => {};
  peer.close(false);
});

// The package's test kit in place of the page's own transports, and hold of each of them. Served to pages under test as /transports.js; loaded before
// the SDK.
import { Faults, reached } from "/client/testing.js";

export { reached };

export const faults = new Faults();

/** Peer connections and WebSockets, the newest last, and when each was tried. */
export const peers = [];
export const sockets = [];
export const made = { webrtc: [], websocket: [] };

for (const [kind, name, list] of [
  ["webrtc", "RTCPeerConnection", peers],
  ["websocket", "WebSocket", sockets],
]) {
  globalThis[name] = class extends faults.wrap(globalThis[name]) {
    constructor(...args) {
      made[kind].push(performance.now());
      super(...args);
      list.push(this);
    }
  };
}

/** The transports that cannot be opened. */
export const forbidden = {
  add(kind) {
    faults.forbid(kind);
    return this;
  },
  delete: (kind) => faults.permit(kind),
  clear: () => ["webrtc", "websocket"].forEach((kind) => faults.permit(kind)),
};

/** The way to the server is gone and nobody says so: what is sent and what comes is lost. Of a peer connection or a WebSocket. */
export const silence = (transport) => faults.transports.find(({ real }) => real === transport).freeze();

/** Numbers below 1, the same for the same seed. */
export function random(seed) {
  const chance = new Faults({ seed });
  return () => chance.random();
}

/** Reads a stream in the background. */
export function reading(stream) {
  const read = { items: [], over: undefined };
  read.over = (async () => {
    for await (const { index } of stream) read.items.push(index);
    return (await stream.response).finish_reason;
  })().catch(({ code }) => code);
  return read;
}

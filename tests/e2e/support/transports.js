// Holds on to every transport that the page makes, so that a test can break it. Served to pages under test as /transports.js; loaded before the SDK.

/** Peer connections and WebSockets, the newest last. */
export const peers = [];
export const sockets = [];

const { RTCPeerConnection: Peer, WebSocket: Socket } = globalThis;

globalThis.RTCPeerConnection = class extends Peer {
  constructor(...args) {
    super(...args);
    peers.push(this);
  }
};

globalThis.WebSocket = class extends Socket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
};

/** Waits until the client is on this transport; any, when none is named. */
export const reached = (agent, transport) =>
  new Promise((resolve) => {
    const look = () => {
      if (transport ? agent.transport !== transport : !agent.transport) return;
      agent.removeEventListener("transportchange", look);
      resolve();
    };
    agent.addEventListener("transportchange", look);
    look();
  });

/** Numbers below 1, the same for the same seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

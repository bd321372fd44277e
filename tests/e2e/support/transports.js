// Holds on to every transport that the page makes, so that a test can break it. Served to pages under test as /transports.js; loaded before the SDK.

/** Peer connections and WebSockets, the newest last, and when each was made. */
export const peers = [];
export const sockets = [];
export const made = { webrtc: [], websocket: [] };

/** A constructor that throws, or a WebSocket that finds nobody, for each transport named here. */
export const forbidden = new Set();

const { RTCPeerConnection: Peer, WebSocket: Socket } = globalThis;
const nobody = "ws://127.0.0.1:1/";

globalThis.RTCPeerConnection = class extends Peer {
  constructor(...args) {
    made.webrtc.push(performance.now());
    if (forbidden.has("webrtc")) throw new DOMException("forbidden by the test", "NotSupportedError");
    super(...args);
    peers.push(this);
    this.channels = [];
  }
  createDataChannel(...args) {
    const channel = super.createDataChannel(...args);
    this.channels.push(listening(channel));
    return channel;
  }
};

globalThis.WebSocket = class extends Socket {
  constructor(url, ...rest) {
    made.websocket.push(performance.now());
    super(forbidden.has("websocket") ? nobody : url, ...rest);
    sockets.push(listening(this));
  }
};

/** Before any handler of the SDK's: what arrives while it is deaf is swallowed. */
function listening(target) {
  target.addEventListener("message", (event) => target.deaf && event.stopImmediatePropagation());
  const send = target.send;
  target.send = (...args) => target.deaf || send.apply(target, args);
  return target;
}

/** The way to the server is gone and nobody says so: what is sent and what comes is lost. Of a peer connection or a WebSocket. */
export const silence = (transport) => (transport.channels ?? [transport]).forEach((each) => (each.deaf = true));

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

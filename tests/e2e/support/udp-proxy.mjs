// A UDP proxy in front of a server that delays, loses and swallows: what a network does to WebRTC, done to a real one. Nothing here needs a
// namespace: the page is told another port.
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** Milliseconds that a packet may be late without a timer of its own. */
const GRAIN = 0.5;

/** Numbers below 1, the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `delayMs` one way, `loss` of 1 each way, from `seed`. */
export function startUdpProxy({ delayMs = 0, loss = 0, seed = 1 } = {}) {
  const next = random(seed);
  const sockets = new Set();
  const counts = { passed: 0, lost: 0 };
  const silent = new Set();
  // The same delay for all: what came first leaves first.
  const waiting = [];
  let timer;
  const leave = () => {
    const now = performance.now() + GRAIN;
    while (waiting.length > 0 && waiting[0].due <= now) waiting.shift().send();
    timer = waiting.length > 0 ? setTimeout(leave, Math.max(waiting[0].due - performance.now(), 0)) : undefined;
  };
  const pass = (near, send) => {
    if (silent.has(near) || (loss > 0 && next() < loss)) return void counts.lost++;
    counts.passed++;
    if (delayMs === 0) return send();
    waiting.push({ due: performance.now() + delayMs, send });
    timer ??= setTimeout(leave, delayMs);
  };
  const open = async () => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22, sendBufferSize: 1 << 22 });
    sockets.add(socket);
    // What nobody takes any more is lost.
    socket.on("error", () => {});
    await once(socket.bind(0, "127.0.0.1"), "listening");
    return socket;
  };

  /** A port that leads to one of the server's. Each caller gets a socket of its own towards it, as behind a home's router. */
  async function lead(port) {
    const near = await open();
    const callers = new Map();
    near.on("message", async (packet, { address, port: caller }) => {
      const name = `${address} ${caller}`;
      if (!callers.has(name)) {
        callers.set(
          name,
          open().then((far) => {
            far.on("message", (answer) => pass(near, () => near.send(answer, caller, address)));
            return far;
          }),
        );
      }
      const far = await callers.get(name);
      pass(near, () => far.send(packet, port, "127.0.0.1"));
    });
    return near.address().port;
  }

  return {
    counts,
    /** Makes a page reach the server by this way alone: candidates of the server lead here, those of the page reach nobody. */
    async between(page) {
      const answer = async (route) => {
        const body = route.request().postData().replace(/a=candidate:[^"]*?\\r\\n/g, "");
        const reply = await route.fetch({ postData: body });
        let text = await reply.text();
        const ports = new Set([...text.matchAll(/candidate:\S+ \d+ udp \d+ 127\.0\.0\.1 (\d+) typ host/gi)].map(([, port]) => port));
        for (const port of ports) text = text.replaceAll(` 127.0.0.1 ${port} typ`, ` 127.0.0.1 ${await lead(Number(port))} typ`);
        await route.fulfill({ response: reply, body: text });
      };
      // A page that goes meanwhile wants no answer.
      await page.route("**/v1/webrtc/sessions", (route) => answer(route).catch(() => {}));
      await page.route("**/v1/webrtc/ice", (route) => route.fulfill({ json: { success: true } }));
    },
    /** Swallows everything of the connections there are, from now on; later ones are none of them. */
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    stop() {
      clearTimeout(timer);
      for (const socket of sockets) socket.close();
    },
  };
}

// A TCP proxy in front of a server that can be cut, silenced and slowed down: what a network does to a WebSocket, done to a real one.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Stands in front of the server at `url`; its own `url` leads there. */
export async function startProxy(url) {
  const { hostname, host, port } = new URL(url);
  const pairs = new Set();
  let silent = false;
  const proxy = createServer((near) => {
    const far = connect(Number(port), hostname);
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [pair, [far, near]]) {
      from.on("error", end).on("close", end);
      from.on("data", (bytes) => {
        if (pair.deaf || to.write(from === near ? addressed(bytes) : bytes)) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
    }
    pair.deaf = silent;
  });
  /** The server answers only to its own name. Ports that the system chooses are of one length, so no length changes. */
  const addressed = (bytes) => {
    if (!/^(GET|POST|DELETE) /.test(bytes.toString("latin1", 0, 7))) return bytes;
    return Buffer.from(bytes.toString("latin1").replaceAll(`127.0.0.1:${proxy.address().port}`, host), "latin1");
  };
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    /** Resets every connection there is. */
    cut() {
      for (const [near, far] of pairs) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    /** Closes every connection there is, politely. */
    close() {
      for (const [near, far] of pairs) {
        near.end();
        far.end();
      }
    },
    /** Swallows what comes on every connection there is, and with `lasting` on every later one. */
    silence(lasting = false) {
      silent = lasting;
      for (const pair of pairs) pair.deaf = true;
    },
    stop() {
      for (const pair of pairs) pair.forEach((socket) => socket.destroy());
      proxy.close();
    },
  };
}

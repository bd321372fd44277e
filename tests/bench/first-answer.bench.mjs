// How long a new client takes from connect() to its first answer, beside a bare WebSocket that says the same bytes to the same server. One
// run, rounds in turns, the first of each thrown away (it pays for loading the module).
import { launch, open } from "../e2e/support/chromium.mjs";
import { startServer } from "../e2e/support/server.mjs";

const rounds = 60;
const target = 1.5;

const server = await startServer();
const browser = await launch();
try {
  const page = await open(browser, server.url);
  const samples = await page.evaluate(async (rounds) => {
    const { connect } = await import("/client/index.js");

    async function sdk(options) {
      const begin = performance.now();
      const agent = await connect(location.origin, options);
      await agent.request({ action: "health" });
      const ms = performance.now() - begin;
      agent.close();
      return ms;
    }

    /** What a client sends up to its first answer: a hello, whose secret lies at bytes 20 to 52, and a request. */
    async function spoken() {
      const packets = [];
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (bytes) {
        packets.push(bytes.slice());
        return send.call(this, bytes);
      };
      const agent = await connect(location.origin, { transports: ["websocket"] });
      const before = packets.length;
      await agent.request({ action: "health" });
      agent.close();
      WebSocket.prototype.send = send;
      const isData = (packet) => packet[0] === 2;
      return [packets[0], packets.slice(before).find(isData)];
    }

    async function bare([hello, request]) {
      crypto.getRandomValues(hello.subarray(20, 52));
      const begin = performance.now();
      const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/ws`, "tabagent.v1");
      socket.binaryType = "arraybuffer";
      await new Promise((resolve) => (socket.onopen = resolve));
      socket.send(hello);
      await new Promise((resolve) => (socket.onmessage = resolve));
      socket.send(request);
      await new Promise((resolve) => (socket.onmessage = ({ data }) => new Uint8Array(data)[0] === 2 && resolve()));
      const ms = performance.now() - begin;
      socket.close();
      return ms;
    }

    const packets = await spoken();
    const samples = { sdk: [], bare: [], ladder: [] };
    for (let round = -1; round < rounds; round++) {
      const [ladder, one, other] = [await sdk({}), await sdk({ transports: ["websocket"] }), await bare(packets)];
      if (round < 0) continue;
      samples.ladder.push(ladder);
      samples.sdk.push(one);
      samples.bare.push(other);
    }
    return samples;
  }, rounds);

  const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
  const row = (name, values) =>
    console.log(`${name.padEnd(34)} median ${quantile(values, 0.5).toFixed(1).padStart(6)} ms   p95 ${quantile(values, 0.95).toFixed(1).padStart(6)} ms   n ${values.length}`);
  row("tabagent, all transports", samples.ladder);
  row("tabagent, its WebSocket alone", samples.sdk);
  row("a bare WebSocket, the same bytes", samples.bare);
  const ratio = quantile(samples.ladder, 0.5) / quantile(samples.bare, 0.5);
  console.log(`first_answer_vs_bare_websocket ${ratio.toFixed(2)} (at most ${target})`);
  if (ratio > target) process.exitCode = 1;
} finally {
  await browser.close();
  await server.stop();
}

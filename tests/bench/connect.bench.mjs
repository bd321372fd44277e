// How long a new client takes to an open channel, beside two RTCPeerConnections of the same page: the browser's own ceiling.
// One run, rounds in turns, the first of each thrown away (it pays for loading the module).
import { launch, open } from "../e2e/support/chromium.mjs";
import { startServer } from "../e2e/support/server.mjs";

const rounds = 30;
const target = 2;

const server = await startServer();
const browser = await launch();
try {
  const page = await open(browser, server.url);
  const samples = await page.evaluate(async (rounds) => {
    const { connect } = await import("/client/index.js");

    async function sdk() {
      const agent = await connect(location.origin, { transports: ["webrtc"] });
      const at = Object.fromEntries(agent.timeline.map(({ step, ms }) => [step, ms]));
      agent.close();
      return at;
    }

    async function loop() {
      const begin = performance.now();
      const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
      a.onicecandidate = ({ candidate }) => candidate && b.addIceCandidate(candidate);
      b.onicecandidate = ({ candidate }) => candidate && a.addIceCandidate(candidate);
      const channel = a.createDataChannel("tabagent");
      const opened = new Promise((resolve) => (channel.onopen = resolve));
      await a.setLocalDescription();
      await b.setRemoteDescription(a.localDescription);
      await b.setLocalDescription();
      await a.setRemoteDescription(b.localDescription);
      await opened;
      const ms = performance.now() - begin;
      a.close();
      b.close();
      return ms;
    }

    const samples = { sdk: [], welcome: [], loop: [] };
    for (let round = -1; round < rounds; round++) {
      const [at, pair] = [await sdk(), await loop()];
      if (round < 0) continue;
      samples.sdk.push(at.channel);
      samples.welcome.push(at.welcome);
      samples.loop.push(pair);
    }
    return samples;
  }, rounds);

  const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
  const row = (name, values) =>
    console.log(`${name.padEnd(34)} median ${quantile(values, 0.5).toFixed(1).padStart(6)} ms   p95 ${quantile(values, 0.95).toFixed(1).padStart(6)} ms   n ${values.length}`);
  row("tabagent, to the open channel", samples.sdk);
  row("tabagent, to the welcome", samples.welcome);
  row("Chromium to Chromium, in the page", samples.loop);
  const ratio = quantile(samples.sdk, 0.5) / quantile(samples.loop, 0.5);
  console.log(`connect_vs_chromium_loop ${ratio.toFixed(2)} (at most ${target})`);
  if (ratio > target) process.exitCode = 1;
} finally {
  await browser.close();
  await server.stop();
}

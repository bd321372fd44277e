// What a health costs while 20 chats stream, beside the same calls on an idle session. One page, one client, one run; idle, loaded and
// idle again in turns, so that a change of the machine's mood shows on both sides.
import { launch, open } from "../e2e/support/chromium.mjs";
import { startServer } from "../e2e/support/server.mjs";

const calls = 2000;
const chats = 20;
const turns = 4;

const server = await startServer();
const browser = await launch();
try {
  const page = await open(browser, server.url);
  const samples = await page.evaluate(
    async ({ calls, chats, turns }) => {
      const { connect } = await import("/client/index.js");
      const agent = await connect(location.origin, { transports: ["webrtc"] });
      const measure = async (count, into) => {
        for (let n = 0; n < count; n++) {
          const begun = performance.now();
          await agent.request({ action: "health" });
          into.push(performance.now() - begun);
        }
      };
      const samples = { idle: [], loaded: [] };
      await measure(200, []);
      for (let turn = 0; turn < turns; turn++) {
        await measure(calls / turns, samples.idle);
        const streams = Array.from({ length: chats }, () =>
          agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 90000" }] }),
        );
        for (const stream of streams) {
          await stream.next();
          (async () => {
            for await (const _ of stream);
          })().catch(() => {});
        }
        await measure(calls / turns, samples.loaded);
        for (const stream of streams) {
          stream.response.catch(() => {});
          stream.cancel();
        }
      }
      agent.close();
      return samples;
    },
    { calls, chats, turns },
  );
  const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];
  const ms = (value) => value.toFixed(2).padStart(6);
  for (const [name, values] of Object.entries(samples)) {
    console.log(`health, ${name.padEnd(7)} p50 ${ms(quantile(values, 0.5))} ms   p99 ${ms(quantile(values, 0.99))} ms   n ${values.length}`);
  }
  console.log(`call_p99_loaded_vs_idle ${(quantile(samples.loaded, 0.99) / quantile(samples.idle, 0.99)).toFixed(2)} (${chats} chats of 50 tokens a second)`);
} finally {
  await browser.close();
  await server.stop();
}

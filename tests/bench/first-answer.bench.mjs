// How long a new client takes from connect() to its first answer, beside a bare WebSocket that says the same bytes to the same server, and all
// of them at once. One run, rounds in turns, the first of each thrown away. What is loaded is loaded for both: the aim is for that. Then
// as a page's first visit has it: a page each, the client's script and module loaded and compiled within the time, and nothing for the socket.
import { launch, open, openWith } from "../e2e/support/chromium.mjs";
import { startServer } from "../e2e/support/server.mjs";
import { aim, median, quick, row } from "./support/figures.mjs";

const [rounds, visits] = quick ? [20, 5] : [100, 20];
const target = 1.5;

const server = await startServer({ flags: ["--allow-local", "--limit", "connections_per_minute_loopback=100000"] });
const browser = await launch();
try {
  const page = await openWith(browser, server.url, "bare.js");
  const samples = await page.evaluate(async (rounds) => {
    const { connect } = await import("/client/index.js");
    const { firstAnswer, spoken } = await import("/bare.js");

    async function sdk(options) {
      const begin = performance.now();
      const agent = await connect(location.origin, options);
      await agent.request({ action: "health" });
      const ms = performance.now() - begin;
      agent.close();
      return ms;
    }

    async function bare(packets) {
      const begin = performance.now();
      const socket = await firstAnswer(packets);
      const ms = performance.now() - begin;
      socket.close();
      return ms;
    }

    const packets = await spoken();
    const samples = { ladder: [], socket: [], bare: [] };
    for (let round = -1; round < rounds; round++) {
      const [ladder, socket, other] = [await sdk({}), await sdk({ transports: ["websocket"] }), await bare(packets)];
      if (round < 0) continue;
      samples.ladder.push(ladder);
      samples.socket.push(socket);
      samples.bare.push(other);
    }
    return samples;
  }, rounds);
  await page.close();

  const first = [];
  for (let visit = -1; visit < visits; visit++) {
    const page = await open(browser, server.url);
    const ms = await page.evaluate(async () => {
      const begin = performance.now();
      const { connect } = await import("/client/index.js");
      const agent = await connect(location.origin);
      await agent.request({ action: "health" });
      const ms = performance.now() - begin;
      agent.close();
      return ms;
    });
    if (visit >= 0) first.push(ms);
    await page.close();
  }

  row("tabagent, all transports", samples.ladder);
  row("tabagent, its WebSocket alone", samples.socket);
  row("a bare WebSocket, the same bytes at once", samples.bare);
  row("tabagent in a new page, module and all", first);
  const ratio = median(samples.ladder) / median(samples.bare);
  aim("first_answer_vs_bare_websocket", ratio.toFixed(2), `at most ${target}`, ratio <= target);
} finally {
  await browser.close();
  await server.stop();
}

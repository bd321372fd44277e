// Run inside a network namespace: one server, one Chromium, one connect with the options of the first argument; the last line printed
// says how it went. A second argument is a shell command that changes the network, after which the session is to move.
import { execSync } from "node:child_process";

import { launch, openWith } from "./chromium.mjs";
import { startServer } from "./server.mjs";

const [options = "{}", later] = process.argv.slice(2);
const server = await startServer();
const browser = await launch();
try {
  const page = await openWith(browser, server.url, "transports.js");
  const seen = await page.evaluate(async (options) => {
    const { connect } = await import("/client/index.js");
    await fetch("/client/tabagent_client_bg.wasm").then((reply) => reply.arrayBuffer());
    const begin = performance.now();
    try {
      window.agent = await connect(location.origin, options);
      const { status } = await agent.request({ action: "health" });
      return { status, transport: agent.transport, ms: performance.now() - begin };
    } catch ({ code, message, details }) {
      return { code, message, details, ms: performance.now() - begin };
    }
  }, JSON.parse(options));
  if (later) {
    seen.tried = await page.evaluate(async () => {
      for (;;) {
        const [webrtc] = (await agent.stats()).transports;
        if (webrtc.failures > 0) return webrtc;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    execSync(later);
    const begin = performance.now();
    seen.moved = await page.evaluate(async () => {
      const { reached } = await import("/transports.js");
      await reached(agent, "webrtc");
      return (await agent.request({ action: "health" })).status;
    });
    seen.movedMs = performance.now() - begin;
  }
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
  await server.stop();
}

// Run inside a network namespace: one server, one Chromium, one connect; the last line printed says how it went.
import { launch, open } from "./chromium.mjs";
import { startServer } from "./server.mjs";

const server = await startServer();
const browser = await launch();
try {
  const page = await open(browser, server.url);
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    await fetch("/client/tabagent_client_bg.wasm").then((reply) => reply.arrayBuffer());
    const begin = performance.now();
    try {
      const agent = await connect(location.origin);
      const { status } = await agent.request({ action: "health" });
      agent.close();
      return { status };
    } catch (error) {
      return { code: error.code, message: error.message, ms: performance.now() - begin };
    }
  });
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
  await server.stop();
}

// The embedding example: an axum program with an action of its own, which asks the page in turn.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "./support/chromium.mjs";
import { postJson, root, startServer } from "./support/server.mjs";

let server, browser;

before(async () => {
  const program = `${root}/target/debug/examples/embed`;
  [server, browser] = await Promise.all([startServer({ program, args: ["127.0.0.1:0"] }), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("an own action over HTTP", async () => {
  const { status, body } = await postJson(`${server.url}/v1/actions/greet`, { name: "Ada" });
  assert.deepEqual([status, body], [200, { type: "greet_response", text: "Hello, Ada!" }]);
  const own = await fetch(server.url);
  assert.equal(await own.text(), "a route of the program's own");
});

test("the server calls an action of the page inside a call, and gets its answer or its failure", async () => {
  const page = await browser.newPage();
  // The program serves no files; the SDK comes from the package folder.
  await page.route("**/client/*", (route) => {
    const name = new URL(route.request().url()).pathname.split("/").at(-1);
    return route.fulfill({ path: `${root}/client-wasm/npm/dist/${name}` });
  });
  await page.goto(server.url);
  const seen = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin);
    const codeOf = (promise) => promise.then(() => "no error", (error) => error.code);
    const named = await agent.request({ action: "greet", name: "Grace" });
    const unserved = await codeOf(agent.request({ action: "greet" }));
    agent.serve({ who_are_you: async () => ({ name: "Ada" }) });
    const asked = await agent.request({ action: "greet" });
    agent.serve({
      who_are_you: () => {
        throw Object.assign(new Error("not today"), { code: "forbidden" });
      },
    });
    const refused = await codeOf(agent.request({ action: "greet" }));
    agent.close();
    return { named, unserved, asked, refused };
  });
  assert.equal(seen.named.text, "Hello, Grace!");
  assert.equal(seen.unserved, "unknown_action");
  assert.equal(seen.asked.text, "Hello, Ada!");
  assert.equal(seen.refused, "forbidden");
});

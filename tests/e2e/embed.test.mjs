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

/** The program serves no files; the SDK comes from the package folder. */
async function pageWithSdk() {
  const page = await browser.newPage();
  await page.route("**/client/*", (route) => {
    const name = new URL(route.request().url()).pathname.split("/").at(-1);
    return route.fulfill({ path: `${root}/client-wasm/npm/dist/${name}` });
  });
  await page.goto(server.url);
  return page;
}

test("an own action over HTTP", async () => {
  const { status, body } = await postJson(`${server.url}/v1/actions/greet`, { name: "Ada" });
  assert.deepEqual([status, body], [200, { type: "greet_response", text: "Hello, Ada!" }]);
  const own = await fetch(server.url);
  assert.equal(await own.text(), "a route of the program's own");
});

test("an event of the program reaches those who subscribed before it, in a page and over HTTP, and nobody later", async () => {
  const page = await pageWithSdk();
  await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    window.agent = await connect(location.origin);
    window.heard = [];
    agent.on("greeted", ({ name }) => heard.push(name));
    // Whatever is answered after the subscription was sent, comes after it.
    await agent.request({ action: "health" });
  });
  const early = new AbortController();
  const stream = await fetch(`${server.url}/v1/events?events=greeted`, { signal: early.signal });
  await postJson(`${server.url}/v1/actions/greet`, { name: "Mary" });
  const late = new AbortController();
  const lateStream = await fetch(`${server.url}/v1/events?events=greeted`, { signal: late.signal });
  await postJson(`${server.url}/v1/actions/greet`, { name: "Joan" });

  assert.deepEqual(await eventsOf(stream, 2), ["Mary", "Joan"]);
  assert.deepEqual(await eventsOf(lateStream, 1), ["Joan"], "nothing from before");
  await page.waitForFunction(() => window.heard.length === 2);
  assert.deepEqual(await page.evaluate(() => heard), ["Mary", "Joan"]);
  await page.evaluate(() => agent.request({ action: "greet", name: "Ada" }));
  await page.waitForFunction(() => window.heard.length === 3, undefined, { timeout: 10_000 });
  assert.equal(await page.evaluate(() => heard[2]), "Ada", "who causes an event and subscribed to it hears it too");
  await page.evaluate(() => agent.close());
  early.abort();
  late.abort();
});

/** The names in the first so many events of a stream. */
async function eventsOf(reply, count) {
  let text = "";
  for await (const chunk of reply.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = [...text.matchAll(/^data: ?(.*)$/gm)].map(([, json]) => JSON.parse(json));
    if (events.length >= count) return events.map(({ name }) => name);
  }
  throw new Error(`the stream ended: ${text}`);
}

test("the server calls an action of the page inside a call, and gets its answer or its failure", async () => {
  const page = await pageWithSdk();
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

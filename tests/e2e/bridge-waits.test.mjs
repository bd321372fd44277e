// What stands in the way of the bridge is named, and no wait for it is without an end.
import assert from "node:assert/strict";
import { test } from "node:test";

import { begin } from "./support/bridge.mjs";

/** In a context: what `connect()` comes to. */
const failure = () => caller.outcome(caller.connect().then(({ state }) => state));

const worker = (options) => `import { broker } from "./tabagent/extension.js";\nimport { settings } from "./settings.js";\n${options ? `broker(${options});` : ""}`;

test("a document that calls host() late is waited for, by a page and by a content script", async (t) => {
  const offscreen = `import { host } from "./tabagent/extension.js";
    import { connect } from "./tabagent/index.js";
    // Long after it was loaded: when somebody has come already.
    navigator.serviceWorker.addEventListener("message", () => setTimeout(() => host(({ url, key }) => connect(url, { key })), 500), { once: true });`;
  const { page, site } = await begin(t, { files: { "offscreen.js": offscreen } });
  const [tab, { content }] = [await page("tab"), await site()];
  assert.deepEqual(await Promise.all([tab, content].map((context) => context.evaluate(failure))), [{ value: "connected" }, { value: "connected" }]);
});

for (const [what, files, named] of [
  ["a document that never calls host()", { "offscreen.js": "" }, /host\(\)/],
  ["a worker that never calls broker()", { "worker.js": worker() }, /broker\(\)/],
  ["settings that never come", { "worker.js": worker('{ document: "offscreen.html", settings: () => new Promise(() => {}) }') }, /settings/],
]) {
  test(`${what}: a failure that says so, and no wait without an end`, async (t) => {
    const { page, site } = await begin(t, { files });
    const [tab, { content }] = [await page("tab"), await site()];
    for (const { code, message } of await Promise.all([tab, content].map((context) => context.evaluate(failure)))) {
      assert.equal(code, "transport_failed", message);
      assert.match(message, named);
    }
  });
}

for (const [what, options, code, named] of [
  ["settings that fail", '{ document: "offscreen.html", settings: () => Promise.reject(new Error("no address is set")) }', "internal", /no address is set/],
  ["a document that is not there", '{ document: "elsewhere.html" }', "internal", /./],
]) {
  test(`${what}: the failure reaches whoever connects, at once`, async (t) => {
    const { page, site } = await begin(t, { files: { "worker.js": worker(options) } });
    const [tab, { content }] = [await page("tab"), await site()];
    for (const failed of await Promise.all([tab, content].map((context) => context.evaluate(failure)))) {
      assert.equal(failed.code, code, JSON.stringify(failed));
      assert.match(failed.message, named);
    }
  });
}

test("a server that refuses: everybody hears why, and a later connect() tries again", async (t) => {
  const { page, site, worker } = await begin(t);
  await worker.evaluate(() => chrome.storage.session.set({ key: "wrong" }));
  const [tab, { content }] = [await page("tab"), await site()];
  for (const { code } of await Promise.all([tab, content].map((context) => context.evaluate(failure)))) assert.equal(code, "unauthorized");
  await worker.evaluate(() => chrome.storage.session.clear());
  assert.deepEqual(await tab.evaluate(failure), { value: "connected" });
});

test("what the manifest lacks is named", async (t) => {
  const { page } = await begin(t, {
    change: (manifest) => {
      manifest.permissions = ["storage"];
      delete manifest.content_security_policy;
    },
  });
  const { code, details } = await (await page("tab")).evaluate(failure);
  assert.equal(code, "not_supported");
  assert.match(details.missing[0], /"offscreen"/);
  assert.match(details.missing[1], /wasm-unsafe-eval/);
});

test("a Chrome that is too old is named", async (t) => {
  const { context, page } = await begin(t);
  const tab = await page("tab");
  const session = await context.newCDPSession(tab);
  await session.send("Emulation.setUserAgentOverride", { userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Safari/537.36" });
  const { code, details } = await tab.evaluate(failure);
  assert.equal(code, "not_supported");
  assert.deepEqual(details.missing, ["Chrome 116 or later (this is 110)"]);
});

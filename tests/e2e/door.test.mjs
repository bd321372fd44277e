// Who gets in, tried by those who send the headers: a real extension, a real page of another origin.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, launchWithExtension, open } from "./support/chromium.mjs";
import { getJson, startServer } from "./support/server.mjs";

const key = "correct-horse-battery-staple";
let local, elsewhere, keyed, browser;

before(async () => {
  [local, elsewhere, browser] = await Promise.all([startServer(), startServer(), launch()]);
  keyed = await startServer({ flags: ["--key", key, "--allow-origin", elsewhere.url] });
});
after(async () => {
  await browser?.close();
  await Promise.all([local, elsewhere, keyed].map((server) => server?.stop()));
});

test("an extension that was not let in gets nothing, though its GET has no Origin", async (t) => {
  const profile = await mkdtemp(join(tmpdir(), "tabagent-profile-"));
  t.after(() => rm(profile, { recursive: true, force: true }));
  const context = await launchWithExtension(profile, fileURLToPath(new URL("./fixtures/unpaired-extension", import.meta.url)));
  t.after(() => context.close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const seen = await worker.evaluate(async (url) => {
    const look = async (path, init) => {
      const reply = await fetch(url + path, init);
      return [reply.status, (await reply.json()).code];
    };
    const offer = { method: "POST", headers: { "content-type": "application/json" }, body: '{"offer":{"type":"offer","sdp":"v=0"}}' };
    return { get: await look("/v1/health"), list: await look("/v1/webrtc/session"), post: await look("/v1/webrtc/sessions", offer) };
  }, local.url);
  assert.deepEqual(seen, { get: [401, "unauthorized"], list: [401, "unauthorized"], post: [401, "unauthorized"] });
});

test("a page of another origin changes nothing and reads nothing", async () => {
  const page = await open(browser, elsewhere.url);
  const seen = await page.evaluate(async (url) => {
    const attempt = (promise) => promise.then((reply) => reply.type, (error) => error.name);
    const body = '{"offer":{"type":"offer","sdp":"v=0"}}';
    const { connect } = await import("/client/index.js");
    return {
      read: await attempt(fetch(`${url}/v1/health`)),
      blind: await attempt(fetch(`${url}/v1/webrtc/sessions`, { method: "POST", mode: "no-cors", body })),
      sdk: await connect(url).then(() => "connected", (error) => error.code),
    };
  }, local.url);
  assert.deepEqual(seen, { read: "TypeError", blind: "opaque", sdk: "transport_failed" });
  const { body } = await getJson(`${local.url}/v1/stats`);
  assert.equal(body.sessions.total, 0, "no connection was made");
});

test("an allowed origin needs the key, and with it connects", async () => {
  const page = await open(browser, elsewhere.url);
  const seen = await page.evaluate(
    async ([url, key]) => {
      const { connect } = await import("/client/index.js");
      const code = (options) => connect(url, options).then(() => "connected", (error) => error.code);
      const agent = await connect(url, { key });
      const { status } = await agent.request({ action: "health" });
      agent.close();
      return { none: await code({}), wrong: await code({ key: "guess" }), status };
    },
    [keyed.url, key],
  );
  assert.deepEqual(seen, { none: "unauthorized", wrong: "unauthorized", status: "healthy" });
});

test("a name that points here from elsewhere is not served", async () => {
  const rebound = await launch("--host-resolver-rules=MAP rebound.test 127.0.0.1");
  try {
    const page = await rebound.newPage();
    const reply = await page.goto(local.url.replace("127.0.0.1", "rebound.test"));
    assert.equal(reply.status(), 421);
  } finally {
    await rebound.close();
  }
});

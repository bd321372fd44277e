// The bridge: one connection in an extension's offscreen document, used from every context in a real browser.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { launchWithExtension } from "./support/chromium.mjs";
import { root, startServer, until } from "./support/server.mjs";

const origin = "chrome-extension://fjghcnlkcihobofababfnaciefjaepoi"; // follows from the manifest's key
const key = "correct-horse-battery-staple";
const fixture = fileURLToPath(new URL("./fixtures/bridge", import.meta.url));

/** A browser with the extension, and a server that lets it in; `change` changes its manifest. */
async function begin(t, change) {
  const home = await mkdtemp(join(tmpdir(), "tabagent-bridge-"));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const extension = join(home, "extension");
  await cp(fixture, extension, { recursive: true });
  await cp(join(root, "client-wasm/npm/dist"), join(extension, "tabagent"), { recursive: true });
  if (change) {
    const path = join(extension, "manifest.json");
    const manifest = JSON.parse(await readFile(path, "utf8"));
    change(manifest);
    await writeFile(path, JSON.stringify(manifest));
  }
  // A content script is no module.
  await build({
    entryPoints: [join(fixture, "content.js")],
    outfile: join(extension, "content.js"),
    bundle: true,
    alias: { "@tabagent/client/extension": join(root, "client-wasm/npm/dist/extension.js") },
  });
  const server = await startServer({ flags: ["--key", key, "--allow-origin", origin] });
  t.after(() => server.stop());
  await writeFile(join(extension, "settings.js"), `// Written by the test.\nexport const settings = ${JSON.stringify({ url: server.url, key })};\n`);
  const context = await launchWithExtension(join(home, "profile"), extension);
  t.after(() => context.close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const page = async (name) => {
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(`${name}:`, error.message));
    await page.goto(`${origin}/${name}.html`);
    return page;
  };
  return { server, context, worker, page };
}

test("the same call from the worker and every page goes over one connection", async (t) => {
  const { worker, page } = await begin(t);
  const converse = () => globalThis.caller.converse();
  const pages = await Promise.all(["popup", "panel", "options", "tab"].map(page));
  const said = await Promise.all([worker, ...pages].map((context) => context.evaluate(converse)));
  for (const { status, text, state } of said) {
    assert.equal(state, "connected");
    assert.equal(typeof status, "string");
    assert.match(text, /^1 2 3 4 5/);
  }
  const [first] = said;
  assert.ok(first.connectionId);
  assert.ok(said.every(({ connectionId, sessions }) => connectionId === first.connectionId && sessions.total === 1), JSON.stringify(said));
});

test("a content script calls as the others do, though it is first", async (t) => {
  const { server, context, page } = await begin(t);
  const site = await context.newPage();
  await site.goto(`${server.url}/blank.html`);
  await site.waitForSelector("html[data-said]", { state: "attached" });
  const said = JSON.parse(await site.evaluate(() => document.documentElement.dataset.said));
  assert.equal(said.state, "connected", JSON.stringify(said));
  assert.match(said.text, /^1 2 3 4 5/);
  const tab = await (await page("tab")).evaluate(() => globalThis.caller.converse());
  assert.equal(tab.connectionId, said.connectionId);
});

test("the calls of a page that is closed are withdrawn, and nobody else's", async (t) => {
  const { worker, page } = await begin(t);
  const [closing, staying] = await Promise.all(["tab", "panel"].map(page));
  const begun = (to) => globalThis.caller.begin(to);
  await Promise.all([closing.evaluate(begun, 5000), staying.evaluate(begun, 200)]);
  const underWay = () => worker.evaluate(async () => (await (await globalThis.caller.connected()).stats()).calls.ours);
  assert.equal(await underWay(), 2);
  await closing.close();
  assert.equal(await until(underWay, (calls) => calls === 1), 1);
  const { code, items } = await staying.evaluate(() => globalThis.caller.rest());
  assert.equal(code, undefined);
  assert.ok(items >= 200, String(items));
});

test("the offscreen document dies: keyed calls go on whole, others fail by name, and the next call finds another document", async (t) => {
  const { worker, page } = await begin(t);
  const [keyed, plain] = await Promise.all(["tab", "panel"].map(page));
  await keyed.evaluate(() => globalThis.caller.begin(100, { idempotencyKey: "once" }));
  await plain.evaluate(() => globalThis.caller.begin(100));
  await worker.evaluate(() => chrome.offscreen.closeDocument());
  const [whole, lost] = await Promise.all([keyed, plain].map((page) => page.evaluate(() => globalThis.caller.rest())));
  assert.equal(lost.code, "outcome_unknown");
  assert.equal(whole.code, undefined);
  const { text, state } = await plain.evaluate(() => globalThis.caller.converse());
  assert.equal(state, "connected");
  assert.match(text, /^1 2 3 4 5/);
  // The same as without a death: nothing lost, nothing twice.
  const undisturbed = await keyed.evaluate(async () => (await globalThis.caller.begin(100), globalThis.caller.rest()));
  assert.deepEqual(whole, undisturbed);
});

test("a page calls on when the service worker has been stopped", async (t) => {
  const { context, page } = await begin(t);
  const tab = await page("tab");
  await tab.evaluate(() => globalThis.caller.begin(50));
  const cdp = await context.newCDPSession(tab);
  await cdp.send("ServiceWorker.enable");
  await cdp.send("ServiceWorker.stopAllWorkers");
  const { code, items } = await tab.evaluate(() => globalThis.caller.rest());
  assert.equal(code, undefined);
  assert.ok(items >= 50, String(items));
  // One that comes now wakes the worker.
  const { state } = await (await page("popup")).evaluate(() => globalThis.caller.converse());
  assert.equal(state, "connected");
});

test("what the manifest lacks is named", async (t) => {
  const { page } = await begin(t, (manifest) => {
    manifest.permissions = [];
    delete manifest.content_security_policy;
  });
  const failed = await (await page("tab")).evaluate(() => globalThis.caller.connected().then(String, ({ code, details }) => ({ code, missing: details.missing })));
  assert.equal(failed.code, "not_supported");
  assert.match(failed.missing[0], /"offscreen"/);
  assert.match(failed.missing[1], /wasm-unsafe-eval/);
});

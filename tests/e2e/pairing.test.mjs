// A fresh server and an extension that nobody listed: the code that the server prints, typed into the options page, and nothing else.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launchWithExtension, open } from "./support/chromium.mjs";
import { binary, getJson, root, startServer, until } from "./support/server.mjs";

const run = promisify(execFile);
const CODE = /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/;

let home, server, elsewhere, context, paired, other;

/** A copy of the extension under an id of its own; without the host permission, what it may do is up to the server alone. */
async function extension(name, permitted) {
  const folder = join(home, name);
  await cp(fileURLToPath(new URL("./fixtures/pairing", import.meta.url)), folder, { recursive: true });
  await cp(join(root, "client-wasm/npm/dist"), join(folder, "tabagent"), { recursive: true });
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  if (!permitted) delete manifest.host_permissions;
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, name }));
  return folder;
}

/** The options page of the extension of this name. */
async function options(name) {
  const workers = () => Promise.all(context.serviceWorkers().map((worker) => worker.evaluate(() => [chrome.runtime.getManifest().name, location.origin])));
  const found = await until(workers, (all) => all.some(([known]) => known === name));
  const [, origin] = found.find(([known]) => known === name);
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error("options:", error.message));
  await page.goto(`${origin}/options.html`);
  await page.waitForFunction(() => globalThis.diagnose);
  return { page, origin };
}

async function type({ page }, url, code) {
  await page.locator("output").evaluate((output) => (output.value = ""));
  await page.getByLabel("Server").fill(url);
  await page.getByLabel("Pairing code").fill(code);
  await page.getByRole("button", { name: "Pair" }).click();
  await page.waitForFunction(() => document.querySelector("output").value !== "");
  return page.locator("output").textContent();
}

const evaluate = ({ page }, run, argument) => page.evaluate(run, argument);
const pairCommand = (...args) => run(binary, ["pair", ...args, "--data-dir", server.data]).then(({ stdout }) => stdout);

before(async () => {
  home = await mkdtemp(join(tmpdir(), "tabagent-pairing-"));
  [server, elsewhere] = await Promise.all([startServer({ args: ["--port", "0"] }), startServer()]);
  const folders = await Promise.all([extension("one", true), extension("other", false)]);
  context = await launchWithExtension(join(home, "profile"), folders.join(","));
  [paired, other] = [await options("one"), await options("other")];
});
after(async () => {
  await context?.close();
  await Promise.all([server, elsewhere].map((started) => started?.stop()));
  if (home) await rm(home, { recursive: true, force: true, maxRetries: 10 });
});

test("from the code that a fresh server prints to an answer, and nobody else gets in", async () => {
  await until(() => server.printed[1], Boolean);
  const [code] = CODE.exec(server.printed[1]) ?? assert.fail(server.printed.join("\n"));
  assert.equal(await evaluate(paired, (url) => globalThis.diagnose(url), server.url), "not_paired");
  assert.equal(await evaluate(paired, (url) => globalThis.refusal({ url }), server.url), "unauthorized");

  assert.equal(await type(paired, server.url, "0000-0000"), "pairing_failed");
  assert.equal(await type(paired, server.url, "no code"), "validation_failed");
  assert.equal(await type(paired, server.url, code.toLowerCase().replace("-", " ")), "paired");
  for (const transport of ["webrtc", "websocket"]) {
    assert.match(await evaluate(paired, (transport) => globalThis.converse(transport), transport), /^1 2 3 4 5/, transport);
  }

  assert.equal(await type(other, server.url, code), "pairing_failed", "a second extension with the same code");
  const { token: key } = await evaluate(paired, () => chrome.storage.local.get());
  assert.equal(await evaluate(other, () => chrome.storage.local.get().then(({ token }) => token)), undefined);
  // A token that was stolen from the first: neither its posts nor its sockets are the second's.
  for (const transport of ["webrtc", "websocket"]) {
    const stolen = { url: server.url, key, transports: [transport], strict: true, connectTimeoutMs: 2_000 };
    assert.notEqual(await evaluate(other, (options) => globalThis.refusal(options), stolen), "connected", transport);
  }
  assert.equal(await evaluate(other, ([url, key]) => globalThis.diagnose(url, key), [server.url, key]), "token_refused");
});

test("a page cannot redeem a code, and an extension without any permission can", async () => {
  const [code] = CODE.exec(await pairCommand()) ?? assert.fail("no code");
  const page = await open(context, elsewhere.url);
  const seen = await page.evaluate(
    async ([url, code]) => {
      const { pair } = await import("/client/pair.js");
      return pair(url, code).then(() => "paired", (error) => error.code);
    },
    [server.url, code],
  );
  assert.equal(seen, "transport_failed", "the browser lets it read nothing");
  assert.equal(await type(other, server.url, code), "paired");
  for (const transport of ["webrtc", "websocket"]) {
    assert.match(await evaluate(other, (transport) => globalThis.converse(transport), transport), /^1 2 3 4 5/, transport);
  }
});

test("a pairing lasts until it is revoked, and then everything of it ends at once", async () => {
  await paired.page.reload();
  await paired.page.waitForFunction(() => globalThis.diagnose);
  await evaluate(paired, () => globalThis.stay());
  const row = (await pairCommand("list")).split("\n").find((line) => line.includes(paired.origin)) ?? assert.fail("it is not listed");
  assert.match(row, /^[0-9a-f]{8} {2}\S+Z {2}chrome-extension:\/\/[a-p]{32} {2}"the options page"$/);
  const [id] = row.split(" ");
  assert.match(await pairCommand("revoke", id), /^revoked /);
  assert.equal(await evaluate(paired, () => globalThis.ended), "unauthorized");
  const { token: key } = await evaluate(paired, () => chrome.storage.local.get());
  assert.equal(await evaluate(paired, ([url, key]) => globalThis.diagnose(url, key), [server.url, key]), "token_refused");
  assert.equal(await evaluate(paired, (key) => globalThis.refusal({ key }), key), "unauthorized");
  assert.equal((await getJson(`${server.url}/v1/health`, { headers: { authorization: `Bearer ${key}` } })).status, 401);
  await assert.rejects(pairCommand("revoke", id), /nobody of the id/);
  assert.match(await evaluate(other, () => globalThis.converse("webrtc")), /^1 2 3 4 5/, "the other one's stands");
});

test("pair() in a program: a token that is bound to no origin, and every failure by its code", async (t) => {
  const { pair } = await import("@tabagent/client/pair");
  const local = await startServer({ args: ["--port", "0", "--limit", "pairing_attempts_per_minute=3"] });
  t.after(() => local.stop());
  await until(() => local.printed[1], Boolean);
  const [code] = CODE.exec(local.printed[1]);
  const failure = (...args) => pair(...args).then(() => "paired", (error) => error);

  assert.equal((await failure(local.url, "no code")).code, "validation_failed");
  assert.deepEqual((await failure(local.url, "no code")).details, { field: "code" });
  assert.equal((await failure(local.url, code, { name: "two\nlines" })).details.field, "name");
  const given = await pair(new URL(`${local.url}/?x#y`), code, { name: "a program" });
  assert.deepEqual({ ...given, token: given.token.length, id: given.id.length }, { token: 43, id: 8, origin: null, name: "a program", server: { version: given.server.version } });
  const asks = (headers) => getJson(`${local.url}/v1/health`, { headers: { authorization: `Bearer ${given.token}`, ...headers } });
  assert.deepEqual([(await asks({})).status, (await asks({ origin: local.url })).status], [200, 401]);

  const wrong = await failure(local.url, code);
  assert.ok(wrong instanceof Error && wrong.name === "TabagentError", String(wrong));
  assert.deepEqual([wrong.code, wrong.status], ["pairing_failed", 401]);
  assert.equal((await failure(local.url, code)).code, "pairing_failed");
  const often = await failure(local.url, code);
  assert.deepEqual([often.code, often.status], ["rate_limited", 429]);
  assert.ok(often.retryAfterMs > 0 && often.retryAfterMs <= 60_000, String(often.retryAfterMs));

  assert.equal((await failure(local.url, code, { signal: AbortSignal.abort("no more") })).cause, "no more");
  assert.equal((await failure(local.url, code, { signal: AbortSignal.abort() })).code, "cancelled");
  const other = createServer((_, reply) => reply.writeHead(404).end("<h1>Not here</h1>")).listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address();
  assert.equal((await failure(`http://127.0.0.1:${port}`, code)).code, "not_supported");
  other.removeAllListeners("request");
  assert.match((await failure(`http://127.0.0.1:${port}`, code, { timeoutMs: 50 })).message, /no answer within 50 ms/);
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  assert.equal((await failure(`http://127.0.0.1:${port}`, code)).code, "transport_failed");
  assert.equal((await failure("nowhere", code)).code, "transport_failed");
});

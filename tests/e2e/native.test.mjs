// Native messaging, the last rung of an extension's ladder: a real browser starts the real host, which finds the real server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launchWithExtension } from "./support/chromium.mjs";
import { binary, ledgerBinary, root, startServer, until } from "./support/server.mjs";
import { assertWhole } from "./support/whole.mjs";

const id = "fjghcnlkcihobofababfnaciefjaepoi"; // follows from the manifest's key
const origin = `chrome-extension://${id}`;
const key = "correct-horse-battery-staple";
const fixture = fileURLToPath(new URL("./fixtures/native", import.meta.url));
/** A test does not wait as long as a person would. */
const hurry = { reconnect: { retryMs: 50, maxRetryMs: 200, upgradeMs: 100, maxUpgradeMs: 300, silenceMs: 1_000, answerMs: 300 } };
/** Outlasts whatever happens, in each lane. */
const endless = { items: 1e9, bytes: 100, per_second: 200 };

const native = (...args) => promisify(execFile)(binary, ["native-host", ...args]);

/** A server with a data folder of its own; `start` starts another one there. */
async function serve(t, home, program = binary) {
  const data = join(home, "data");
  await mkdir(data, { recursive: true });
  const start = async (port = "0") => {
    const args = ["--port", port, "--www", `${root}/www`, "--key", key, "--allow-origin", origin, "--allow-local", "--data-dir", data];
    const server = await startServer({ program, args });
    t.after(() => server.stop("SIGKILL"));
    return server;
  };
  return { data, start };
}

/**
 * A browser with the extension, whose host is known to it unless `installed` is false, and a page of it. `change` changes the manifest; with
 * `alone` there is no network from the beginning; `options` are those of `connect()`. `first` is what the worker does before all else.
 */
async function begin(t, { change, installed = true, program, first = "", ...settings } = {}) {
  const home = await mkdtemp(join(tmpdir(), "tabagent-native-"));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const [extension, profile] = [join(home, "extension"), join(home, "profile")];
  await cp(fixture, extension, { recursive: true });
  await cp(join(root, "client-wasm/npm/dist"), join(extension, "tabagent"), { recursive: true });
  await cp(join(root, "tests/e2e/support/ledger.js"), join(extension, "ledger.js"));
  if (change) {
    const path = join(extension, "manifest.json");
    const manifest = JSON.parse(await readFile(path, "utf8"));
    change(manifest);
    await writeFile(path, JSON.stringify(manifest));
  }
  const { data, start } = await serve(t, home, program);
  const server = await start();
  if (installed) await native("install", "--extension-id", id, "--user-data-dir", profile, "--data-dir", data);
  const given = { url: server.url, key, options: hurry, ...settings };
  await writeFile(join(extension, "settings.js"), `// Written by the test.\n${first}\nexport const settings = ${JSON.stringify(given)};\n`);
  const context = await launchWithExtension(profile, extension);
  t.after(() => context.close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error("page:", error.message));
  await page.goto(`${origin}/tab.html`);
  return { server, start, context, worker, page, home };
}

const connect = (page) => page.evaluate(() => globalThis.caller.connect());
const request = (page, ...args) => page.evaluate((args) => globalThis.caller.request(...args), args);
const transport = (page) => page.evaluate(() => globalThis.caller.transport());
const reached = (page, name) => page.evaluate((name) => globalThis.caller.reached(name), name);
const network = (page, on) => page.evaluate((on) => globalThis.caller.network(on), on);

for (const [browser, first] of [
  ["this browser", ""],
  ["one that has no base64 of its own", "delete Uint8Array.prototype.toBase64, delete Uint8Array.fromBase64;"],
]) {
  test(`without WebRTC and WebSockets a chat goes over native messaging (${browser})`, async (t) => {
    const { server, page } = await begin(t, { alone: true, first });
    assert.equal(await connect(page), undefined);
    assert.equal(await transport(page), "native");
    assert.match(await page.evaluate(() => globalThis.caller.chat(5)), /^1 2 3 4 5/);
    const { transports } = await page.evaluate(() => globalThis.caller.stats());
    assert.deepEqual(transports.map(({ transport, state }) => [transport, state === "carrying"]), [["webrtc", false], ["websocket", false], ["native", true]]);
    assert.ok(server.log.some((line) => /session attached.*transport="?native/.test(line)), server.log.join("\n"));
  });
}

test("streams go on over native messaging when WebRTC and the WebSocket are gone, and back: nothing lost, nothing twice", async (t) => {
  const { page } = await begin(t, { program: ledgerBinary });
  assert.equal(await connect(page), undefined);
  await reached(page, "webrtc");
  await page.evaluate((endless) => {
    globalThis.streams = globalThis.caller.followBoth(endless);
    return globalThis.streams.reached(50);
  }, endless);
  const further = () => page.evaluate(() => globalThis.streams.reached(globalThis.streams.count() + 50));
  for (let times = 0; times < 2; times++) {
    await network(page, false);
    await reached(page, "native");
    await further();
    await network(page, true);
    await reached(page, "webrtc");
    await further();
  }
  const ledgers = await page.evaluate(() => globalThis.streams.finish());
  ledgers.forEach(assertWhole);
});

test("the service worker is stopped while native messaging carries: the session goes on over another port", async (t) => {
  const { context, page } = await begin(t, { alone: true, program: ledgerBinary });
  assert.equal(await connect(page), undefined);
  await page.evaluate((endless) => {
    globalThis.streams = globalThis.caller.followBoth(endless);
    return globalThis.streams.reached(50);
  }, endless);
  const cdp = await context.newCDPSession(page);
  await cdp.send("ServiceWorker.enable");
  const changes = await page.evaluate(() => globalThis.caller.changes.length);
  await cdp.send("ServiceWorker.stopAllWorkers");
  await page.waitForFunction((before) => globalThis.caller.changes.slice(before).some((change) => change.includes("native reconnected")), changes);
  const ledgers = await page.evaluate(async () => {
    await globalThis.streams.reached(globalThis.streams.count() + 50);
    return globalThis.streams.finish();
  });
  ledgers.forEach(assertWhole);
});

test("the host is killed while it carries: the session goes on over another one; without the offscreen document there is none", async (t) => {
  const { page, worker, home } = await begin(t, { alone: true, program: ledgerBinary });
  const hosts = async () => {
    const { stdout } = await promisify(execFile)("ps", ["-eo", "pid=,args="]);
    return stdout.split("\n").filter((line) => line.includes("native-host") && line.includes(home)).map((line) => Number.parseInt(line, 10));
  };
  assert.equal(await connect(page), undefined);
  await page.evaluate((endless) => {
    globalThis.streams = globalThis.caller.followBoth(endless);
    return globalThis.streams.reached(50);
  }, endless);
  const [host, ...others] = await hosts();
  assert.deepEqual(others, []);
  process.kill(host, "SIGKILL");
  await page.waitForFunction(() => globalThis.caller.changes.some((change) => change.includes("native reconnected")));
  const ledgers = await page.evaluate(async () => {
    await globalThis.streams.reached(globalThis.streams.count() + 50);
    return globalThis.streams.finish();
  });
  ledgers.forEach(assertWhole);
  assert.equal((await hosts()).length, 1);
  await page.close();
  await worker.evaluate(() => chrome.offscreen.closeDocument());
  assert.deepEqual(await until(hosts, (hosts) => hosts.length === 0), []);
});

test("a server that starts anew is found again", async (t) => {
  const { server, start, page } = await begin(t, { alone: true });
  assert.equal(await connect(page), undefined);
  await server.stop("SIGKILL");
  await page.waitForFunction(() => globalThis.caller.transport() === undefined);
  await start(new URL(server.url).port);
  assert.match(await page.evaluate(() => globalThis.caller.chat(5)), /^1 2 3 4 5/);
  assert.equal(await transport(page), "native");
});

test("what is in the way is named: no host, no permission, no relay, no server, no key", async (t) => {
  const only = { options: { ...hurry, transports: ["native"] } };
  await t.test("no host", async (t) => {
    const { page } = await begin(t, { ...only, installed: false });
    const { code, message, details } = await connect(page);
    assert.equal(code, "transport_failed", message);
    assert.match(message, /com\.tabagent\.server is not installed/);
    assert.ok(message.includes(`tabagent-server native-host install --extension-id ${id}`), message);
    assert.equal(details.host, "com.tabagent.server");
  });
  await t.test("no permission", async (t) => {
    const { page } = await begin(t, { ...only, change: (manifest) => (manifest.permissions = ["offscreen"]) });
    const { code, message, details } = await connect(page);
    assert.equal(code, "not_supported", message);
    assert.match(details.missing[0], /"nativeMessaging"/);
  });
  await t.test("no relay", async (t) => {
    const { page } = await begin(t, { ...only, first: "globalThis.addEventListener('message', (event) => event.data?.type === 'tabagent native' && event.stopImmediatePropagation());" });
    const { code, message } = await connect(page);
    assert.equal(code, "transport_failed", message);
    assert.match(message, /nativeRelay\(\)/);
  });
  await t.test("no server, and then one", async (t) => {
    const { server, start, page } = await begin(t, only);
    await server.stop("SIGKILL");
    const { code, message } = await connect(page);
    assert.equal(code, "transport_failed", message);
    assert.match(message, /is tabagent-server running/);
    await start();
    assert.equal(await connect(page), undefined);
  });
  await t.test("a key that is none", async (t) => {
    for (const key of ["wrong", undefined]) {
      const { page } = await begin(t, { ...only, key });
      const { code, message } = await connect(page);
      assert.equal(code, "unauthorized", message);
    }
  });
});

test("extensions that speak plain JSON to a native host are answered", async (t) => {
  const { worker } = await begin(t);
  const answers = await worker.evaluate(() => globalThis.plainly({ action: "health", request_id: "one" }, { action: "no such", request_id: "two" }));
  const answer = (name) => answers.find(({ request_id }) => request_id === name);
  assert.equal(answer("one").status, "healthy");
  assert.equal(answer("two").code, "unknown_action");
});

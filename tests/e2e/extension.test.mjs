// The recipe of extension-demo/README.md: an offscreen document holds the connection, key and origin let it in.
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchWithExtension } from "./support/chromium.mjs";
import { root, startServer } from "./support/server.mjs";

const origin = "chrome-extension://fjghcnlkcihobofababfnaciefjaepoi"; // follows from the manifest's key
const key = "correct-horse-battery-staple";

test("an extension that was let in chats through its offscreen document", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "tabagent-extension-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  await cp(fileURLToPath(new URL("./fixtures/extension", import.meta.url)), join(home, "extension"), { recursive: true });
  await cp(join(root, "client-wasm/npm/dist"), join(home, "extension/tabagent"), { recursive: true });
  const server = await startServer({ flags: ["--key", key, "--allow-origin", origin] });
  t.after(() => server.stop());
  const context = await launchWithExtension(join(home, "profile"), join(home, "extension"));
  t.after(() => context.close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const said = await worker.evaluate(([url, key]) => globalThis.ask(url, key), [server.url, key]);
  assert.match(said.text ?? JSON.stringify(said), /^1 2 3 4 5/);
});

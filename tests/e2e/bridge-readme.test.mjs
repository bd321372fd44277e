// The extension of the package's readme: its manifest and its examples, bundled, and nothing else but a page for the popup.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";

import { id, key, letIn, origin } from "./support/bridge.mjs";
import { launchWithExtension } from "./support/chromium.mjs";
import { root, startServer } from "./support/server.mjs";

const dist = join(root, "client-wasm/npm/dist");
const readme = await readFile(join(root, "client-wasm/npm/README.md"), "utf8");

/** The one example that begins so. */
function example(language, begin) {
  const found = [...readme.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter(([, is, text]) => is === language && text.startsWith(begin));
  assert.equal(found.length, 1, `${found.length} examples begin with ${begin}`);
  return found[0][2];
}

test("an extension made of the readme's examples chats", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "tabagent-readme-"));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const server = await startServer({ flags: letIn });
  t.after(() => server.stop("SIGKILL"));
  const extension = join(home, "extension");
  await mkdir(extension);
  const fixture = JSON.parse(await readFile(join(root, "tests/e2e/fixtures/bridge/manifest.json"), "utf8"));
  // An id that the server knows.
  await writeFile(join(extension, "manifest.json"), JSON.stringify({ ...JSON.parse(example("json", '{\n  "manifest_version"')), key: fixture.key }));
  const scripts = {
    worker: example("js", "// worker.js, in its first turn\nimport { broker }"),
    offscreen: example("js", "// offscreen.js"),
    popup: `${example("js", "// anywhere")}\nglobalThis.agent = agent;\n${example("js", 'import { connectNative }').replace("console.log(message)", "(globalThis.heard = message)")}`,
  };
  for (const [name, contents] of Object.entries(scripts)) {
    await build({
      stdin: { contents, resolveDir: dist },
      outfile: join(extension, `${name}.js`),
      bundle: true,
      format: "esm",
      alias: { "@tabagent/client": join(dist, "index.js"), "@tabagent/client/extension": join(dist, "extension.js"), "@tabagent/client/connect-native": join(dist, "connect-native.js") },
    });
    await writeFile(join(extension, `${name}.html`), `<!doctype html><script type="module" src="${name}.js"></script>`);
  }
  // Whoever bundles puts the module beside what loads it.
  await writeFile(join(extension, "tabagent_client_bg.wasm"), await readFile(join(dist, "tabagent_client_bg.wasm")));
  const context = await launchWithExtension(join(home, "profile"), extension);
  t.after(() => context.browser().close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  assert.ok(worker.url().includes(id));
  await worker.evaluate((settings) => chrome.storage.local.set(settings), { url: server.url, key });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error("popup:", error.message));
  await page.goto(`${origin}/popup.html`);
  await page.waitForFunction(() => globalThis.agent);
  const text = await page.evaluate(async () => {
    let text = "";
    for await (const { delta } of agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5" }] })) text += delta;
    return text;
  });
  assert.match(text, /^1 2 3 4 5/);
  await page.waitForFunction(() => globalThis.heard);
  assert.deepEqual(await page.evaluate(() => [heard.status, heard.request_id]), ["healthy", "one"]);
});

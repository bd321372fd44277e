// docs/TUTORIAL.md, followed step by step: its program, its command for the types, its page.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { build } from "esbuild";

import { freePair } from "../../scripts/lib/ports.mjs";
import { launch } from "./support/chromium.mjs";
import { postJson, root, until } from "./support/server.mjs";

const run = promisify(execFile);
const program = "server/examples/words.rs";
const page = "tests/e2e/fixtures/tutorial/page.ts";
const lines = (text) => text.split("\n").filter((line) => line.trim() && !line.trim().startsWith("//")).length;

let child, url, browser, folder;

before(async () => {
  // In the tree, so that `@tabagent/client` is found as in any project that installed it.
  folder = await mkdtemp(join(root, "target", "tutorial-"));
  await mkdir(join(folder, "www"));
  const [port] = await freePair();
  url = `http://127.0.0.1:${port}`;
  child = spawn(`${root}/target/debug/examples/words`, [`127.0.0.1:${port}`], { cwd: folder, stdio: "inherit" });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  child?.kill();
  await rm(folder, { recursive: true, force: true });
});

test("what stands in the tutorial is what is run here, and it is short", async () => {
  const tutorial = await readFile(join(root, "docs/TUTORIAL.md"), "utf8");
  const rust = (await readFile(join(root, program), "utf8")).replace(/^\/\/!.*\n/, "");
  const typescript = (await readFile(join(root, page), "utf8")).replace(/^\/\/ .*\n/, "");
  assert.ok(tutorial.includes(`<!-- ${program} -->\n\`\`\`rust,no_run\n${rust}\`\`\``), "the program of the tutorial is another one");
  assert.ok(tutorial.includes(`<!-- ${page} -->\n\`\`\`ts\n${typescript}\`\`\``), "the page of the tutorial is another one");
  assert.ok(tutorial.includes(`${lines(rust)} lines of Rust and ${lines(typescript)} of TypeScript`));
  assert.ok(lines(rust) + lines(typescript) < 30);
});

test("from the Rust type to a typed call in a page", async () => {
  const types = await until(
    () => fetch(`${url}/v1/types.ts`).then((reply) => reply.text(), () => ""),
    (text) => text.includes("export interface Api"),
  );
  await writeFile(join(folder, "api.ts"), types);
  const source = await readFile(join(root, page), "utf8");
  await writeFile(join(folder, "page.ts"), source);
  await check();
  const wrong = source.replace("text:", "txt:");
  await writeFile(join(folder, "page.ts"), wrong);
  await assert.rejects(check(), ({ stdout }) => stdout.includes("'txt' does not exist"), "a renamed field still compiles");

  await writeFile(join(folder, "page.ts"), source);
  await build({ entryPoints: [join(folder, "page.ts")], bundle: true, format: "esm", outfile: join(folder, "www/page.js"), logLevel: "error" });
  await cp(join(root, "client-wasm/npm/dist/tabagent_client_bg.wasm"), join(folder, "www/tabagent_client_bg.wasm"));
  await writeFile(join(folder, "www/index.html"), '<!doctype html><title>…</title><script type="module" src="page.js"></script>');
  const tab = await browser.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => document.title === "3 words");
});

test("what the type does not allow is refused with its field, over HTTP too", async () => {
  const counted = await postJson(`${url}/v1/actions/count_words`, { text: "one two three" });
  assert.deepEqual([counted.status, counted.body], [200, { type: "count_words_response", words: 3 }]);
  for (const fields of [{ text: "" }, {}, { text: 7 }]) {
    const { status, body } = await postJson(`${url}/v1/actions/count_words`, fields);
    assert.deepEqual([status, body.code, body.details], [400, "validation_failed", { field: "text" }]);
  }
});

/** Type-checks the page as a project of its own would. */
function check() {
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2022,esnext,dom"];
  return run(join(root, "node_modules/.bin/tsc"), [...options, "page.ts"], { cwd: folder });
}

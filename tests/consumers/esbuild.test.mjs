// A page bundled with esbuild: one file, and the module beside it.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";

import { launch } from "../e2e/support/chromium.mjs";
import { startServer } from "../e2e/support/server.mjs";
import { consumer } from "./support/consumer.mjs";
import { said } from "./support/extension.mjs";

test("a page bundled with esbuild calls over WebRTC", async (t) => {
  const { at, node } = await consumer(t, "esbuild");
  await node("build.mjs");
  assert.deepEqual((await readdir(at("www"))).sort(), ["index.html", "main.js", "tabagent_client_bg.wasm"]);
  const server = await startServer({ args: ["--port", "0", "--www", at("www"), "--allow-local"] });
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("page:", error.message));
  await page.goto(server.url);
  assert.match(await said(page), /^webrtc:1 2 3 4 5/);
});

// A plain extension: no bundler, no npm tool, the files of the package copied beside its own.
import assert from "node:assert/strict";
import { cp, readFile, rm } from "node:fs/promises";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { consumer } from "./support/consumer.mjs";
import { running, said } from "./support/extension.mjs";

test("a plain extension calls over WebRTC, with nothing but the files of the package", async (t) => {
  const { at } = await consumer(t, "plain");
  await cp(at("node_modules/@tabagent/client/dist"), at("tabagent"), { recursive: true });
  const { MINIMUM_CHROME } = await import(pathToFileURL(at("tabagent/extension.js")));
  const { minimum_chrome_version: stated } = JSON.parse(await readFile(at("manifest.json"), "utf8"));
  assert.equal(Number(stated), MINIMUM_CHROME);
  // Only what the extension ships is there.
  await rm(at("node_modules"), { recursive: true });
  const { open } = await running(t, at());
  assert.match(await said(await open("popup.html")), /^webrtc:1 2 3 4 5/);
});

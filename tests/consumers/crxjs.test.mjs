// A Vite + CRXJS extension: TypeScript, a popup in React and a content script, each with the same typed client.
import assert from "node:assert/strict";
import { test } from "node:test";

import { consumer } from "./support/consumer.mjs";
import { running, said } from "./support/extension.mjs";

test("an extension built with CRXJS calls from its popup and its content script over one connection", async (t) => {
  const { at, tool } = await consumer(t, "crxjs");
  await Promise.all([tool("tsc"), tool("vite", "build", "--logLevel", "warn")]);
  const { server, open } = await running(t, at("dist"));
  const popup = await said(await open("popup.html"));
  assert.match(popup, /^webrtc \w+:1 2 3 4 5/);
  assert.equal(await said(await open(`${server.url}/blank.html`)), popup);
});

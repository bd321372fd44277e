// The package's test kit, where its users run it: in Node, and in a page. Its examples are tests as well.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";

import * as client from "@tabagent/client";
import * as testing from "@tabagent/client/testing";

import { launch, openWith } from "./support/chromium.mjs";
import { cases } from "./support/kit.js";
import { root, startServer } from "./support/server.mjs";

const WANTED = {
  "answers, failures with their codes, raw bytes": {
    client: true,
    transport: "websocket",
    sum: { sum: 3 },
    refused: { code: "closed_on_sundays", details: { until: "Monday" } },
    unknown: "unknown_action",
    nothing: null,
    reversed: ["reversed", 3, 2, 1],
    unasked: "session_expired",
    huge: "response_too_large",
    late: "timer",
  },
  "bodies, up and down, over transports that break": { weighed: [2_000_000, true], none: { bytes: 0, sum: 0 }, count: 200, whole: true, moved: true },
  "streams: items, the answer, and a producer that waits for its reader": {
    count: 500,
    inOrder: true,
    response: { type: "counted", to: 500 },
    waits: true,
    goesOn: true,
    ended: "cancelled",
  },
  "calls that are withdrawn or late; news of a call; questions to the client; events": {
    codes: ["cancelled", "deadline_exceeded"],
    reason: "withdrawn",
    worked: { name: "if you please", failed: "unknown_action", requestId: "mine" },
    news: ["progress 50"],
    heard: ["one"],
    asked: { name: "you" },
    untold: "internal",
    sessions: 1,
    calls: 0,
  },
  // How many items, what the answer says, in order, and whether another transport was needed.
  "a session goes on over the next transport, whatever happens to this one": {
    calm: [2_000, 2_000, true, false],
    cut: [2_000, 2_000, true, true],
    twice: [2_000, 2_000, true, false],
    dropped: [2_000, 2_000, true, true],
    late: [2_000, 2_000, true, false],
    frozen: [2_000, 2_000, true, false],
    silent: [2_000, 2_000, true, true],
  },
  "a server that starts anew knows nobody": { lost: "outcome_unknown", hello: "again" },
  "what is forbidden cannot be opened; a server that ends is gone": { forbidden: "transport_failed", late: "deadline_exceeded", state: "reconnecting" },
};

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const here = cases(client, testing);
assert.deepEqual(Object.keys(here), Object.keys(WANTED));

for (const [name, wanted] of Object.entries(WANTED)) {
  test(`in Node: ${name}`, async () => assert.deepEqual(await here[name](), wanted));

  test(`in a page: ${name}`, async (t) => {
    const page = await openWith(browser, server.url, "kit.js");
    t.after(() => page.close());
    const seen = await page.evaluate(async (name) => {
      const [{ cases }, client, testing] = await Promise.all([import("/kit.js"), import("/client/index.js"), import("/client/testing.js")]);
      return cases(client, testing)[name]();
    }, name);
    assert.deepEqual(seen, wanted);
  });
}

test("the same seed draws the same numbers", () => {
  const draw = (seed) => {
    const faults = new testing.Faults({ seed });
    return Array.from({ length: 5 }, () => faults.random());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("the example of the readme is a test that passes", () => {
  const readme = readFileSync(`${root}/client-wasm/npm/README.md`, "utf8");
  const [, example] = /```js test\n([^]*?)```/.exec(readme);
  assert.ok(example.trim().split("\n").length <= 20);
  const path = `${root}/target/npm/readme.test.mjs`;
  mkdirSync(`${root}/target/npm`, { recursive: true });
  writeFileSync(path, example);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = spawnSync(process.execPath, ["--test", path], { encoding: "utf8", timeout: 60_000, env });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

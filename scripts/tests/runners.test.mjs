// The summaries of the test runners are read as they print them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { count } from "../lib/runners.mjs";

test("cargo's summaries add up over test binaries", () => {
  const output = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured\nnoise\ntest result: FAILED. 3 passed; 2 failed; 0 ignored\n";
  assert.deepEqual(count(output), { passed: 15, failed: 2 });
});

test("a coloured summary counts", () => {
  assert.deepEqual(count("test result: \x1b[32mok\x1b[0m. 4 passed; 0 failed; 0 ignored\n"), { passed: 4, failed: 0 });
});

test("node's summary counts, a cancelled test as failed", () => {
  assert.deepEqual(count("ℹ tests 9\nℹ pass 7\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\n"), { passed: 7, failed: 2 });
});

test("schemathesis' summary counts its requests", () => {
  assert.deepEqual(count("Test cases:\n  681 generated, 681 passed\n\nSeed: 1\n"), { passed: 681, failed: 0 });
  assert.deepEqual(count("Test cases:\n  682 generated, 7 found 5 unique failures\n"), { passed: 675, failed: 7 });
});

test("no summary is no test", () => {
  assert.deepEqual(count("error: could not compile"), { passed: 0, failed: 0 });
});

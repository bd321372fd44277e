// Up to date is decided by content: names and bytes, not times.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { fingerprint } from "../lib/fresh.mjs";

let directory;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fresh-"));
  mkdirSync(join(directory, "deep"));
  writeFileSync(join(directory, "deep", "a"), "one");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a touched file is the same file", () => {
  const before = fingerprint([directory]);
  utimesSync(join(directory, "deep", "a"), 0, 0);
  assert.equal(fingerprint([directory]), before);
});

test("another byte, name or file is another input", () => {
  const seen = new Set([fingerprint([directory])]);
  writeFileSync(join(directory, "deep", "a"), "two");
  seen.add(fingerprint([directory]));
  renameSync(join(directory, "deep", "a"), join(directory, "deep", "b"));
  seen.add(fingerprint([directory]));
  writeFileSync(join(directory, "deep", "c"), "");
  seen.add(fingerprint([directory]));
  assert.equal(seen.size, 4);
});

test("a path that is not there counts as nothing", () => {
  assert.equal(fingerprint([directory, join(directory, "absent")]), fingerprint([directory]));
});

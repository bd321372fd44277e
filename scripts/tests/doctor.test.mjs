// Whatever the doctor can say on either side, the troubleshooting guide has an answer to.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "../lib/paths.mjs";

const guide = readFileSync(join(ROOT, "docs", "TROUBLESHOOTING.md"), "utf8");
/** The codes in a table: in the second place of a row's first cell, or later. */
const explained = (title) => {
  const [section] = guide.split(`## ${title}\n`)[1].split("\n## ");
  return new Set([...section.matchAll(/^\| ([^|]*)\|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].slice(1).map(([, code]) => code)));
};
const sources = (folder, ending) => readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(ending)).map((name) => readFileSync(join(ROOT, folder, name), "utf8"));
const all = (texts, pattern) => new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, code]) => code)));

test("every code of the browser's doctor is explained", () => {
  const texts = [...sources("client-wasm/npm/src", "doctor.ts"), ...sources("client-wasm/npm/src/doctor", ".ts")];
  const said = new Set([...all(texts, /\bcode: "(\w+)"/g), ...all(texts, /\bcode = \w+ \? "(\w+)"/g), ...all(texts, /\bcode = \w+ \? "\w+" : "(\w+)"/g)]);
  // A browser's own refusal, in its own words.
  said.delete("transport_failed");
  assert.ok(said.size > 20, [...said].join(" "));
  const known = explained("What the doctor says in a browser");
  assert.deepEqual([...said].filter((code) => !known.has(code)), []);
  assert.deepEqual([...known].filter((code) => !said.has(code)), []);
});

test("every code of the server's doctor is explained", () => {
  const texts = sources("server/src/doctor", ".rs").map((text) => text.split("#[cfg(test)]\nmod tests")[0]);
  const told = all(texts, /\b(?:note|bad)\(\s*"\w+",\s*"(\w+)"/g);
  const chosen = all(texts, /(?<!good)\(\s*"([a-z]+(?:_[a-z]+)+)",\s*format!/g);
  const said = new Set([...told, ...chosen]);
  assert.ok(said.size > 30, [...said].join(" "));
  const known = explained("What the doctor says on the server");
  assert.deepEqual([...said].filter((code) => !known.has(code)), []);
  assert.deepEqual([...known].filter((code) => !said.has(code)), []);
});

// The packed file: everything that its `package.json` names, and nothing that is only ours.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { tarball, temporary } from "./support/consumer.mjs";

/** Bytes of the packed file. A person waits for all of it once, whatever of it a page loads. */
const PACKED = 160_000;
/** Paths of whoever built it, on any system. */
const PATHS = /\/(home|root|Users|work|tmp|runner)\/\w|[A-Z]:\\Users\\|\.cargo\/registry|\.rustup\//;

const files = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).map((each) => join(each.parentPath ?? each.path, each.name));

test("the packed file is what is meant to be published", async (t) => {
  const file = await tarball(t);
  const folder = await temporary(t, "unpacked");
  execFileSync("tar", ["-xzf", file, "-C", folder, "--strip-components=1"]);
  const names = files(folder).map((path) => path.slice(folder.length + 1)).sort();
  const text = Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "latin1")]));
  const { exports, main, bin, scripts, dependencies } = JSON.parse(text["package.json"]);

  await t.test("no path of a machine, in any file", () => {
    for (const [name, body] of Object.entries(text)) {
      assert.doesNotMatch(body, PATHS, name);
      assert.ok(!body.includes(homedir()), name);
      assert.ok(!body.includes(process.cwd()), name);
    }
  });

  await t.test("no source map, nor a word of one", () => {
    assert.deepEqual(names.filter((name) => name.endsWith(".map")), []);
    for (const [name, body] of Object.entries(text)) assert.doesNotMatch(body, /sourceMappingURL/, name);
  });

  await t.test("one module of the client, and one of the test kit that nothing else names", () => {
    assert.deepEqual(names.filter((name) => name.endsWith(".wasm")), ["dist/tabagent_client_bg.wasm", "dist/tabagent_testing_bg.wasm"]);
    assert.deepEqual(names.filter((name) => name.endsWith(".js") && text[name].includes("tabagent_testing_bg")), ["dist/testing.js"]);
  });

  await t.test("licences, a readme, and every door with its types", () => {
    for (const name of ["LICENSE-MIT", "LICENSE-APACHE", "README.md"]) assert.ok(text[name]?.length > 500, name);
    for (const [door, target] of Object.entries(exports)) {
      for (const path of typeof target === "string" ? [target] : Object.values(target)) assert.ok(path.slice(2) in text, `${door}: ${path}`);
    }
    // Nothing else comes with it, and nothing runs where it is installed.
    assert.deepEqual([dependencies, scripts, main, bin], [undefined, undefined, undefined, undefined]);
  });

  await t.test("declarations of nothing that is only ours", () => {
    const declared = names.filter((name) => name.endsWith(".d.ts"));
    for (const name of declared) {
      assert.doesNotMatch(text[name], /@internal/, name);
      assert.doesNotMatch(text[name], /wasm\/tabagent/, name);
    }
    // What no door speaks of is not there.
    const doors = Object.values(exports).flatMap(({ types }) => types ?? []).map((path) => path.slice(2));
    const spoken = new Set(doors);
    for (const name of spoken) {
      for (const [, path] of text[name].matchAll(/(?:from|import) ?\(?"(\.[^"]+)\.js"/g)) spoken.add(join(name, "..", `${path}.d.ts`));
    }
    assert.deepEqual(declared, [...spoken].sort());
  });

  await t.test("the weight", () => {
    const { size } = statSync(file);
    t.diagnostic(`${size} B packed, ${names.reduce((sum, name) => sum + text[name].length, 0)} B unpacked, ${names.length} files`);
    assert.ok(size <= PACKED, `${size} B packed, ${size - PACKED} B above its limit`);
  });
});

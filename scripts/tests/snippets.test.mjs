// `withSnippets` makes one file of the glue and of the JavaScript that lies beside the Rust.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { slim } from "../lib/slim.mjs";
import { withSnippets } from "../lib/snippets.mjs";

/** The module calls one function through the glue, and one as it is. */
const MODULE = `(module
  (import "./x_bg.js" "__wbg_twice_0123456789abcdef" (func $twice (param i32) (result i32)))
  (import "./snippets/crate-1/src/b.js" "more" (func $more (param i32) (result i32)))
  (func (export "module_run") (param i32) (result i32) (call $more (call $twice (local.get 0)))))`;

const GLUE = `import { twice } from './snippets/crate-1/src/a.js';
let wasm;
export function __wbg_twice_0123456789abcdef(value) {
    return twice(value);
}
export function begin(exports) { wasm = exports; }
export function run(value) { return wasm.module_run(value); }
`;

/** Both files have a constant of the same name. */
const SNIPPETS = {
  "a.js": "const FACTOR = [2];\nexport const twice = (value) => FACTOR[0] * value;\n",
  "b.js": "const FACTOR = [1];\nexport const more = (value) => value + FACTOR[0];\n",
};

test("files of a crate keep their names to themselves, and the module finds those that it imports past the glue", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "snippets-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const src = join(folder, "snippets", "crate-1", "src");
  mkdirSync(src, { recursive: true });
  for (const [name, text] of Object.entries(SNIPPETS)) writeFileSync(join(src, name), text);
  const { default: binaryen } = await import("binaryen");
  binaryen.setDebugInfo(true);
  const bytes = binaryen.parseText(MODULE).emitBinary();

  const { module, glue } = await slim(bytes, await withSnippets(GLUE, join(folder, "x_bg.js"), bytes));
  assert.doesNotMatch(glue, /import /);
  const beside = await import(`data:text/javascript,${encodeURIComponent(glue)}`);
  const { instance } = await WebAssembly.instantiate(module, { "./x_bg.js": beside });
  beside.begin(instance.exports);
  assert.equal(beside.run(20), 41);
});

// `scoped` gives each instance of a module glue of its own, and a bundler the first.
import assert from "node:assert/strict";
import { test } from "node:test";

import { scoped } from "../lib/scope.mjs";

const GLUE = `export class Counter { next() { return wasm.next(); } }
export const Wish = Object.freeze({ Cancel: 0 });
export function $0(value) { seen.push(value); return seen.length; }
function unused() {}
const seen = [];
let wasm;
export function __wbg_set_wasm(val) { wasm = val; }
export function begin(exports) { __wbg_set_wasm(exports); }`;

async function loaded() {
  const { scope, exports } = scoped(GLUE);
  return import(`data:text/javascript,${encodeURIComponent(scope + exports)}`);
}

test("two scopes share nothing", async () => {
  const { glue } = await loaded();
  const [one, two] = [glue(), glue()];
  one.begin({ next: () => one.imports.$0("one") });
  two.begin({ next: () => two.imports.$0("two") });
  assert.deepEqual([new one.Counter().next(), new one.Counter().next(), new two.Counter().next()], [1, 2, 1]);
  assert.deepEqual(Object.keys(one.imports), ["$0"], "what the module imports, and nothing else");
});

test("a bundler finds the first scope, and what the module imports by its name", async () => {
  const file = await loaded();
  assert.deepEqual(Object.keys(file).sort(), ["$0", "Wish", "first", "glue"]);
  assert.equal(file.$0, file.first.imports.$0);
  assert.equal(file.Wish.Cancel, 0);
});

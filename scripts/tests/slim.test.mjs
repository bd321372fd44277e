// `slim` renames what crosses between a module and its glue on both sides, and silences panics without taking them away.
import assert from "node:assert/strict";
import { test } from "node:test";

import { slim } from "../lib/slim.mjs";

const TEXT = `(module
  (import "./x_bg.js" "__wbg_twice_0123456789abcdef" (func $twice (param i32) (result i32)))
  (import "./x_bg.js" "__wbg_report_fedcba9876543210" (func $report (param i32)))
  (memory 1)
  (global $fine (mut i32) (i32.const 1))
  (func $core::panicking::panic_fmt (param i32) (call $report (local.get 0)) (unreachable))
  (func $run (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (call $core::panicking::panic_fmt (i32.const 7))))
    (call $twice (i32.load (local.get 0))))
  (export "module_run" (func $run))
  (export "memory" (memory 0))
  (export "__wbindgen_fine" (global $fine)))`;

const GLUE = `let wasm;
export function __wbg_twice_0123456789abcdef(value) { return 2 * value; }
export function __wbg_report_fedcba9876543210(code) { throw new Error("panicked with " + code); }
export function begin(exports) { wasm = exports; }
export function run(value) { new Int32Array(wasm.memory.buffer)[1] = value; return wasm.module_run(4); }
export function fail() { return wasm.module_run(0); }`;

async function slimmed() {
  const { default: binaryen } = await import("binaryen");
  const parsed = binaryen.parseText(TEXT);
  binaryen.setDebugInfo(true);
  const { module, glue } = await slim(parsed.emitBinary(), GLUE);
  const beside = await import(`data:text/javascript,${encodeURIComponent(glue)}`);
  const { instance } = await WebAssembly.instantiate(module, { "./x_bg.js": beside });
  beside.begin(instance.exports);
  return { module, glue, beside };
}

test("module and glue still fit, under short names", async () => {
  const { module, glue, beside } = await slimmed();
  assert.equal(beside.run(21), 42);
  assert.doesNotMatch(Buffer.from(module).toString("latin1"), /__wbg|module_run/);
  assert.doesNotMatch(glue, /twice|module_run/);
  const [{ module: file }] = WebAssembly.Module.imports(await WebAssembly.compile(module));
  assert.equal(file, "./x_bg.js", "bundlers find the glue by this name");
});

test("what panicked still traps, without its text", async () => {
  const { glue, beside } = await slimmed();
  assert.throws(() => beside.fail(), WebAssembly.RuntimeError);
  assert.match(glue, /^function __wbg_report/m, "what is no longer imported is no longer exported");
});

test("who formats text is told so", async () => {
  const { default: binaryen } = await import("binaryen");
  // It calls itself, so that it is not taken into its caller.
  const write = "(func $core::fmt::write (param i32) (if (local.get 0) (then (call $report (i32.const 1)) (call $core::fmt::write (i32.load (local.get 0))))))";
  const formats = TEXT.replace("(func $run", `${write}\n  (func $run`).replace("(call $twice (i32", "(call $core::fmt::write (local.get 0)) (call $twice (i32");
  const parsed = binaryen.parseText(formats);
  binaryen.setDebugInfo(true);
  await assert.rejects(slim(parsed.emitBinary(), GLUE), ({ output }) => /run calls .*core::fmt::write/.test(output));
});

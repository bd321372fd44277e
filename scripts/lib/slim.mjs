// Makes the client's module and its glue small: panics end without a text, all code is optimised for size, and the functions that
// cross between the two get short names.
import { parts } from "./parts.mjs";
import { Stop } from "./say.mjs";
import { SNIPPET } from "./snippets.mjs";

/**
 * Where Rust writes the text of a panic. Nobody reads it: a panic ends the instance with a trap either way, and the text only
 * costs the code that builds it. What may panic still traps; nothing is assumed not to.
 */
const PANIC =
  /(^|[<:\]])(core|std|alloc)(\[\w+\])?::.*(panicking::|_fail$|_failed$|panic_already|handle_error$|capacity_overflow|handle_alloc_error)|rust_alloc_error_handler|::rust_panic$|JsValue as core::fmt::Debug/;

/**
 * What `format!` brings: nothing of ours uses it, but the texts of panics hold on to it. That nothing does is proved before it is
 * taken away.
 */
const FORMAT = /core(\[\w+\])?::fmt|core(\[\w+\])?::str::count/;

/**
 * What only a table of functions still names, because the linker saw it named: how JavaScript calls closures of types that no closure of ours
 * has (those it calls are exported), how tasks are woken that nobody runs, how panics format what they say. What is exported, or called by
 * anything else, stays.
 */
const LEFT_OVER = /wasm_bindgen(\[\w+\])?::convert::closures::_::invoke|js_sys(\[\w+\])?::futures::|FormatStringPayload|String as core(\[\w+\])?::(fmt::Write|any::Any)/;

/**
 * What the texts of panics were made of, and nothing else in a module of ours: names of source files, and sentences of the standard library.
 * Whoever wrote them is gone; the linker put them there before. Zeros take their place, which weigh nothing.
 */
const TEXTS = new RegExp(
  [
    String.raw`[\w/.-]+/src/[\w/-]+\.rs`,
    ...["slice index starts at ", " but ends at ", " index out of bounds: the len is ", " but the index is ", "range start index ", "range end index "],
    ...[" out of range for slice of length ", "assertion `left ", "` right` failed", " right` failed", "  left: ", " right: ", "==!=matches"],
    ...[String.raw`copy_from_slice: source slice length \(`, String.raw`\) does not match destination slice length \(`, String.raw`insertion index \(is `],
    ...[String.raw`\) should be <=? len \(is `, String.raw`removal index \(is `, String.raw`assertion failed: [ij] < self\.len\(\)`],
    ...["Tried to shrink to a larger capacity", "capacity overflow", "RefCell already (mutably )?borrowed", "0x0123456789ABCDEF", "0123456789abcdef"],
    "0001020304[0-9]{190}",
  ].join("|"),
  "g",
);

/** What the glue does for browsers that are older than the reference types it needs, and for decoding 2 GiB; and how it does without. */
const OUTLIVED = [
  [/\(typeof FinalizationRegistry === 'undefined'\)\s*\? \{[^]*?: new FinalizationRegistry/g, "new FinalizationRegistry"],
  [/const MAX_SAFARI_DECODE_BYTES[^]*?(?=function decodeText)/, ""],
  [/(function decodeText\(bytes\) \{)[^]*?(?=    return)/, "$1\n"],
  [/^cachedTextDecoder\.decode\(\);\n/m, ""],
  [/^if \(Symbol\.dispose\).*\n/gm, ""],
];

/** Larger functions with one caller stay apart: 1 % more bytes, but 3 % fewer once they are gzipped. Smaller ones go into every caller. */
const SINGLE_CALLER_BYTES = 20;
const EVERY_CALLER_BYTES = 4;

/** Ids of the sections that are rewritten, and kinds of what crosses. */
const [CUSTOM, IMPORTS, EXPORTS, DATA] = [0, 2, 7, 11];
const [FUNCTION, TABLE, GLOBAL] = [0, 1, 3];
/** Bytes of a module before its first section. */
const PREAMBLE = 8;

/**
 * @param {Uint8Array} module as wasm-bindgen writes it, with the names of its functions
 * @param {string} glue as `wasm-bindgen --target bundler` writes it
 */
export async function slim(module, glue) {
  const names = new Map();
  const short = (name) => names.get(name) ?? names.set(name, `$${names.size.toString(36)}`).get(name);
  const { small, text } = await optimised(module);
  const imports = WebAssembly.Module.imports(await WebAssembly.compile(small));
  const beside = imports.find(({ module }) => !SNIPPET.test(module))?.module ?? "";
  const renamed = sections(small, {
    [IMPORTS]: (bytes) => entries(bytes, (at) => importAt(bytes, at, short, beside)),
    [EXPORTS]: (bytes) => entries(bytes, (at) => exportAt(bytes, at, short)),
    [DATA]: (bytes) => Buffer.from(Buffer.from(bytes).toString("latin1").replace(TEXTS, (text) => "\0".repeat(text.length)), "latin1"),
  });
  const known = (name) => names.get(name) ?? name;
  const shortened = OUTLIVED.reduce((text, [old, now]) => text.replace(old, now), glue)
    .replace(/\bwasm\.(\w+)/g, (_, name) => `wasm.${known(name)}`)
    // What the module no longer imports loses its `export`, so that the minifier drops it.
    .replace(/^export function (__\w+)/gm, (_, name) => `${names.has(name) ? "export " : ""}function ${known(name)}`);
  // The glue has the crate's own JavaScript, under the names it has there.
  const direct = imports.filter(({ module }) => SNIPPET.test(module));
  const passed = direct.map(({ name }) => `export function ${known(name)}(...args) { return ${name}(...args); }\n`);
  return { module: renamed, glue: `${shortened}\n${passed.join("")}`, parts: parts(text) };
}

/** Not all features: the module itself names those in use, and browsers refuse some of the others. */
async function optimised(bytes) {
  const { default: binaryen } = await import("binaryen");
  const module = binaryen.readBinary(bytes);
  const empty = (pattern, keep = new Set()) => {
    for (let index = 0; index < module.getNumFunctions(); index += 1) {
      const reference = module.getFunctionByIndex(index);
      const { name, module: host } = binaryen.getFunctionInfo(reference);
      if (!host && pattern.test(name) && !keep.has(name)) binaryen.Function.setBody(reference, module.unreachable());
    }
  };
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  // The linker puts the stack first, and its far end is nobody's.
  binaryen.setLowMemoryUnused(true);
  binaryen.setOneCallerInlineMaxSize(SINGLE_CALLER_BYTES);
  binaryen.setAlwaysInlineMaxSize(EVERY_CALLER_BYTES);
  // Once finds most; what became unused by that is found the second time.
  empty(PANIC);
  module.optimize();
  const users = callers(module.emitText(), FORMAT);
  if (users.length > 0) throw new Stop("The client formats text; `tabagent_protocol::text` does that in a tenth of the bytes.", users.join("\n"));
  empty(FORMAT);
  empty(LEFT_OVER, inUse(module.emitText(), LEFT_OVER));
  module.optimize();
  const [small, text] = [module.emitBinary(), module.emitText()];
  module.dispose();
  return { small, text };
}

/** Functions that call one of these and are none of them, by the text of a module. */
function callers(text, pattern) {
  const found = new Set();
  let name = "";
  for (const line of text.split("\n")) {
    name = /^ \(func (\$"[^"]*"|\S+)/.exec(line)?.[1] ?? name;
    const called = /\((?:return_)?call (\$"[^"]*"|\S+)/.exec(line)?.[1];
    if (called && pattern.test(called) && !pattern.test(name)) found.add(`${name} calls ${called}`);
  }
  return [...found];
}

/** Names of functions that are exported, or called by one that stays: they stay, whatever they are called. */
function inUse(text, pattern) {
  const stay = new Set([...text.matchAll(/^ \(export "[^"]*" \(func (\$"[^"]*"|[^\s)]+)/gm)].map(([, name]) => bare(name)));
  const calls = [];
  let caller = "";
  for (const line of text.split("\n")) {
    caller = /^ \(func (\$"[^"]*"|\S+)/.exec(line)?.[1] ?? caller;
    const called = /\((?:return_)?call (\$"[^"]*"|\S+)/.exec(line)?.[1];
    if (called && pattern.test(called)) calls.push([bare(caller), bare(called)]);
  }
  for (let before = -1; before !== stay.size; ) {
    before = stay.size;
    for (const [caller, called] of calls) if (!pattern.test(caller) || stay.has(caller)) stay.add(called);
  }
  return stay;
}

/** A name without the marks of the text format. */
const bare = (name) => name.replace(/^\$"?|"$/g, "");

/** The module with some of its sections replaced. */
function sections(module, replace) {
  const parts = [module.subarray(0, PREAMBLE)];
  for (let at = PREAMBLE; at < module.length; ) {
    const id = module[at];
    const [size, start] = number(module, at + 1);
    const body = module.subarray(start, start + size);
    at = start + size;
    // What is said to tools only.
    if (id === CUSTOM) continue;
    const written = replace[id]?.(body) ?? body;
    parts.push(Uint8Array.of(id), encoded(written.length), written);
  }
  return Buffer.concat(parts);
}

/** A section that is a list; `read` says what becomes of an entry and where the next one begins. */
function entries(bytes, read) {
  let [count, at] = number(bytes, 0);
  const parts = [encoded(count)];
  for (; count > 0; count -= 1) {
    const { written, next } = read(at);
    parts.push(...written);
    at = next;
  }
  return Buffer.concat(parts);
}

/** An import: module, name, kind, type. The module is the glue, under its own name: bundlers look for a file called so. */
function importAt(bytes, at, short, beside) {
  const name = text(bytes, text(bytes, at).next);
  const next = typeEnd(bytes, name.next);
  return { written: [encodedText(beside), encodedText(short(name.value)), bytes.subarray(name.next, next)], next };
}

/** An export: name, kind, index. */
function exportAt(bytes, at, short) {
  const name = text(bytes, at);
  const [, next] = number(bytes, name.next + 1);
  return { written: [encodedText(short(name.value)), bytes.subarray(name.next, next)], next };
}

/** Where the kind and type of an import end. */
function typeEnd(bytes, at) {
  const kind = bytes[at];
  if (kind === FUNCTION) return number(bytes, at + 1)[1];
  if (kind === GLOBAL) return at + 3;
  // A table begins with the type of its elements; both end with limits, whose first bit says that there is a maximum.
  const limits = kind === TABLE ? at + 2 : at + 1;
  const [, least] = number(bytes, limits + 1);
  return bytes[limits] & 1 ? number(bytes, least)[1] : least;
}

function text(bytes, at) {
  const [size, start] = number(bytes, at);
  return { value: Buffer.from(bytes.subarray(start, start + size)).toString(), next: start + size };
}

const encodedText = (value) => Buffer.concat([encoded(Buffer.byteLength(value)), Buffer.from(value)]);

/** Reads an unsigned LEB128 number; also where it ends. */
function number(bytes, at) {
  let [value, shift, byte] = [0, 0, 0x80];
  for (; byte & 0x80; shift += 7) {
    byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
  }
  return [value, at];
}

/** Writes one. */
function encoded(value) {
  const bytes = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Uint8Array.of(...bytes, value);
}

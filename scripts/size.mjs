// What a page pays for the client: a row per published file, then the total that counts. `npm run size`
import { readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { filesIn } from "./lib/fresh.mjs";
import { buildPackage } from "./lib/package.mjs";
import { DIST, PACKAGE } from "./lib/paths.mjs";
import { Stop, isScript, main, say } from "./lib/say.mjs";
import { setup } from "./setup.mjs";

/**
 * The most that the WebAssembly and JavaScript may weigh together, gzipped, in bytes. Sessions that outlive their transports cost
 * 8,000 of it: replay and migration in the protocol, a second transport, the ladder that goes from one to the other. Bodies of any
 * size and calls that happen once cost 2,200. That a crash is contained costs 2,200: glue in a scope of its own for each instance,
 * what starts the next, transports that can be closed without it.
 */
const LIMIT = 57_000;
/** What it should weigh one day. */
const AIM = 30_000;
/** Never part of what is published to people; whatever it weighs. */
const TESTING = /^dist\/(testing|tabagent_testing_bg)\.(js|wasm)$/;
/**
 * Doors that only those pages load that ask for them, so each counts for itself, with all that it loads in its first turn: whoever opens it
 * may have opened no other. The doctor is mostly sentences; the host is for the offscreen document. The same in bytes.
 */
const DOORS = {
  "dist/doctor.js": 10_000,
  "dist/files.js": 2_200,
  "dist/pair.js": 1_200,
  "dist/extension.js": 6_000,
  "dist/extension/host.js": 2_300,
  "dist/native.js": 2_000,
  "dist/connect-native.js": 8_700,
  "dist/react.js": 2_000,
  "dist/node.js": 1_000,
};

/** Prints the table; throws above the limit. */
export function size() {
  const rows = [...filesIn(DIST), join(PACKAGE, "package.json"), join(PACKAGE, "README.md")].flatMap((path) => filesIn(path)).map(measure);
  say(row(["file", "raw", "gzip", "brotli"]));
  for (const { name, raw, gzip, brotli } of rows) say(row([name, raw, gzip, brotli]));
  const total = rows.filter(({ name }) => /\.(js|wasm)$/.test(name) && !DOORS[name] && !TESTING.test(name)).reduce((sum, { gzip }) => sum + gzip, 0);
  const doors = rows.filter(({ name }) => DOORS[name]).map(({ name }) => ({ name, gzip: withImports(name, rows).reduce((sum, { gzip }) => sum + gzip, 0) }));
  for (const { name, gzip } of doors) say(`${gzip} B gzip for ${name} with what it imports, limit ${DOORS[name]} B`);
  const distance = total > AIM ? `${total - AIM} B above` : `${AIM - total} B below`;
  say(`${distance} the aim of ${AIM} B, limit ${LIMIT} B`);
  say(`${total} B gzip total`);
  const heavy = doors.find(({ name, gzip }) => gzip > DOORS[name]);
  if (heavy) throw new Stop(`${heavy.name} weighs ${heavy.gzip} B gzipped, ${heavy.gzip - DOORS[heavy.name]} B above its limit.`);
  if (total > LIMIT) throw new Stop(`The client weighs ${total} B gzipped, ${total - LIMIT} B above its limit.`);
}

/** The rows of a file and of all that it imports; `import()` is for later. */
export function withImports(name, rows, read = (name) => readFileSync(join(PACKAGE, name), "utf8")) {
  const found = new Set([name]);
  for (const file of found) {
    for (const [, path] of read(file).matchAll(/\b(?:from|import)\s*"(\.[^"]+)"/g)) found.add(posix.join(posix.dirname(file), path));
  }
  return rows.filter(({ name }) => found.has(name));
}

function measure(path) {
  const bytes = readFileSync(path);
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  return { name: relative(PACKAGE, path), raw: bytes.length, gzip, brotli };
}

const row = ([name, ...numbers]) => `${name.padEnd(34)}${numbers.map((number) => String(number).padStart(9)).join("")}`;

if (isScript(import.meta.url)) {
  await main(async () => {
    await setup();
    await buildPackage();
    size();
  });
}

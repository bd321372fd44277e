// What a page pays for the client: a row per published file, then the total that counts. `npm run size`
import { readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { filesIn } from "./lib/fresh.mjs";
import { buildPackage, partsOf } from "./lib/package.mjs";
import { DIST, PACKAGE } from "./lib/paths.mjs";
import { Stop, isScript, main, say } from "./lib/say.mjs";
import { setup } from "./setup.mjs";

/** The most that a page may load, gzipped, in bytes: the door `index.js`, what it imports, the glue and the module. */
const LIMIT = 45_000;
/** What it should weigh one day. */
const AIM = 30_000;
/** Never part of what is published to people; whatever it weighs. */
const TESTING = /^dist\/(testing|tabagent_testing_bg)\.(js|wasm)$/;
/** The module, and its glue, in which the transports are. */
const [MODULE, GLUE] = ["dist/tabagent_client_bg.wasm", "dist/tabagent_client_bg.js"];
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
/** The fronts: what a page loads the client by, with a bundler that loads modules or without. */
const FRONTS = ["dist/index.js", "dist/bundler.js"];

/** Prints the table; throws above the limit. */
export function size() {
  const rows = [...filesIn(DIST), join(PACKAGE, "package.json"), join(PACKAGE, "README.md")].flatMap((path) => filesIn(path)).map(measure);
  say(row(["file", "raw", "gzip", "brotli"]));
  for (const { name, raw, gzip, brotli } of rows) say(row([name, raw, gzip, brotli]));
  const [client] = FRONTS.map((name) => withImports(name, rows));
  const total = weigh(client) + rows.find(({ name }) => name === MODULE).gzip;
  const doors = rows.filter(({ name }) => DOORS[name]).map(({ name }) => ({ name, gzip: weigh(withImports(name, rows)) }));
  for (const { name, gzip } of doors) say(`${gzip} B gzip for ${name} with what it imports, limit ${DOORS[name]} B`);
  distanceByPart(rows, total);
  const distance = total > AIM ? `${total - AIM} B above` : `${AIM - total} B below`;
  say(`${distance} the aim of ${AIM} B, limit ${LIMIT} B`);
  say(`${total} B gzip total`);
  const counted = new Set([...FRONTS, ...Object.keys(DOORS)].flatMap((name) => withImports(name, rows)));
  const stray = rows.find((row) => row.name.endsWith(".js") && !TESTING.test(row.name) && !counted.has(row));
  if (stray) throw new Stop(`${stray.name} is loaded by no door: it needs a limit of its own in scripts/size.mjs.`);
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

/**
 * Where the bytes above the aim are: each part's weight, and what it would have to lose if all lost alike. The module's gzipped bytes are
 * shared out by instructions.
 */
function distanceByPart(rows, total) {
  const module = rows.find(({ name }) => name === MODULE).gzip;
  const glue = rows.find(({ name }) => name === GLUE).gzip;
  const rooms = JSON.parse(readFileSync(partsOf("tabagent_client"), "utf8")).map(([name, share]) => [name, share * module]);
  const all = [...rooms, ["glue: transports, what crosses", glue], ["TypeScript: calls, streams, crashes", total - module - glue]];
  say(row(["part of the client", "gzip", "to lose"]));
  for (const [name, bytes] of all) say(row([name, Math.round(bytes), Math.max(0, Math.round(bytes * (1 - AIM / total)))]));
}

function measure(path) {
  const bytes = readFileSync(path);
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  return { name: relative(PACKAGE, path), raw: bytes.length, gzip, brotli };
}

const weigh = (rows) => rows.reduce((sum, { gzip }) => sum + gzip, 0);

const row = ([name, ...numbers]) => `${name.padEnd(38)}${numbers.map((number) => String(number).padStart(9)).join("")}`;

if (isScript(import.meta.url)) {
  await main(async () => {
    await setup();
    await buildPackage();
    size();
  });
}

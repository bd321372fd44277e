// What a page pays for the client: a row per published file, then the total that counts. `npm run size`
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
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
 * Doors that only those pages load that ask for them, so they count for themselves; the doctor is mostly sentences. `bundler.js` is there instead
 * of `index.js`. The same in bytes.
 */
const DOORS = { "dist/bundler.js": 300, "dist/doctor.js": 10_000, "dist/files.js": 1_200, "dist/extension.js": 6_000, "dist/native.js": 2_000 };

/** Prints the table; throws above the limit. */
export function size() {
  const rows = [...filesIn(DIST), join(PACKAGE, "package.json"), join(PACKAGE, "README.md")].flatMap((path) => filesIn(path)).map(measure);
  say(row(["file", "raw", "gzip", "brotli"]));
  for (const { name, raw, gzip, brotli } of rows) say(row([name, raw, gzip, brotli]));
  const total = rows.filter(({ name }) => /\.(js|wasm)$/.test(name) && !DOORS[name] && !TESTING.test(name)).reduce((sum, { gzip }) => sum + gzip, 0);
  const doors = rows.filter(({ name }) => DOORS[name]);
  for (const { name, gzip } of doors) say(`${gzip} B gzip for ${name}, by itself, limit ${DOORS[name]} B`);
  distanceByPart(rows, total);
  const distance = total > AIM ? `${total - AIM} B above` : `${AIM - total} B below`;
  say(`${distance} the aim of ${AIM} B, limit ${LIMIT} B`);
  say(`${total} B gzip total`);
  const heavy = doors.find(({ name, gzip }) => gzip > DOORS[name]);
  if (heavy) throw new Stop(`${heavy.name} weighs ${heavy.gzip} B gzipped, ${heavy.gzip - DOORS[heavy.name]} B above its limit.`);
  if (total > LIMIT) throw new Stop(`The client weighs ${total} B gzipped, ${total - LIMIT} B above its limit.`);
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

const row = ([name, ...numbers]) => `${name.padEnd(38)}${numbers.map((number) => String(number).padStart(9)).join("")}`;

if (isScript(import.meta.url)) {
  await main(async () => {
    await setup();
    await buildPackage();
    size();
  });
}

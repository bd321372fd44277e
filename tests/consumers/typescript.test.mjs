// A strict TypeScript project: the declarations of every door compile, without a look away, and what tsc writes runs as it is.
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";

import { launch } from "../e2e/support/chromium.mjs";
import { startServer } from "../e2e/support/server.mjs";
import { shared } from "./support/consumer.mjs";
import { said } from "./support/extension.mjs";
import { examples } from "./support/examples.mjs";

/** A library of many packages, and any class will do for the types: `tests/e2e/node.test.mjs` runs it. */
const WERIFT = `declare module "werift" { export class RTCPeerConnection { constructor(configuration?: object) } }\n`;

const project = shared("typescript");

test("tsc --strict takes the package in every way it resolves one, and a page runs what it wrote", async (t) => {
  const { at, tool } = project;
  await writeFile(at("src/every.ts"), await everyDoor(at("node_modules/@tabagent/client/package.json")));
  await Promise.all([tool("tsc", "-p", "tsconfig.json"), tool("tsc", "-p", "tsconfig.nodenext.json")]);
  await tool("../typescript-oldest/bin/tsc", "-p", "tsconfig.json");
  const server = await startServer({ args: ["--port", "0", "--www", at(), "--allow-local"] });
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());
  // The server's own policy has no room for an import map.
  const page = await browser.newPage({ bypassCSP: true });
  page.on("pageerror", (error) => console.error("page:", error.message));
  await page.goto(server.url);
  assert.match(await said(page), /^webrtc:1 2 3 4 5/);
});

test("every example of the package's readme compiles", async () => {
  const { at, tool } = project;
  await rm(at("src"), { recursive: true });
  await mkdir(at("src"));
  const readme = await readFile(at("node_modules/@tabagent/client/README.md"), "utf8");
  const all = examples(readme);
  assert.ok(all.length >= 10, `only ${all.length} examples were found`);
  await writeFile(at("src/werift.d.ts"), WERIFT);
  await Promise.all(all.map(({ name, source }) => writeFile(at("src", name), source)));
  // Other packages stand in them as well, and their declarations are their own.
  await tool("tsc", "-p", "tsconfig.json", "--skipLibCheck");
});

/** A module that takes each door of the package, those of tomorrow too. */
async function everyDoor(path) {
  const { name, exports } = JSON.parse(await readFile(path, "utf8"));
  const doors = Object.keys(exports).filter((door) => exports[door].types);
  return `// Every door.\n${doors.map((door, at) => `export * as door${at} from "${name}${door.slice(1)}";\n`).join("")}`;
}

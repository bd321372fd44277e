// Projects of strangers that use the packed package: built with their own tools, run in a real browser.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";

import { browser } from "./browser.mjs";
import { buildPackage } from "./package.mjs";
import { packed } from "./packed.mjs";
import { ROOT, SERVER } from "./paths.mjs";
import { runTests } from "./runners.mjs";
import { say } from "./say.mjs";
import { buildServer } from "./server.mjs";

/** What needs no install beyond a compiler: the file itself, an extension without any tool, the types under `--strict`. */
export const QUICK = ["package", "plain", "typescript"];

const FOLDER = join("tests", "consumers");

/** All of them. */
export const consumers = () => readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".test.mjs")).map((name) => basename(name, ".test.mjs"));

/** Packs the package and runs the consumers of these names with it. */
export async function tryConsumers(names, limit) {
  await buildPackage();
  await buildServer();
  const { chromium } = await browser();
  const { path, size, unpackedSize } = await packed();
  say(`  ${basename(path)}: ${kilobytes(size)}, ${kilobytes(unpackedSize)} unpacked`);
  const env = { TABAGENT_TARBALL: path, TABAGENT_SERVER_BIN: SERVER, CHROMIUM: chromium };
  const files = names.map((name) => join(FOLDER, `${name}.test.mjs`));
  return runTests(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", `--test-timeout=${limit}`, ...files], { env });
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

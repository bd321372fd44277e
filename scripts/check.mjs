// Everything that can be known without running the product: formatting, lints, rules, types, docs. `npm run check`
import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { cargo } from "./lib/cargo.mjs";
import { checkDemo } from "./lib/demo.mjs";
import { buildGlue, buildPackage } from "./lib/package.mjs";
import { packed } from "./lib/packed.mjs";
import { CLIENT_CRATE, NATIVE, ROOT, TESTING_CRATE, WASM_TARGET, npmTool } from "./lib/paths.mjs";
import { quiet } from "./lib/runners.mjs";
import { Stop, isScript, main, say, step } from "./lib/say.mjs";
import { check as boundaries } from "./rules.mjs";
import { setup } from "./setup.mjs";

const DENY = ["--", "-D", "warnings"];
const CLIENT = ["-p", CLIENT_CRATE, "-p", TESTING_CRATE, "--target", WASM_TARGET];
const DOCS = { env: { RUSTDOCFLAGS: "-D warnings" } };

/** Projects of strangers are compiled in their own lane, with their own tools; the demonstration by the package that is built here. */
const OTHERS = [":!tests/consumers/", ":!extension-demo/"];

/** In the order of their price: what is wrong with a comma is known in a second. */
const CHECKS = {
  rules: async () => {
    const found = boundaries();
    if (found.length > 0) throw new Stop(`${found.length} places break a rule of the tree.`, found.join("\n"));
  },
  format: () => quiet("cargo", ["fmt", "--all", "--check"]),
  types: async () => {
    await buildGlue();
    for (const project of tracked("*tsconfig.json", ...OTHERS)) await step(`types of ${project}`, () => quiet(npmTool("tsc"), ["--noEmit", "-p", join(ROOT, project)]));
  },
  package: async () => {
    await buildPackage();
    const { path } = await packed();
    await quiet(npmTool("publint"), [path, "--strict"]);
    // A module of WebAssembly has no types to look for.
    await quiet(npmTool("attw"), [path, "--profile", "esm-only", "--exclude-entrypoints", "tabagent_client_bg.wasm"]);
  },
  demo: () => checkDemo(),
  "lints, native": () => cargo("lints, native", ["clippy", "--all-targets", ...NATIVE, ...DENY]),
  "lints, client": () => cargo("lints, client", ["clippy", "--all-targets", ...CLIENT, ...DENY]),
  "lints, client with types": () => cargo("lints, client with types", ["clippy", "--all-targets", "--features", "typed", ...CLIENT, ...DENY]),
  "docs, native": () => cargo("docs, native", ["doc", "--no-deps", ...NATIVE], DOCS),
  "docs, client": () => cargo("docs, client", ["doc", "--no-deps", "--features", "typed", ...CLIENT], DOCS),
};

/** Runs all checks, failed ones or not, so that one run tells all. Answers how many passed and failed. */
export async function check() {
  const failed = [];
  for (const [name, work] of Object.entries(CHECKS)) {
    try {
      await work();
      say(`  ok      ${name}`);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      say(`${error.output ? `${error.output.trimEnd()}\n` : ""}  failed  ${name}: ${error.message}`);
      failed.push(name);
    }
  }
  return { passed: Object.keys(CHECKS).length - failed.length, failed: failed.length, names: failed };
}

function tracked(...patterns) {
  return execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], { cwd: ROOT, encoding: "utf8" }).split("\n").filter(Boolean);
}

if (isScript(import.meta.url)) {
  await main(async () => {
    await setup();
    const { names } = await check();
    if (names.length > 0) throw new Stop(`Failed: ${names.join("; ")}.`);
  });
}

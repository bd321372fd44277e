// Runs the benchmarks of tests/bench one after the other, on the build that users get. `npm run bench`, `npm run bench -- connect` for one,
// `--quick` for a look at it.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { browser } from "./lib/browser.mjs";
import { cargo } from "./lib/cargo.mjs";
import { start } from "./lib/children.mjs";
import { buildPackage } from "./lib/package.mjs";
import { ROOT, SERVER_RELEASE } from "./lib/paths.mjs";
import { Stop, main, say } from "./lib/say.mjs";
import { setup } from "./setup.mjs";

const DIRECTORY = join(ROOT, "tests", "bench");
const SUFFIX = ".bench.mjs";

await main(async () => {
  const { values, positionals: wanted } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean" } } });
  const options = values.quick ? ["--quick"] : [];
  const all = existsSync(DIRECTORY) ? readdirSync(DIRECTORY).filter((name) => name.endsWith(SUFFIX)) : [];
  const files = all.filter((name) => wanted.length === 0 || wanted.includes(name.slice(0, -SUFFIX.length)));
  if (files.length === 0) throw new Stop(`No such benchmark; there are ${all.map((name) => name.slice(0, -SUFFIX.length)).join(", ") || "none yet"}.`);

  await setup();
  await buildPackage();
  await cargo("server, release", ["build", "--release", "-p", "tabagent-server"]);
  const { chromium, chromedriver } = await browser();
  const env = { ...process.env, TABAGENT_SERVER_BIN: SERVER_RELEASE, CHROMIUM: chromium, CHROMEDRIVER: chromedriver };
  const failed = [];
  for (const name of files) {
    say(`\n${name.slice(0, -SUFFIX.length)}`);
    const { code } = await start(process.execPath, [join(DIRECTORY, name), ...options], { env, stdio: ["ignore", "inherit", "inherit"] }).exited;
    if (code !== 0) failed.push(name);
  }
  if (failed.length > 0) throw new Stop(`${failed.join(", ")}: failed, or an aim was missed.`);
});

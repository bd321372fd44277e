// `npm run soak`: what `npm test` does in a minute, for as long as it takes, with another seed each time. `npm run soak -- --only contract --seed 7`.
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { browser } from "./lib/browser.mjs";
import { LOCKED, cargo } from "./lib/cargo.mjs";
import { consumers, tryConsumers } from "./lib/consumers.mjs";
import { contract } from "./lib/contract.mjs";
import { chosen, runLanes } from "./lib/lanes.mjs";
import { networks } from "./lib/networks.mjs";
import { buildPackage } from "./lib/package.mjs";
import { ROOT, SERVER } from "./lib/paths.mjs";
import { python } from "./lib/python.mjs";
import { runTests } from "./lib/runners.mjs";
import { Stop, main, say } from "./lib/say.mjs";
import { buildServer } from "./lib/server.mjs";
import { setup } from "./setup.mjs";

/** Seeds are numbers that a person can type. */
const SEEDS = 1_000_000;
/** How long a lane may take, in milliseconds: ten times what it needs on two cores. */
const LIMIT = 2 * 60 * 60_000;

/** Each lane: what it runs, by the seed. */
const lanes = (seed) => ({
  resume: () => inBrowser("resume", { SEED: String(seed), KILLS: "100" }),
  udp: () => inBrowser("udp", { UDP_CUTS: "5000,40000" }),
  worker: () => inBrowser("bridge-sleep", { WORKER_DEATHS: "3" }),
  away: () => inBrowser("outlive", { AWAY_MS: "60000" }),
  files: () => inBrowser("files", { SEED: String(seed), SIZE: "1024", CUTS: "20" }),
  consumers: () => tryConsumers(consumers(), LIMIT),
  contract: () => contract({ seed, examples: 1_000, limit: LIMIT }),
  sim: async () => {
    const command = ["--release", "-p", "tabagent-protocol", "--test", "sim"];
    await cargo("simulator", ["test", "--no-run", ...command]);
    const env = { FIRST: String(seed), SEEDS: "100000" };
    return runTests("cargo", ["test", ...LOCKED, ...command, "--", "--nocapture"], { env, limit: LIMIT });
  },
});

/** A file of tests in a real browser, with more of everything. */
async function inBrowser(name, more) {
  await networks();
  await buildPackage();
  await buildServer("--examples");
  const { chromium } = await browser();
  const env = { ...more, TABAGENT_SERVER_BIN: SERVER, CHROMIUM: chromium };
  return runTests(process.execPath, ["--test", "--test-reporter=spec", join(ROOT, "tests", "e2e", `${name}.test.mjs`)], { env, limit: LIMIT });
}

await main(async () => {
  const { values } = parseArgs({ options: { only: { type: "string" }, seed: { type: "string" }, "keep-going": { type: "boolean" } } });
  const seed = values.seed === undefined ? randomInt(SEEDS) : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Stop(`--seed ${values.seed} is not a whole number.`);
  const all = lanes(seed);
  const wanted = chosen(all, values.only);
  say(`seed ${seed}`);
  await setup();
  if (wanted.includes("contract")) await python();
  await runLanes(all, wanted, { keepGoing: values["keep-going"] });
});

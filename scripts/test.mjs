// `npm test`: everything, cheapest first, up to the first lane that fails. `npm test -- --only rust,e2e` runs some, `--keep-going` runs on after a failure.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { browser, webdriverSettings } from "./lib/browser.mjs";
import { LOCKED, cargo } from "./lib/cargo.mjs";
import { QUICK, tryConsumers } from "./lib/consumers.mjs";
import { contract } from "./lib/contract.mjs";
import { DONE, chosen, runLanes } from "./lib/lanes.mjs";
import { networks } from "./lib/networks.mjs";
import { nudge } from "./lib/nudge.mjs";
import { buildPackage } from "./lib/package.mjs";
import { CLIENT_CRATE, NATIVE, ROOT, SERVER, WASM_TARGET, wasmTool } from "./lib/paths.mjs";
import { freePair } from "./lib/ports.mjs";
import { proveProtocolPure } from "./lib/purity.mjs";
import { python } from "./lib/python.mjs";
import { runTests } from "./lib/runners.mjs";
import { Stop, main } from "./lib/say.mjs";
import { buildServer, startServer } from "./lib/server.mjs";
import { check } from "./check.mjs";
import { setup } from "./setup.mjs";
import { size } from "./size.mjs";

/** Each lane: what it runs, as the name is written behind `--only`. */
const LANES = {
  check: async () => ({ ...DONE, failed: (await check()).failed }),
  scripts: () => nodeTests("scripts/tests"),
  rust: async () => {
    await buildServer();
    await cargo("Rust tests", ["test", "--no-run", ...NATIVE]);
    return runTests("cargo", ["test", ...LOCKED, "--no-fail-fast", ...NATIVE], { env: { TABAGENT_SERVER_BIN: SERVER } });
  },
  contract: () => contract(CONTRACT),
  purity: () => proveProtocolPure().then(() => DONE),
  wasm: () => wasmTests([]),
  "wasm-typed": () => wasmTests(["--features", "typed"]),
  e2e: async () => {
    await networks();
    await buildPackage();
    await buildServer("--examples");
    const { chromium, chromedriver } = await browser();
    return nodeTests("tests/e2e", { TABAGENT_SERVER_BIN: SERVER, CHROMIUM: chromium, CHROMEDRIVER: chromedriver });
  },
  consumers: () => tryConsumers(QUICK, FILE_LIMIT),
  size: async () => {
    await buildPackage();
    size();
    return DONE;
  },
};

/** The same questions every time, and some 20 seconds of them; `npm run soak` asks others, and more. */
const CONTRACT = { seed: 1, examples: 20, limit: 5 * 60_000 };

/** Lanes that need Chromium; it is looked for before anything is compiled. */
const IN_BROWSER = ["wasm", "wasm-typed", "e2e", "consumers"];

/** What a foreign origin needs besides being listed; the tests know it. */
const KEY = "wasm-tests";

/** A page of the test runner on port N finds its server on port N + 1: no address has to be compiled into the tests. */
async function wasmTests(features) {
  const { chromium, chromedriver } = await browser();
  await buildServer();
  const command = ["-p", CLIENT_CRATE, "--target", WASM_TARGET, ...features];
  await cargo(["client tests", ...features.slice(1)].join(", "), ["test", "--no-run", ...command]);
  const [page, port] = await freePair();
  const files = mkdtempSync(join(tmpdir(), "tabagent-files-"));
  const server = await startServer(["--port", String(port), "--allow-origin", `http://127.0.0.1:${page}`, "--key", KEY, "--files", files]);
  const leave = nudge(page);
  try {
    return await runTests("cargo", ["test", ...LOCKED, "--no-fail-fast", ...command], {
      env: {
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: wasmTool("wasm-bindgen-test-runner"),
        CHROMEDRIVER: chromedriver,
        WASM_BINDGEN_TEST_ADDRESS: `127.0.0.1:${page}`,
        WASM_BINDGEN_TEST_WEBDRIVER_JSON: webdriverSettings({ chromium }),
        // Generous, because two cores may be busy with something else: the default of 20 s is for an idle machine.
        WASM_BINDGEN_TEST_TIMEOUT: "120",
        WASM_BINDGEN_TEST_DRIVER_TIMEOUT: "60",
      },
    });
  } finally {
    leave();
    await server.stop();
    rmSync(files, { recursive: true, force: true });
  }
}

/** How long one file may take, in milliseconds: a test that fails and leaves a server or a browser behind would hold its file for ever. */
const FILE_LIMIT = 5 * 60_000;

/** One file at a time: they measure time, and each starts a browser and a server. */
function nodeTests(directory, env = {}) {
  const files = readdirSync(join(ROOT, directory)).filter((name) => name.endsWith(".test.mjs")).map((name) => join(directory, name));
  if (files.length === 0) throw new Stop(`There is no test file in ${directory}.`);
  return runTests(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", `--test-timeout=${FILE_LIMIT}`, ...files], { env });
}

await main(async () => {
  const { values } = parseArgs({ options: { only: { type: "string" }, "keep-going": { type: "boolean" } } });
  const wanted = chosen(LANES, values.only);
  await setup();
  if (wanted.some((name) => IN_BROWSER.includes(name))) await browser();
  if (wanted.includes("contract")) await python();
  await runLanes(LANES, wanted, { keepGoing: values["keep-going"] });
});

// Chromium, its driver, `ip` and `nft` (for network namespaces), which only the tests need: found, or installed from the system's packages where this user may.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "./children.mjs";
import { TARGET } from "./paths.mjs";
import { Stop } from "./say.mjs";
import { advice, installPackages, onPath } from "./system.mjs";

const BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const DRIVERS = ["chromedriver"];
/** Where applications are, when they are not on the PATH. */
const MAC_APPLICATIONS = ["/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
const PACKAGES = ["chromium", "chromium-driver", "iproute2", "nftables"];
const BREW = "brew install --cask chromium chromedriver";

/** Paths of a browser and a driver that fit each other. `CHROMIUM` and `CHROMEDRIVER` in the environment come first. */
export async function browser() {
  const found = (await pair()) ?? (await install());
  if (found) return found;
  const missing = advice(PACKAGES, BREW, "chromium and chromedriver");
  throw new Stop(`Chromium and its driver are missing: ${missing}, or name them in the environment variables CHROMIUM and CHROMEDRIVER.`);
}

/** Writes the WebDriver settings that make the driver start exactly this browser; the test runner adds `headless` and `no-sandbox`. */
export function webdriverSettings({ chromium }) {
  const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const path = join(TARGET, "webdriver.json");
  mkdirSync(TARGET, { recursive: true });
  writeFileSync(path, JSON.stringify({ "goog:chromeOptions": { binary: chromium, args }, "goog:loggingPrefs": { browser: "ALL" } }));
  return path;
}

/** A driver drives only a browser of its own major version, and a machine may have several browsers. */
async function pair() {
  const chromedriver = first("CHROMEDRIVER", DRIVERS);
  const named = first("CHROMIUM", []);
  if (chromedriver === undefined) return undefined;
  if (named) return { chromium: named, chromedriver };
  const wanted = await major(chromedriver);
  for (const chromium of [...BROWSERS.flatMap(onPath), ...MAC_APPLICATIONS.filter(existsSync)]) {
    if ((await major(chromium)) === wanted) return { chromium, chromedriver };
  }
  return undefined;
}

async function install() {
  const otherwise = "name a browser in the environment variables CHROMIUM and CHROMEDRIVER";
  return (await installPackages("Chromium and its driver, for the tests", PACKAGES, otherwise)) ? pair() : undefined;
}

/** The program that the environment names, else the first on the PATH. */
function first(variable, names) {
  const named = process.env[variable];
  if (named && !existsSync(named)) throw new Stop(`The environment variable ${variable} names ${named}, and nothing is there.`);
  return named || names.flatMap(onPath)[0];
}

async function major(program) {
  const { output } = await run(program, ["--version"]).catch(() => ({ output: "" }));
  return /(\d+)\.\d+\.\d+/.exec(output)?.[1];
}

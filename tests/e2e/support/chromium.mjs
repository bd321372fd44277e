// Chromium from the system's packages, headless, with a profile of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

export const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

export const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const launch = (...extra) => chromium.launch({ executablePath, args: [...flags, ...extra] });

/** A browser that is not told that all its pages are looked at: one in front hides the others, and a hidden one can be frozen. Its `context` has them all. */
export async function launchWithTabs() {
  const { address, close } = await launchUnwatched();
  try {
    const browser = await chromium.connectOverCDP(address, { noDefaults: true });
    return { context: browser.contexts()[0], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A browser to which nobody has attached a debugger, which keeps workers alive; one listens at `address`. Perhaps with an unpacked extension. */
export async function launchUnwatched(extension) {
  const profile = mkdtempSync(join(tmpdir(), "tabagent-browser-"));
  const extensions = extension ? [`--disable-extensions-except=${extension}`, `--load-extension=${extension}`] : [];
  const args = [...flags, ...extensions, "--headless=new", `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank"];
  // A group of its own: the program is a script that starts the browser.
  const child = spawn(executablePath, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
  const ended = once(child, "exit");
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const address = await new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        const [, url] = /DevTools listening on (\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
      ended.then(() => reject(new Error("the browser ended")));
    });
    return { address, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A browser with one unpacked extension, in a profile of its own. `cached`: with a back-forward cache. */
export const launchWithExtension = (profile, extension, { cached = false } = {}) =>
  chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [...flags, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
    ignoreDefaultArgs: cached ? ["--disable-back-forward-cache"] : [],
  });

/** A page of the server that has loaded nothing but HTML. */
export async function open(browser, url, path = "/blank.html") {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("page:", error.message));
  await page.goto(url + path);
  return page;
}

/** The same, with scripts of those beside this file served as if the server had them. */
export async function openWith(browser, url, ...scripts) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("page:", error.message));
  for (const script of scripts) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    await page.route(`**/${script}`, (route) => route.fulfill({ path, contentType: "text/javascript" }));
  }
  await page.goto(`${url}/blank.html`);
  return page;
}

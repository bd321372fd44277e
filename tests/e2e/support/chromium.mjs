// Chromium from the system's packages, headless, with a profile of its own.
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

/** A browser with one unpacked extension, in a profile of its own. */
export const launchWithExtension = (profile, extension) =>
  chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [...flags, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
  });

/** A page of the server that has loaded nothing but HTML. */
export async function open(browser, url, path = "/blank.html") {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("page:", error.message));
  await page.goto(url + path);
  return page;
}

/** The same, with scripts beside this file served as if the server had them. */
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

// Takes the pictures in docs/screenshots: every page of the demonstration extension, light and dark, from a real browser with a real server. `npm run screenshots`
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { browser } from "./lib/browser.mjs";
import { buildPackage } from "./lib/package.mjs";
import { ROOT, SERVER } from "./lib/paths.mjs";
import { Stop, main, say } from "./lib/say.mjs";
import { buildServer } from "./lib/server.mjs";

const FOLDER = join(ROOT, "docs", "screenshots");
/** Bytes of a picture: a page that shows them all still loads at once. */
const LIMIT = 150_000;
/** Pixels of a picture for each of the page. */
const SCALE = 1.5;

/** A built-in model that has something to say. */
const GUIDE = "tabagent/reference-guide";
const PANEL = { width: 380, height: 712 };
const STORY = `<!doctype html><title>The harbour of light</title><body style="font: 18px/1.6 Georgia; max-width: 34em; margin: 3em auto">
<h1>The harbour of light</h1><p>The tide turned in the night. Fishermen found the harbour full of light, and the boats lay in it as in milk.</p>`;

await main(async () => {
  const { chromium } = await browser();
  process.env.CHROMIUM ??= chromium;
  await buildPackage();
  if (!process.env.TABAGENT_SERVER_BIN) await buildServer("--examples");
  process.env.TABAGENT_SERVER_BIN ??= SERVER;
  const kit = await import("../tests/e2e/support/demo.mjs");
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  await unpaired(kit);
  await paired(kit);
  await asked(kit);
});

/** What one sees first. */
async function unpaired({ install }) {
  const demo = await install();
  await shoot(await demo.openTab("options.html"), "options-pairing", { width: 760, height: 1060, scale: 1.2 });
  const panel = await demo.openTab("panel.html");
  await panel.waitForSelector("#status[data-state=unpaired]");
  await shoot(panel, "panel-pairing", PANEL);
  await demo.close();
}

/** Chat, history, popup, settings; and a server that is gone. */
async function paired({ install, known, startKnown }) {
  const server = await startKnown();
  const demo = await install({ server });
  const headers = { ...known, "content-type": "application/json" };
  await fetch(`${server.url}/v1/models/load`, { method: "POST", headers, body: JSON.stringify({ model_id: GUIDE }) });
  const panel = await demo.openTab("panel.html", PANEL);
  await connected(panel);
  await shoot(panel, "panel-empty", PANEL);
  for (const question of ["Which processor do you have?", "What can you do?"]) await ask(panel, question);
  await panel.click("#new");
  await ask(panel, "What machine are you running on?");
  await panel.selectOption("#model", GUIDE);
  await ask(panel, "How do I stop one?");
  await shoot(panel, "panel-chat", PANEL);
  await panel.click("#history-open");
  await panel.fill("#search", "processor");
  await panel.waitForFunction(() => document.querySelector(".snippet"));
  await shoot(panel, "panel-conversations", PANEL);
  await panel.click("#history-close");

  const popup = await demo.openTab("popup.html");
  await popup.waitForFunction(() => /ms/.test(document.querySelector("#round-trip").textContent));
  await shoot(popup, "popup", { width: 352, height: 240 });
  await popup.click("#diagnose");
  await popup.waitForSelector("#verdict[data-verdict]");
  await shoot(popup, "popup-diagnosis", { width: 352, height: 470 });
  await popup.close();

  const options = await demo.openTab("options.html");
  await connected(options);
  await options.evaluate(() => chrome.storage.local.set({ allowed: ["read_selection"] }));
  await shoot(options, "options", { width: 760, height: 1060, scale: 1.2 });
  await options.evaluate(() => chrome.storage.local.set({ url: "http://127.0.0.1:1" }));
  await panel.waitForSelector("#status[data-state=closed]", { timeout: 60_000 });
  await shoot(panel, "panel-trouble", PANEL);
  await demo.close();
  await server.stop();
}

/** A question about a selection, and one of the agent. */
async function asked({ install, startKnown }) {
  const program = join(dirname(process.env.TABAGENT_SERVER_BIN), "examples", "curious");
  const server = await startKnown({ program });
  const demo = await install({ server, change: (manifest) => (manifest.host_permissions = ["http://127.0.0.1/*"]) });
  const site = await demo.context.newPage();
  await site.route("**/story", (route) => route.fulfill({ contentType: "text/html", body: STORY }));
  await site.goto(`${server.url}/story`);
  await site.evaluate(() => getSelection().selectAllChildren(document.querySelector("p")));
  const panel = await demo.openTab("panel.html", PANEL);
  await connected(panel);
  await panel.fill("#prompt", "What do you make of what I selected?");
  await panel.press("#prompt", "Enter");
  await panel.waitForSelector(".ask");
  await site.bringToFront();
  await panel.evaluate(() => document.querySelector(".ask .primary").click());
  await panel.waitForSelector(".answer footer");
  await panel.fill("#prompt", "And which tabs are open?");
  await panel.press("#prompt", "Enter");
  await panel.waitForSelector(".ask");
  const quote = { part: "selection", title: "The harbour of light", url: `${server.url}/story`, text: "The tide turned in the night.", length: 29 };
  await panel.evaluate((quote) => chrome.storage.session.set({ asking: quote }), quote);
  await panel.fill("#prompt", "Who found it?");
  await shoot(panel, "panel-question", PANEL);
  await demo.close();
  await server.stop();
}

function connected(page) {
  return page.waitForSelector("#status[data-state=connected] .tag");
}

async function ask(panel, question) {
  const before = await panel.locator(".answer").count();
  await panel.fill("#prompt", question);
  await panel.press("#prompt", "Enter");
  await panel.locator(".answer").nth(before).locator("footer").waitFor();
}

async function shoot(page, name, { width, height, scale = SCALE }) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: false });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // Two frames: what follows from the size is laid out by then.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    const { data } = await cdp.send("Page.captureScreenshot", { format: "png" });
    const path = join(FOLDER, `${name}-${colorScheme}.png`);
    writeFileSync(path, Buffer.from(data, "base64"));
    const { size } = statSync(path);
    say(`  ${name}-${colorScheme}.png  ${Math.round(size / 1000)} kB`);
    if (size > LIMIT) throw new Stop(`${path} has ${size} bytes, above ${LIMIT}.`);
  }
  await cdp.detach();
}

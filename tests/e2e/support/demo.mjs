// The demonstration extension, built and installed in a browser of its own.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "vite";

import { launchWithExtension } from "./chromium.mjs";
import { root, startServer } from "./server.mjs";
import { surfaces } from "./surfaces.mjs";

export const folder = join(root, "extension-demo");
/** Follows from the manifest's key. */
export const id = "obdpcibccbhhfdflbpkediochgmegjoj";
const origin = `chrome-extension://${id}`;
const key = "correct-horse-battery-staple";

/** A server that lets the extension in by a key, without pairing. */
export const startKnown = ({ program, port = "0" } = {}) => startServer({ program, args: ["--port", port, "--key", key, "--allow-origin", origin] });
/** The header of that key. */
export const known = { authorization: `Bearer ${key}` };

/**
 * Installs it; `change` changes its manifest, and `server` is one that it is paired with already. Its options page is opened by the
 * installation, its side panel by `openPanel`.
 */
export async function install({ change, server } = {}) {
  const home = await mkdtemp(join(tmpdir(), "tabagent-demo-"));
  const extension = join(home, "extension");
  await build({ root: folder, logLevel: "error", build: { outDir: extension } });
  if (change) {
    const path = join(extension, "manifest.json");
    const manifest = JSON.parse(await readFile(path, "utf8"));
    change(manifest);
    await writeFile(path, JSON.stringify(manifest));
  }
  const profile = join(home, "profile");
  const context = await launchWithExtension(profile, extension);
  const { find, targets } = await surfaces(context);
  const options = await find("options.html");
  await options.until(() => document.querySelector("#status").dataset.state === "unpaired");
  if (server) {
    await options.evaluate((url, token) => chrome.storage.local.set({ url, token }), server.url, key);
    await options.until(() => document.querySelector("#status").dataset.state === "connected");
  }
  return {
    context,
    profile,
    options,
    find,
    targets,
    /** The side panel as it is opened by the button of the options page. */
    async openPanel() {
      await options.evaluate(() => document.querySelector("#chat").click());
      const panel = await find("panel.html");
      await panel.until(() => document.querySelector("#status").dataset.state === "connected");
      return panel;
    },
    /** One of its pages in a tab, in a size. */
    async openTab(file, viewport) {
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(`${file}:`, error.message));
      if (viewport) await page.setViewportSize(viewport);
      await page.goto(`${origin}/${file}`);
      return page;
    },
    async close() {
      await context.close();
      await rm(home, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Asks in a side panel and waits until it is answered: the text of the answer, and how many pieces it came in. */
export async function ask(panel, question) {
  const before = await begin(panel, question);
  return answered(panel, before);
}

/** Asks and waits for the first piece of the answer. Answers how many answers there were before. */
export async function begin(panel, question) {
  const before = await panel.evaluate(() => document.querySelectorAll(".answer").length);
  await panel.evaluate(() => document.querySelector("#prompt").focus());
  await panel.type(question);
  await panel.press("Enter", 13);
  await panel.until((before) => document.querySelectorAll(".answer").length > before, before);
  return before;
}

export async function answered(panel, before) {
  await panel.until((before) => document.querySelectorAll(".answer")[before]?.dataset.deltas, before);
  return panel.evaluate((before) => {
    const answer = document.querySelectorAll(".answer")[before];
    return { text: answer.querySelector(".text").innerText, deltas: Number(answer.dataset.deltas), html: answer.querySelector(".text").innerHTML };
  }, before);
}

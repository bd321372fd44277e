// An unpacked extension in a real browser, and a server that lets exactly it in.
import { launchWithExtension } from "../../e2e/support/chromium.mjs";
import { startServer } from "../../e2e/support/server.mjs";
import { temporary } from "./consumer.mjs";

const key = "correct-horse-battery-staple";

/** Loads the extension, starts the server, and stores its address and key where the extension's worker looks for them. */
export async function running(t, extension) {
  const context = await launchWithExtension(await temporary(t, "profile"), extension);
  t.after(() => context.close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const { origin } = new URL(worker.url());
  const allowed = origin === "null" ? worker.url().split("/").slice(0, 3).join("/") : origin;
  const server = await startServer({ flags: ["--key", key, "--allow-origin", allowed] });
  t.after(() => server.stop());
  await worker.evaluate((settings) => chrome.storage.local.set(settings), { url: server.url, key });
  const open = async (path) => {
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(`${path}:`, error.message));
    await page.goto(path.includes(":") ? path : `${allowed}/${path}`);
    return page;
  };
  return { server, worker, open };
}

/** Milliseconds that an answer may take where other programs have the machine. */
const PATIENCE = 60_000;

/** What a page wrote into its first `output`, once it has. */
export async function said(page) {
  const output = page.locator("output:not(:empty)").first();
  return (await output.textContent({ timeout: PATIENCE })).trim();
}

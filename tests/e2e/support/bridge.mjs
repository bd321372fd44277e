// The extension with the bridge in a browser of its own, and ways into contexts of it that Playwright does not know.
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { launchWithExtension } from "./chromium.mjs";
import { binary, root, startServer, until } from "./server.mjs";

export const id = "fjghcnlkcihobofababfnaciefjaepoi"; // follows from the manifest's key
export const origin = `chrome-extension://${id}`;
export const key = "correct-horse-battery-staple";
const fixture = fileURLToPath(new URL("../fixtures/bridge", import.meta.url));

/** What lets the extension in. */
export const letIn = ["--key", key, "--allow-origin", origin];

/** Makes the extension in a folder: with `settings` for its host, and a manifest that `change` has changed. */
export async function makeExtension(folder, { settings, change, files = {} } = {}) {
  await cp(fixture, folder, { recursive: true });
  await cp(join(root, "client-wasm/npm/dist"), join(folder, "tabagent"), { recursive: true });
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8"));
  change?.(manifest);
  await writeFile(path, JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  // A content script is no module.
  await build({
    entryPoints: [join(fixture, "content.js")],
    outfile: join(folder, "content.js"),
    bundle: true,
    format: "iife",
    alias: Object.fromEntries(["extension", "connect-native"].map((door) => [`@tabagent/client/${door}`, join(root, `client-wasm/npm/dist/${door}.js`)])),
  });
  await writeFile(join(folder, "settings.js"), `// Written by the test.\nexport const settings = ${JSON.stringify(settings)};\n`);
}

/**
 * A browser with the extension, and a server that lets it in. `flags`: of the server; `more`: settings for the host; `cached`: with a
 * back-forward cache; `native`: with the server's host for native messaging.
 */
export async function begin(t, { change, files, flags = [], more = {}, cached = false, native = false } = {}) {
  const home = await mkdtemp(join(tmpdir(), "tabagent-bridge-"));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 10 }));
  const [profile, data] = [join(home, "profile"), join(home, "data")];
  const host = ["--data-dir", data];
  const server = await startServer({ flags: [...letIn, ...flags, ...(native ? [...host, "--allow-local"] : [])] });
  t.after(() => server.stop("SIGKILL"));
  const extension = join(home, "extension");
  await makeExtension(extension, { settings: { url: server.url, key, ...more }, change, files });
  await mkdir(profile, { recursive: true });
  if (native) execFileSync(binary, ["native-host", "install", "--extension-id", id, "--user-data-dir", profile, ...host]);
  const context = await launchWithExtension(profile, extension, { cached });
  t.after(() => context.browser().close());
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  const open = async (url) => {
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(`${url}:`, error.message));
    await page.goto(url);
    return page;
  };
  return {
    home,
    server,
    context,
    worker,
    /** A page of the extension as a tab. */
    page: (name) => open(`${origin}/${name}.html`),
    /** A page of the web, and the content script in it. */
    site: async () => {
      const page = await open(`${server.url}/blank.html`);
      return { page, content: await contentOf(context, page) };
    },
    targets: await targetsOf(context),
  };
}

/** The content script of a page, or of whatever page is in that tab later: evaluates functions in its world. */
async function contentOf(context, page) {
  const session = await context.newCDPSession(page);
  const worlds = new Map();
  session.on("Runtime.executionContextCreated", ({ context: { id, auxData, origin: of } }) => auxData.type === "isolated" && of === origin && worlds.set(id, of));
  session.on("Runtime.executionContextDestroyed", ({ executionContextId }) => worlds.delete(executionContextId));
  session.on("Runtime.executionContextsCleared", () => worlds.clear());
  await session.send("Runtime.enable");
  return {
    evaluate: async (run, argument) => {
      await until(async () => worlds.size, Boolean);
      return valueOf(await session.send("Runtime.evaluate", { ...expressionOf(run, argument), contextId: [...worlds.keys()].at(-1) }));
    },
  };
}

/** The targets of a browser by their address: those that have no page or worker of Playwright's. */
async function targetsOf(context) {
  const session = await context.browser().newBrowserCDPSession();
  const waiting = new Map();
  let sent = 0;
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    waiting.get(id)?.(error ? Promise.reject(new Error(error.message)) : result);
    waiting.delete(id);
  });
  const find = async (path) => (await session.send("Target.getTargets")).targetInfos.find(({ url, type }) => url === `${origin}/${path}` && type !== "service_worker");
  const targets = {
    /** Whether there is one, or was not, in time. */
    there: async (path, wanted = true) => !!(await until(() => find(path), (found) => !!found === wanted)),
    /** Sends a command of the protocol. */
    send: async (path, method, params = {}) => {
      const target = await until(() => find(path), Boolean);
      const { sessionId } = await session.send("Target.attachToTarget", { targetId: target.targetId, flatten: false });
      const id = ++sent;
      const answer = new Promise((resolve) => waiting.set(id, resolve));
      await session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) });
      try {
        return await answer;
      } finally {
        await session.send("Target.detachFromTarget", { sessionId }).catch(() => {});
      }
    },
    /** Evaluates a function in one, as if somebody had clicked. */
    evaluate: async (path, run, argument) => {
      await until(async () => (await targets.send(path, "Runtime.evaluate", { expression: "document.readyState" })).result.value, (state) => state === "complete");
      return valueOf(await targets.send(path, "Runtime.evaluate", { ...expressionOf(run, argument), userGesture: true }));
    },
    /** Closes one. */
    close: async (path) => {
      const target = await until(() => find(path), Boolean);
      await session.send("Target.closeTarget", { targetId: target.targetId });
    },
  };
  return targets;
}

/** A function and its argument, to be evaluated. */
export const expressionOf = (run, argument) => ({ expression: `(${run})(${JSON.stringify(argument) ?? ""})`, awaitPromise: true, returnByValue: true });

/** What an evaluation came to. */
export function valueOf({ result, exceptionDetails }) {
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

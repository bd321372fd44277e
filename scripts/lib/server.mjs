// The native server as the scripts and tests run it: built once, started with flags, known by the URL of its ready line.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { cargo } from "./cargo.mjs";
import { start, stop } from "./children.mjs";
import { NATIVE, SERVER } from "./paths.mjs";
import { Stop } from "./say.mjs";

/** How long the server may take to say that it is ready, in milliseconds; it takes a fraction of a second on an idle machine. */
const READY = 20_000;

/** Builds `target/debug/tabagent-server`, or finds it up to date; tests in the browser need the example programs too. */
export const buildServer = (...more) => cargo("server", ["build", ...NATIVE, "--bin", "tabagent-server", ...more]);

/** Starts the server on a data folder of its own and waits until it says its URL. `stop()` ends both; `log()` is what it has said so far. */
export async function startServer(args = [], { env = {} } = {}) {
  const data = mkdtempSync(join(tmpdir(), "tabagent-"));
  const child = start(SERVER, args, { env: { ...process.env, TABAGENT_DATA_DIR: data, ...env } });
  child.once("exit", () => rmSync(data, { recursive: true, force: true }));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  // Standard output has one line, and it says where; what is logged goes elsewhere.
  const ready = new Promise((settle) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      log += text;
      const url = /http:\/\/[^\s/]+:\d+/.exec(text)?.[0];
      if (url) settle(url);
    });
  });
  const url = await Promise.race([ready, child.exited.then(() => undefined), late()]);
  if (url !== undefined) return { url, pid: child.pid, log: () => log, stop: () => stop(child), exited: child.exited };
  await stop(child);
  throw new Stop("The server did not start; what it said is above.", log || "(nothing)");
}

function late() {
  return new Promise((settle) => setTimeout(settle, READY).unref());
}

// The real server binary on a port of its own; what it logs is kept for assertions.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const binary = process.env.TABAGENT_SERVER_BIN ?? `${root}/target/debug/tabagent-server`;
/** The same with streams that can be proved whole: what `ledger.js` follows. */
export const ledgerBinary = join(dirname(binary), "examples", "ledger");
const startMs = 20_000;

const standing = ["--port", "0", "--www", `${root}/www`];

/** Starts a server; `flags` replace the one that lets local callers in, `program` and `args` everything. */
export async function startServer({ flags = ["--allow-local"], program = binary, args = [...standing, ...flags] } = {}) {
  // What a server stores is its own, and goes with it.
  const data = mkdtempSync(join(tmpdir(), "tabagent-e2e-"));
  const env = { ...process.env, TABAGENT_DATA_DIR: data };
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
  child.once("close", () => rmSync(data, { recursive: true, force: true }));
  const log = [];
  const printed = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  createInterface({ input: child.stdout }).on("line", (line) => printed.push(line));
  const url = await ready(child, log);
  return {
    url,
    pid: child.pid,
    /** Its data folder. */
    data,
    log,
    data,
    /** What it says to whoever started it. */
    printed,
    /** The log lines of one connection, in order. */
    steps: (id) => log.filter((line) => line.includes(id)),
    async stop(signal = "SIGTERM") {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    },
  };
}

function ready(child, log) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the server was not ready in time:\n${log.join("\n")}`)), startMs);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${log.join("\n")}`)));
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(late);
      const url = /http:\/\/\S+/.exec(line);
      url ? resolve(url[0]) : reject(new Error(`no address in: ${line}`));
    });
  });
}

/** Asks again until the answer is as wanted; the last answer when it never is. */
export async function until(ask, wanted, patienceMs = 15_000) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer) || Date.now() > end) return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function getJson(url, init) {
  const reply = await fetch(url, init);
  return { status: reply.status, body: await reply.json() };
}

export const postJson = (url, body, headers = {}) =>
  getJson(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

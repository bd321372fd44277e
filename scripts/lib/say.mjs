// What a person at the terminal reads: progress while something long runs, one sentence when it cannot go on.
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TERMINAL = process.stdout.isTTY === true;

/** Between two progress lines where a line cannot be rewritten (a log file, CI), in milliseconds. */
const HEARTBEAT = 15_000;
/** A step shorter than this had nothing to do and is not worth a line, in milliseconds. */
const WORTH_A_LINE = 1_000;

/** The work cannot go on, and the message tells the person what to do. Anything else that is thrown is a bug and keeps its stack. */
export class Stop extends Error {
  /** @param {string} sentence what happened and what to do @param {string} [output] what the failing program said */
  constructor(sentence, output = "") {
    super(sentence);
    this.output = output;
  }
}

/** The `Stop` for a failed program: its output with the sentence, or one sentence alone where the network was the cause. */
export function failed(sentence, output) {
  if (!OFFLINE.test(output)) return new Stop(sentence, output);
  return new Stop("A package registry cannot be reached: check the network connection (or the proxy settings) and run the same command again.");
}

/** How npm, cargo, rustup and apt say that there is no network. */
const OFFLINE = new RegExp(
  [
    "ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED|ETIMEDOUT",
    "could ?n[o']t resolve host|couldn't connect|spurious network error",
    "could not download file",
    "temporary failure resolving|failed to fetch http",
  ].join("|"),
  "i",
);

export const say = (line = "") => process.stdout.write(`${line}\n`);

export const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;

/**
 * Runs `work`, showing that it runs and then how long it took. `work` gets a function to say how far it is.
 * @template T @param {string} title @param {(progress: (detail: string) => void) => Promise<T>} work @returns {Promise<T>}
 */
export async function step(title, work) {
  const began = performance.now();
  let detail = "";
  const line = () => `  ${title} … ${detail} (${Math.round((performance.now() - began) / 1000)} s)`;
  const show = () => (TERMINAL ? rewrite(line()) : say(line()));
  const timer = setInterval(show, TERMINAL ? 200 : HEARTBEAT);
  try {
    const result = await work((now) => (detail = now));
    const took = performance.now() - began;
    rewrite("");
    if (took >= WORTH_A_LINE) say(`  ${title}: ${seconds(took)}`);
    return result;
  } catch (error) {
    rewrite("");
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Whether the module of this URL is the script that node was started with, rather than imported by another. */
export const isScript = (url) => process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);

/** Runs a script's `work`; a `Stop` becomes its sentence and exit code 1. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    if (error.output) process.stderr.write(`${error.output.trimEnd()}\n\n`);
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Replaces the terminal's current line; elsewhere does nothing. */
function rewrite(line) {
  if (!TERMINAL) return;
  process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
}

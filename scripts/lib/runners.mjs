// Runs a test runner with its output visible, bounded in time, and reads how many tests passed.
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { run, start, stop } from "./children.mjs";
import { Stop } from "./say.mjs";

/** The longest a runner may take once everything is built, in milliseconds: ten times what the slowest needs on two cores. A test that hangs must not hang CI. */
const LIMIT = 20 * 60_000;

/** @typedef {{ passed: number, failed: number }} Counts */

/** Runs a test command, showing its output. A command that fails without naming a failed test counts as one failure. @returns {Promise<Counts>} */
export async function runTests(command, args, { env = {}, limit = LIMIT, ...options } = {}) {
  // One pipe for both streams: cargo names a test binary on one and the binary speaks on the other, and two pipes lose the order.
  const child = start("sh", ["-c", 'exec "$0" "$@" 2>&1', command, ...args], { ...options, env: { ...process.env, ...colours(), ...env } });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    process.stdout.write(text);
  });
  const ended = await Promise.race([child.exited, sleep(limit, undefined, { ref: false })]);
  await stop(child);
  if (ended === undefined) throw new Stop(`\`${command} ${args.join(" ")}\` did not end within ${limit / 60_000} minutes.`);
  await Promise.race([child.closed, sleep(1_000)]);
  const counts = count(output);
  return ended.code === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

/**
 * Adds up the summaries of libtest (`test result: ok. 3 passed; 0 failed`), of node's spec reporter (`ℹ pass 3`) and of schemathesis
 * (`12 generated, 12 passed`, or `12 generated, 2 found 1 unique failures`). @returns {Counts}
 */
export function count(output) {
  const text = stripVTControlCharacters(output);
  const sum = (pattern) => [...text.matchAll(pattern)].reduce((total, [, number]) => total + Number(number), 0);
  const [generated, found] = [sum(/^ +(\d+) generated, /gm), sum(/^ +\d+ generated, .*?(\d+) found /gm)];
  return {
    passed: sum(/^test result: .*?(\d+) passed;/gm) + sum(/^ℹ pass (\d+)$/gm) + generated - found,
    failed: sum(/^test result: .*? (\d+) failed;/gm) + sum(/^ℹ (?:fail|cancelled) (\d+)$/gm) + found,
  };
}

/** Runs a check whose output matters only when it fails. */
export async function quiet(command, args, options = {}) {
  const { ok, output } = await run(command, args, options);
  if (!ok) throw new Stop(`\`${[command, ...args].join(" ")}\` failed.`, output);
}

const colours = () => (process.stdout.isTTY ? { CARGO_TERM_COLOR: "always", FORCE_COLOR: "1" } : {});

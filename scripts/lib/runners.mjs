// Runs a test runner with its output visible, bounded in time, and reads how many tests passed.
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { run, start, stop } from "./children.mjs";
import { Stop } from "./say.mjs";

/** The longest a runner may take once everything is built, in milliseconds: ten times what the slowest needs on two cores. A test that hangs must not hang CI. */
const LIMIT = 20 * 60_000;

/** @typedef {{ passed: number, failed: number }} Counts */

/** Runs a test command, showing its output. A command that fails without naming a failed test counts as one failure. @returns {Promise<Counts>} */
export async function runTests(command, args, { env = {} } = {}) {
  // One pipe for both streams: cargo names a test binary on one and the binary speaks on the other, and two pipes lose the order.
  const child = start("sh", ["-c", 'exec "$0" "$@" 2>&1', command, ...args], { env: { ...process.env, ...colours(), ...env } });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    process.stdout.write(text);
  });
  const ended = await Promise.race([child.exited, sleep(LIMIT, undefined, { ref: false })]);
  await stop(child);
  if (ended === undefined) throw new Stop(`\`${command} ${args.join(" ")}\` did not end within ${LIMIT / 60_000} minutes.`);
  await Promise.race([child.closed, sleep(1_000)]);
  const counts = count(output);
  return ended.code === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

/** Adds up the summaries of libtest (`test result: ok. 3 passed; 0 failed`) and of node's spec reporter (`ℹ pass 3`). @returns {Counts} */
export function count(output) {
  const text = stripVTControlCharacters(output);
  const sum = (pattern) => [...text.matchAll(pattern)].reduce((total, [, number]) => total + Number(number), 0);
  return {
    passed: sum(/^test result: .*?(\d+) passed;/gm) + sum(/^ℹ pass (\d+)$/gm),
    failed: sum(/^test result: .*? (\d+) failed;/gm) + sum(/^ℹ (?:fail|cancelled) (\d+)$/gm),
  };
}

/** Runs a check whose output matters only when it fails. */
export async function quiet(command, args, options = {}) {
  const { ok, output } = await run(command, args, options);
  if (!ok) throw new Stop(`\`${[command, ...args].join(" ")}\` failed.`, output);
}

const colours = () => (process.stdout.isTTY ? { CARGO_TERM_COLOR: "always", FORCE_COLOR: "1" } : {});

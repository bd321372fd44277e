// Lanes of tests, one after the other: each passes or fails by itself, and at the end stands what each of them counted.
import { Stop, say, seconds } from "./say.mjs";

/** What a lane answers where it counts nothing: it passed. */
export const DONE = { passed: 0, failed: 0 };

/** The names behind `--only`, or all of them. */
export function chosen(lanes, only) {
  const wanted = only?.split(",") ?? Object.keys(lanes);
  const unknown = wanted.filter((name) => !(name in lanes));
  if (unknown.length > 0) throw new Stop(`No lane is called ${unknown.join(", ")}; there are ${Object.keys(lanes).join(", ")}.`);
  return wanted;
}

/** Runs the wanted lanes up to the first that fails, or all of them; prints a line for each and the sum as the last. */
export async function runLanes(lanes, wanted, { keepGoing = false } = {}) {
  const results = [];
  for (const name of wanted) {
    const began = performance.now();
    if (results.some(({ failed }) => failed > 0) && !keepGoing) {
      results.push({ name, passed: 0, failed: 0, line: "not run" });
      continue;
    }
    say(`\n${name}`);
    const { passed, failed } = await attempt(lanes[name]);
    const counted = passed + failed > 0 ? `${passed} passed, ${failed} failed` : "ok";
    results.push({ name, passed, failed, line: `${counted} (${seconds(performance.now() - began)})` });
  }
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  say("");
  for (const { name, line } of results) say(`${name.padEnd(14)}${line}`);
  say(`${sum("passed")} passed, ${sum("failed")} failed`);
  if (sum("failed") > 0) process.exitCode = 1;
}

/** A failure with a sentence is a failed lane; anything else is a bug of these scripts. */
async function attempt(lane) {
  try {
    return await lane();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    if (error.output) say(error.output.trimEnd());
    say(error.message);
    return { ...DONE, failed: 1 };
  }
}

// Calls cargo quietly: its progress becomes one line, its output appears only when it fails.
import { stripVTControlCharacters } from "node:util";

import { run } from "./children.mjs";
import { failed, step } from "./say.mjs";

/** In CI the lock file is law; on a developer's machine cargo may note a dependency that was just added. */
export const LOCKED = process.env.CI ? ["--locked"] : [];

/** cargo's own progress bar, readable for us where its output is no terminal; its colours where ours is one. */
const PROGRESS = {
  CARGO_TERM_PROGRESS_WHEN: "always",
  CARGO_TERM_PROGRESS_WIDTH: "120",
  ...(process.stdout.isTTY && { CARGO_TERM_COLOR: "always" }),
};
/** Lines of cargo that only say that it works. */
const CHATTER = /^\s*(Compiling|Checking|Building|Documenting|Downloading|Downloaded|Fresh|Updating|Locking|Adding|Blocking|Finished|Generated|Executable|Fetching)\b/;

/** Runs cargo as a step of its own, or throws a `Stop` with its errors. */
export async function cargo(title, args, { env = {}, failure = `${title}: cargo failed, its errors are above.` } = {}) {
  const [verb, ...rest] = args;
  const result = await step(title, (progress) =>
    run("cargo", [verb, ...LOCKED, ...rest], {
      env: { ...process.env, ...PROGRESS, ...env },
      onText: (text) => progressOf(text, progress),
    }),
  );
  if (!result.ok) throw failed(failure, errorsOf(result.output));
}

/** cargo's output without progress: warnings, errors, and what the linker said. */
export function errorsOf(output) {
  const lines = stripVTControlCharacters(output).split(/[\r\n]+/);
  return lines.filter((line) => !CHATTER.test(line)).join("\n");
}

/** Reads `Building [====>   ] 123/267: serde, tokio` out of cargo's progress bar. */
function progressOf(text, progress) {
  const found = [...stripVTControlCharacters(text).matchAll(/(\d+\/\d+)(?:: ([\w-]+))?/g)].at(-1);
  if (found) progress(found[2] ? `${found[1]} ${found[2]}` : found[1]);
}

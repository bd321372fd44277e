// Is this output still the output of these inputs? Decided by content: a git checkout touches times, not bytes.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { ROOT, TARGET } from "./paths.mjs";

/** Runs `work` unless it ran before on the same inputs and its outputs are still there. Answers whether it ran. */
export async function whenChanged(name, { inputs, outputs }, work) {
  const stamp = join(TARGET, "npm", `${name}.stamp`);
  const now = fingerprint(inputs);
  if (outputs.every((path) => existsSync(path)) && readIfThere(stamp) === now) return false;
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, now);
  return true;
}

/** One hash over the names and bytes of files; a directory stands for all files in it, a missing path for nothing. */
export function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const file of paths.flatMap(filesIn).sort()) {
    hash.update(`${relative(ROOT, file)}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Every file at or below a path. */
export function filesIn(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  return found.isDirectory() ? readdirSync(path).flatMap((name) => filesIn(join(path, name))) : [path];
}

const readIfThere = (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

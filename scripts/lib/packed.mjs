// The file that users get, as npm packs it.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { run } from "./children.mjs";
import { PACKAGE, TARGET } from "./paths.mjs";
import { Stop } from "./say.mjs";

/** Packs what is built. Answers where the file is, how many bytes it has packed and unpacked, and its files as `{ path, size }`. */
export async function packed(folder = join(TARGET, "npm", "packed")) {
  mkdirSync(folder, { recursive: true });
  const { ok, output } = await run("npm", ["pack", "--json", "--loglevel=silent", "--pack-destination", folder], { cwd: PACKAGE });
  if (!ok) throw new Stop("`npm pack` failed.", output);
  const said = JSON.parse(output);
  // npm 11 says a list, others an object by name.
  const { filename, size, unpackedSize, files } = Array.isArray(said) ? said[0] : Object.values(said)[0];
  return { path: join(folder, filename), size, unpackedSize, files };
}

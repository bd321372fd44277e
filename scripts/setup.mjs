// Installs what building needs and says what is missing; quick when nothing is. `npm run setup`
import { npmPackages, toolchain, wasmTarget, wasmTools } from "./lib/prerequisites.mjs";
import { isScript, main } from "./lib/say.mjs";

/** Everything before the first build, in the order in which a missing piece is cheapest to find. */
export async function setup() {
  await toolchain();
  await wasmTarget();
  await npmPackages();
  await wasmTools();
}

if (isScript(import.meta.url)) await main(setup);

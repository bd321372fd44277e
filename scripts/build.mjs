// Builds what a person runs: the npm package, the demonstration extension and the server. Does only what changed. `npm run build`
import { buildDemo } from "./lib/demo.mjs";
import { buildPackage } from "./lib/package.mjs";
import { isScript, main } from "./lib/say.mjs";
import { buildServer } from "./lib/server.mjs";
import { setup } from "./setup.mjs";

/** The package first: its errors are found sooner than the server is compiled. */
export async function build() {
  await setup();
  await buildPackage();
  await buildDemo();
  await buildServer();
}

if (isScript(import.meta.url)) await main(build);

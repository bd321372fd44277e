// Builds the demonstration extension into `extension-demo/dist`, a folder that Chrome loads unpacked.
import { join } from "node:path";

import { whenChanged } from "./fresh.mjs";
import { DIST, ROOT, npmTool } from "./paths.mjs";
import { quiet } from "./runners.mjs";
import { step } from "./say.mjs";

const DEMO = join(ROOT, "extension-demo");
const SOURCES = ["src", "public", "panel.html", "popup.html", "options.html", "offscreen.html", "vite.config.ts", "package.json"].map((name) => join(DEMO, name));
const BUILT = ["manifest.json", "worker.js", "panel.html", "popup.html", "options.html", "offscreen.html"].map((name) => join(DEMO, "dist", name));

/** The package must have been built before. */
export const buildDemo = () =>
  whenChanged("extension-demo", { inputs: [...SOURCES, DIST, join(ROOT, "package-lock.json")], outputs: BUILT }, () =>
    step("demonstration extension", () => quiet(npmTool("vite"), ["build", DEMO, "--logLevel", "warn"])),
  );

/** Its types are those of the built package, as everybody's are. */
export async function checkDemo() {
  await quiet(npmTool("tsc"), ["-p", DEMO]);
  await buildDemo();
}

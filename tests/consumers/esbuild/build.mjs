// Bundles the page; esbuild leaves `new URL(…, import.meta.url)` as it is, so the module is copied beside the bundle.
import { copyFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

await build({ entryPoints: ["main.js"], bundle: true, format: "esm", target: "es2022", minify: true, outfile: "www/main.js" });
await copyFile(fileURLToPath(import.meta.resolve("@tabagent/client/tabagent_client_bg.wasm")), "www/tabagent_client_bg.wasm");

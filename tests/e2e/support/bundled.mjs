// The package's door for bundlers, as a bundler delivers it: esbuild, and a plugin that links WebAssembly modules as the platform will.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

import { build } from "esbuild";

import { root } from "./server.mjs";

const dist = `${root}/client-wasm/npm/dist`;

/** What `page.route` answers with, by path. */
export async function bundled() {
  const { outputFiles } = await build({ entryPoints: [`${dist}/bundler.js`], bundle: true, write: false, format: "esm", target: "es2022", plugins: [linked] });
  const module = readFileSync(`${dist}/tabagent_client_bg.wasm`);
  return {
    "bundled/app.js": { body: outputFiles[0].text, contentType: "text/javascript" },
    // Under a name of its own for the bundler's own use; the other is for `new URL(…, import.meta.url)`.
    "bundled/linked.wasm": { body: module, contentType: "application/wasm" },
    "bundled/tabagent_client_bg.wasm": { body: module, contentType: "application/wasm" },
  };
}

/** An import of a module is its exports, linked with the files that its imports name. */
const linked = {
  name: "linked",
  setup(build) {
    build.onLoad({ filter: /\.wasm$/ }, ({ path }) => {
      const module = new WebAssembly.Module(readFileSync(path));
      const [from] = WebAssembly.Module.imports(module).map(({ module }) => module);
      const names = WebAssembly.Module.exports(module).map(({ name }) => name);
      return {
        contents: `import * as imports from ${JSON.stringify(from)};
          const module = await WebAssembly.compileStreaming(fetch(new URL("./linked.wasm", import.meta.url)));
          const { exports } = await WebAssembly.instantiate(module, { ${JSON.stringify(from)}: imports });
          export const { ${names} } = exports;`,
        resolveDir: path.slice(0, -basename(path).length),
      };
    });
  },
};

// Takes the JavaScript that lies beside the Rust, which wasm-bindgen leaves in files of its own, into the glue.
import { dirname } from "node:path";

import { Stop } from "./say.mjs";

/** How wasm-bindgen imports a file of a crate. */
const IMPORT = /^import \{ ([\w, ]+) \} from '(\.\/snippets\/[^']+)';\n/gm;
/** Where a module imports from that wants a function as it is, with no glue in between. */
export const SNIPPET = /^\.\/snippets\//;
/** How esbuild ends a module. */
const EXPORTS = /export \{[^}]*\};\s*$/;

/**
 * The glue in one file. All files of the crate become one module first, so that none meets names of another; a name that the glue has too is
 * an error of syntax, which whoever minifies it notices.
 *
 * @param {string} glue as `wasm-bindgen --target bundler` writes it @param {string} path where it lies
 * @param {BufferSource} module what it belongs to
 */
export async function withSnippets(glue, path, module) {
  const direct = WebAssembly.Module.imports(await WebAssembly.compile(module)).filter(({ module }) => SNIPPET.test(module));
  const imports = [...glue.matchAll(IMPORT), ...direct.map(({ module, name }) => [, name, module])];
  if (imports.length === 0) return glue;
  const { build } = await import("esbuild");
  const contents = imports.map(([, names, file]) => `export { ${names} } from "${file}";\n`).join("");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: dirname(path) },
    bundle: true,
    format: "esm",
    target: "es2022",
    minifySyntax: true,
    write: false,
    logLevel: "silent",
  });
  const [{ text }] = outputFiles;
  if (!EXPORTS.test(text)) throw new Stop("esbuild ends modules in another way: see scripts/lib/snippets.mjs.");
  return text.replace(EXPORTS, "") + glue.replace(IMPORT, "");
}

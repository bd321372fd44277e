// Builds the npm package: the client crate becomes WebAssembly and its glue, the TypeScript becomes minified modules and declarations.
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";

import { cargo } from "./cargo.mjs";
import { run } from "./children.mjs";
import { filesIn, whenChanged } from "./fresh.mjs";
import { CLIENT_CRATE, DIST, GLUE, PACKAGE, PACKAGE_SRC, ROOT, TARGET, WASM_TARGET, WWW, WWW_CLIENT, npmTool, wasmTool } from "./paths.mjs";
import { Stop, step } from "./say.mjs";
import { slim } from "./slim.mjs";

/** The glue's name, and with it the name of the module file that pages fetch. */
const NAME = "tabagent_client";
const MODULE = `${NAME}_bg.wasm`;
/** The module's imports name this file, so bundlers that load modules look for it beside the module. */
const BESIDE = `${NAME}_bg.js`;
const COMPILED = join(TARGET, WASM_TARGET, "wasm", `${NAME}.wasm`);
/** Versions of the tools: another version is another output. */
const LOCKS = ["Cargo.lock", "package-lock.json", "scripts/lib/package.mjs", "scripts/lib/slim.mjs"].map((name) => join(ROOT, name));

/** Their text belongs into the package; the originals are the tree's. */
const LICENCES = ["LICENSE-MIT", "LICENSE-APACHE"];

/** The doors of the package, as far as they exist. */
const entries = () => ["index.ts", "bundler.ts", "doctor.ts", "files.ts"].map((name) => join(PACKAGE_SRC, name)).filter(existsSync);

/** Brings `dist` up to date, and the test page's copy of it. */
export async function buildPackage() {
  await buildGlue();
  await bundle();
  LICENCES.forEach((name) => cpSync(join(ROOT, name), join(PACKAGE, name)));
  copyToPage();
}

/** Compiles the client crate and generates the glue in `src/wasm`: all that type checking needs. */
export async function buildGlue() {
  // Messages name source files, and nobody's home directory belongs into a published package.
  const env = { RUSTFLAGS: `--remap-path-prefix=${process.env.CARGO_HOME ?? join(homedir(), ".cargo")}=cargo` };
  await cargo("client, as WebAssembly", ["build", "--profile", "wasm", "-p", CLIENT_CRATE, "--target", WASM_TARGET], { env });
  await whenChanged("glue", { inputs: [COMPILED, ...LOCKS], outputs: [join(GLUE, BESIDE), join(GLUE, MODULE)] }, () =>
    step("client, its JavaScript glue", async () => {
      // With the names of its functions: `slim` goes by them.
      await tool(wasmTool("wbg"), ["--target", "bundler", "--remove-producers-section", "--out-dir", GLUE, "--out-name", NAME, COMPILED]);
      completeGlue();
    }),
  );
}

/** What wasm-bindgen leaves to a file of its own for each way of loading, ours may do in its own way: handing the instance to the glue. */
const BEGIN = {
  code: "export function begin(exports) { __wbg_set_wasm(exports); wasm.__wbindgen_start(); }",
  type: "/** Hands the exports of the instance to the glue, before anything else of it is used. */\nexport function begin(exports: WebAssembly.Exports): void;",
};

function completeGlue() {
  const declared = readFileSync(join(GLUE, `${NAME}.d.ts`), "utf8");
  appendFileSync(join(GLUE, BESIDE), `${BEGIN.code}\n`);
  writeFileSync(join(GLUE, `${NAME}_bg.d.ts`), `${declared}\n${BEGIN.type}\n`);
  writeFileSync(join(GLUE, `${NAME}_bg.d.wasm.ts`), "declare const exports: WebAssembly.Exports;\nexport = exports;\n");
}

async function bundle() {
  const sources = filesIn(PACKAGE_SRC);
  const settings = [join(PACKAGE, "tsconfig.json"), join(PACKAGE, "package.json")];
  const outputs = [join(DIST, "index.js"), join(DIST, "index.d.ts"), join(DIST, "doctor.js"), join(DIST, "files.js"), join(DIST, BESIDE), join(DIST, MODULE)];
  await whenChanged("dist", { inputs: [...sources, ...settings, ...LOCKS], outputs }, async () => {
    rmSync(DIST, { recursive: true, force: true });
    mkdirSync(DIST, { recursive: true });
    await step("npm package, WebAssembly", optimise);
    await step("npm package, JavaScript and types", async () => {
      await minify();
      await declare();
    });
  });
}

async function optimise() {
  const { module, glue } = await slim(readFileSync(join(GLUE, MODULE)), readFileSync(join(GLUE, BESIDE), "utf8"));
  if (!WebAssembly.validate(module)) throw new Stop("binaryen wrote a module that this JavaScript engine refuses: see scripts/lib/slim.mjs.");
  const { transform } = await import("esbuild");
  const { code } = await transform(glue, MINIFIED);
  writeFileSync(join(DIST, MODULE), module);
  writeFileSync(join(DIST, BESIDE), code);
}

const MINIFIED = { minify: true, treeShaking: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "silent" };

/** In the sources the module and its glue lie in `wasm/`, in the package beside the doors. */
const BESIDE_THE_DOORS = {
  name: "beside",
  setup: (build) => build.onResolve({ filter: new RegExp(`/${NAME}_bg\\.(js|wasm)$`) }, ({ path }) => ({ path: `./${basename(path)}`, external: true })),
};

/** Code shared by two doors goes to a chunk of its own, so that neither carries it twice. */
async function minify() {
  const { build } = await import("esbuild");
  try {
    const settings = { ...MINIFIED, bundle: true, splitting: true, outdir: DIST, chunkNames: "chunk-[hash]", plugins: [BESIDE_THE_DOORS] };
    await build({ ...settings, entryPoints: entries() });
  } catch (error) {
    throw new Stop("esbuild could not bundle client-wasm/npm/src.", error.message);
  }
}

/** Declarations beside the bundles; those of the glue only where the published ones speak of it. */
async function declare() {
  await tool(npmTool("tsc"), ["-p", PACKAGE, "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", DIST]);
  const declarations = filesIn(DIST).filter((path) => path.endsWith(".d.ts"));
  if (!declarations.some((path) => readFileSync(path, "utf8").includes(`wasm/${NAME}`))) return;
  cpSync(join(GLUE, `${NAME}.d.ts`), join(DIST, "wasm", `${NAME}.d.ts`));
}

/** The test page is served from one directory, so the SDK it loads is copied into it. */
function copyToPage() {
  if (!existsSync(WWW)) return;
  rmSync(WWW_CLIENT, { recursive: true, force: true });
  for (const name of readdirSync(DIST).filter((name) => /\.(js|wasm)$/.test(name))) cpSync(join(DIST, name), join(WWW_CLIENT, name));
}

async function tool(command, args) {
  const { ok, output } = await run(command, args);
  if (!ok) throw new Stop(`${command.slice(ROOT.length + 1)} failed, its output is above.`, output);
}

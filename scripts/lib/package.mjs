// Builds the npm package: the client crate becomes WebAssembly and its glue, the TypeScript becomes minified modules and declarations.
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";

import { cargo } from "./cargo.mjs";
import { run } from "./children.mjs";
import { filesIn, whenChanged } from "./fresh.mjs";
import { CLIENT_CRATE, DIST, GLUE, PACKAGE, PACKAGE_SRC, ROOT, TARGET, WASM_TARGET, WWW, WWW_CLIENT, npmTool, wasmTool } from "./paths.mjs";
import { Stop, step } from "./say.mjs";
import { scoped } from "./scope.mjs";
import { slim } from "./slim.mjs";

/** The glue's name, and with it the name of the module file that pages fetch. */
const NAME = "tabagent_client";
const MODULE = `${NAME}_bg.wasm`;
/** The module's imports name this file, so bundlers that load modules look for it beside the module. */
const BESIDE = `${NAME}_bg.js`;
const COMPILED = join(TARGET, WASM_TARGET, "wasm", `${NAME}.wasm`);
/** Versions of the tools: another version is another output. */
const LOCKS = ["Cargo.lock", "package-lock.json", "scripts/lib/package.mjs", "scripts/lib/scope.mjs", "scripts/lib/slim.mjs"].map((name) => join(ROOT, name));

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
const BEGIN = "export function begin(exports) { __wbg_set_wasm(exports); wasm.__wbindgen_start(); }";

/** What `scoped` makes of the glue: its classes are values in each scope, and types outside. */
const SCOPE = (classes) => `
/** A scope of glue, for one instance. */
export interface Glue {
${classes.map((name) => `  readonly ${name}: typeof ${name};`).join("\n")}
  /** What the module imports. */
  readonly imports: WebAssembly.ModuleImports;
  /** Hands the exports of the instance to the scope, before anything else of it is used. */
  begin(exports: WebAssembly.Exports): void;
}
/** Makes a scope. */
export function glue(): Glue;
/** The one that a bundler links the module with. */
export const first: Glue;
`;

function completeGlue() {
  const declared = readFileSync(join(GLUE, `${NAME}.d.ts`), "utf8");
  appendFileSync(join(GLUE, BESIDE), `${BEGIN}\n`);
  const classes = [...declared.matchAll(/^export class (\w+)/gm)].map(([, name]) => name);
  const types = declared.replace(/^export class /gm, "declare class ");
  writeFileSync(join(GLUE, `${NAME}_bg.d.ts`), `${types}\nexport type { ${classes.join(", ")} };\n${SCOPE(classes)}`);
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
  const { scope, exports } = scoped(glue);
  // No format: the names of a script's own are left as they are, and the exports need no second names.
  const { code } = await transform(scope, { ...MINIFIED, format: undefined, treeShaking: false });
  writeFileSync(join(DIST, MODULE), module);
  writeFileSync(join(DIST, BESIDE), code + exports);
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
  for (const name of [`${NAME}.d.ts`, `${NAME}_bg.d.ts`]) cpSync(join(GLUE, name), join(DIST, "wasm", name));
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

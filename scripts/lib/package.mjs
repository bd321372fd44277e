// Builds the npm package: the client crate becomes WebAssembly and its glue, the TypeScript becomes minified modules and declarations.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { cargo } from "./cargo.mjs";
import { run } from "./children.mjs";
import { filesIn, whenChanged } from "./fresh.mjs";
import { CLIENT_CRATE, DIST, GLUE, PACKAGE, PACKAGE_SRC, ROOT, TARGET, WASM_TARGET, WWW, WWW_CLIENT, npmTool, wasmTool } from "./paths.mjs";
import { Stop, step } from "./say.mjs";

/** The glue's name, and with it the name of the module file that pages fetch. */
const NAME = "tabagent_client";
const MODULE = `${NAME}_bg.wasm`;
const COMPILED = join(TARGET, WASM_TARGET, "wasm", `${NAME}.wasm`);
/** Versions of the tools: another version is another output. */
const LOCKS = [join(ROOT, "Cargo.lock"), join(ROOT, "package-lock.json"), join(ROOT, "scripts", "lib", "package.mjs")];

/** Their text belongs into the package; the originals are the tree's. */
const LICENCES = ["LICENSE-MIT", "LICENSE-APACHE"];

/** The doors of the package, as far as they exist. */
const entries = () => ["index.ts", "bundler.ts"].map((name) => join(PACKAGE_SRC, name)).filter(existsSync);

/** Brings `dist` up to date, and the test page's copy of it. */
export async function buildPackage() {
  await buildGlue();
  await bundle();
  LICENCES.forEach((name) => cpSync(join(ROOT, name), join(PACKAGE, name)));
  copyToPage();
}

/** Compiles the client crate and generates the glue in `src/wasm`: all that type checking needs. */
export async function buildGlue() {
  await cargo("client, as WebAssembly", ["build", "--profile", "wasm", "-p", CLIENT_CRATE, "--target", WASM_TARGET]);
  await whenChanged("glue", { inputs: [COMPILED, ...LOCKS], outputs: [join(GLUE, `${NAME}.js`), join(GLUE, MODULE)] }, () =>
    step("client, its JavaScript glue", async () => {
      // No default path: `index.ts` names the module itself, and one name in the package is what bundlers need to see.
      const options = ["--target", "web", "--omit-default-module-path", "--remove-name-section", "--remove-producers-section"];
      await tool(wasmTool("wbg"), [...options, "--out-dir", GLUE, "--out-name", NAME, COMPILED]);
    }),
  );
}

async function bundle() {
  const sources = filesIn(PACKAGE_SRC);
  const settings = [join(PACKAGE, "tsconfig.json"), join(PACKAGE, "package.json")];
  const outputs = [join(DIST, "index.js"), join(DIST, "index.d.ts"), join(DIST, MODULE)];
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

/**
 * Shrinks the module. Not `-all`: that enables features no browser accepts yet; those in use are named in the module itself.
 * Functions with one caller stay apart unless they are tiny: 1 % more bytes, but 3 % fewer once they are gzipped.
 */
async function optimise() {
  const output = join(DIST, MODULE);
  await tool(npmTool("wasm-opt"), ["--one-caller-inline-max-function-size=20", "-Oz", "--strip-producers", "-o", output, join(GLUE, MODULE)]);
  if (!WebAssembly.validate(readFileSync(output))) throw new Stop("wasm-opt wrote a module that this JavaScript engine refuses: see its flags in scripts/lib/package.mjs.");
}

/** Code shared by two doors goes to a chunk of its own, so that neither carries it twice. */
async function minify() {
  const { build } = await import("esbuild");
  const settings = { bundle: true, minify: true, splitting: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "silent" };
  try {
    await build({ ...settings, entryPoints: entries(), outdir: DIST, chunkNames: "chunk-[hash]", external: ["*.wasm"] });
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

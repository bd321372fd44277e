// Builds the npm package: the client crate becomes WebAssembly and its glue, the TypeScript becomes minified modules and declarations.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";

import { cargo } from "./cargo.mjs";
import { run } from "./children.mjs";
import { filesIn, whenChanged } from "./fresh.mjs";
import { CLIENT_CRATE, DIST, GLUE, PACKAGE, PACKAGE_SRC, ROOT, TARGET, TESTING_CRATE, WASM_TARGET, WWW, WWW_CLIENT, npmTool, wasmTool } from "./paths.mjs";
import { Stop, step } from "./say.mjs";
import { scoped } from "./scope.mjs";
import { slim } from "./slim.mjs";
import { withSnippets } from "./snippets.mjs";

/** The modules of the package: the client's, and one that only the test kit loads. A name is that of the file that pages fetch. */
const MODULES = [moduleOf(CLIENT_CRATE, "tabagent_client"), moduleOf(TESTING_CRATE, "tabagent_testing")];

function moduleOf(crate, name) {
  const compiled = join(TARGET, WASM_TARGET, "wasm", `${name}.wasm`);
  // The module's imports name its glue, so bundlers that load modules look for that beside the module.
  return { crate, name, compiled, file: `${name}_bg.wasm`, beside: `${name}_bg.js` };
}

/** Versions of the tools: another version is another output. */
const LOCKS = ["Cargo.lock", "package-lock.json", "scripts/lib/package.mjs", "scripts/lib/scope.mjs", "scripts/lib/slim.mjs", "scripts/lib/snippets.mjs", "scripts/lib/parts.mjs"].map((name) => join(ROOT, name));

/** Their text belongs into the package; the originals are the tree's. */
const LICENCES = ["LICENSE-MIT", "LICENSE-APACHE"];

/**
 * The doors of the package, those that share files together. The others are by themselves: what the test kit or pairing shares would cost
 * every page one more file, and the bridge is mostly used where nothing else is loaded.
 */
const DOORS = [
  ["index.ts", "bundler.ts", "doctor.ts", "files.ts", "react.ts", "node.ts"],
  ["pair.ts"],
  ["testing.ts"],
  ["extension.ts"],
  ["extension/host.ts"],
  ["native.ts"],
  ["connect-native.ts"],
];

/** Where it is written what a module is made of: `npm run size` tells. */
export const partsOf = (name) => join(TARGET, "npm", `${name}.parts.json`);

/** Brings `dist` up to date, and the test page's copy of it. */
export async function buildPackage() {
  await buildGlue();
  await bundle();
  LICENCES.forEach((name) => cpSync(join(ROOT, name), join(PACKAGE, name)));
  copyToPage();
}

/** Compiles the crates and generates their glue in `src/wasm`: all that type checking needs. */
export async function buildGlue() {
  // Messages name source files, and nobody's home directory belongs into a published package.
  const env = { RUSTFLAGS: `--remap-path-prefix=${process.env.CARGO_HOME ?? join(homedir(), ".cargo")}=cargo` };
  // One by one: together, the client would get the features that the kit asks of the protocol.
  for (const { crate } of MODULES) await cargo(`${crate}, as WebAssembly`, ["build", "--profile", "wasm", "-p", crate, "--target", WASM_TARGET], { env });
  for (const module of MODULES) {
    const { name, compiled, file, beside } = module;
    await whenChanged(`glue of ${name}`, { inputs: [compiled, ...LOCKS], outputs: [join(GLUE, beside), join(GLUE, file)] }, () =>
      step(`JavaScript glue of ${name}`, async () => {
        // With the names of its functions: `slim` goes by them.
        await tool(wasmTool("wbg"), ["--target", "bundler", "--remove-producers-section", "--out-dir", GLUE, "--out-name", name, compiled]);
        await completeGlue(module);
      }),
    );
  }
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

async function completeGlue({ name, file, beside }) {
  const declared = readFileSync(join(GLUE, `${name}.d.ts`), "utf8");
  const path = join(GLUE, beside);
  writeFileSync(path, `${await withSnippets(readFileSync(path, "utf8"), path, readFileSync(join(GLUE, file)))}\n${BEGIN}\n`);
  const classes = [...declared.matchAll(/^export class (\w+)/gm)].map(([, name]) => name);
  const types = declared.replace(/^export class /gm, "declare class ");
  writeFileSync(join(GLUE, `${name}_bg.d.ts`), `${types}\nexport type { ${classes.join(", ")} };\n${SCOPE(classes)}`);
  writeFileSync(join(GLUE, `${name}_bg.d.wasm.ts`), "declare const exports: WebAssembly.Exports;\nexport = exports;\n");
}

async function bundle() {
  const sources = filesIn(PACKAGE_SRC);
  const settings = [join(PACKAGE, "tsconfig.json"), join(PACKAGE, "package.json")];
  const doors = DOORS.flat().map((name) => name.replace(/ts$/, "js"));
  const published = ["index.d.ts", ...doors, ...MODULES.flatMap(({ file, beside }) => [file, beside])].map((name) => join(DIST, name));
  const outputs = [...MODULES.map(({ name }) => partsOf(name)), ...published];
  await whenChanged("dist", { inputs: [...sources, ...settings, ...LOCKS], outputs }, async () => {
    rmSync(DIST, { recursive: true, force: true });
    mkdirSync(DIST, { recursive: true });
    await step("npm package, WebAssembly", async () => {
      for (const module of MODULES) await optimise(module);
    });
    await step("npm package, JavaScript and types", async () => {
      await minify();
      await declare();
    });
  });
}

async function optimise({ name, file, beside }) {
  const { module, glue, parts } = await slim(readFileSync(join(GLUE, file)), readFileSync(join(GLUE, beside), "utf8"));
  if (!WebAssembly.validate(module)) throw new Stop("binaryen wrote a module that this JavaScript engine refuses: see scripts/lib/slim.mjs.");
  const { transform } = await import("esbuild");
  const { scope, exports } = scoped(glue);
  // No format: the names of a script's own are left as they are, and the exports need no second names.
  const { code } = await transform(scope, { ...MINIFIED, format: undefined, treeShaking: false });
  writeFileSync(join(DIST, file), module);
  writeFileSync(partsOf(name), JSON.stringify(parts));
  writeFileSync(join(DIST, beside), code + exports);
}

const MINIFIED = { minify: true, treeShaking: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "silent" };

/**
 * In the sources the module and its glue lie in `wasm/`, in the package beside the doors. What the offscreen document alone needs, it loads;
 * whoever builds on the bridge has it as it is.
 */
const BESIDE_THE_DOORS = {
  name: "beside",
  setup: (build) => {
    build.onResolve({ filter: /\/tabagent_\w+_bg\.(js|wasm)$/ }, ({ path }) => ({ path: `./${basename(path)}`, external: true }));
    build.onResolve({ filter: /^\.\/extension(\/host)?\.js$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Code shared by two doors goes to a chunk of its own, so that neither carries it twice. */
async function minify() {
  const { build } = await import("esbuild");
  try {
    const settings = { ...MINIFIED, bundle: true, splitting: true, outdir: DIST, outbase: PACKAGE_SRC, chunkNames: "chunk-[hash]", external: ["react"], plugins: [BESIDE_THE_DOORS] };
    for (const doors of DOORS) await build({ ...settings, entryPoints: doors.map((name) => join(PACKAGE_SRC, name)) });
  } catch (error) {
    throw new Stop("esbuild could not bundle client-wasm/npm/src.", error.message);
  }
}

/** Declarations beside the bundles: of what the package exports, and of what they speak of. What is only spoken of inside stays here. */
async function declare() {
  await tool(npmTool("tsc"), ["-p", PACKAGE, "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", DIST]);
  for (const { name } of MODULES) for (const each of [name, `${name}_bg`]) cpSync(join(GLUE, `${each}.d.ts`), join(DIST, "wasm", `${each}.d.ts`));
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  const spoken = reached(Object.values(exports).flatMap(({ types }) => (types ? join(PACKAGE, types) : [])));
  for (const path of filesIn(DIST)) if (path.endsWith(".d.ts") && !spoken.has(path)) rmSync(path);
}

/** Declarations, and all that they import. */
function reached(paths, found = new Set()) {
  for (const path of paths.filter((path) => !found.has(path))) {
    found.add(path);
    const imports = [...readFileSync(path, "utf8").matchAll(/(?:from|import) ?\(?"(\.[^"]+)\.js"/g)];
    reached(imports.map(([, name]) => join(dirname(path), `${name}.d.ts`)), found);
  }
  return found;
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

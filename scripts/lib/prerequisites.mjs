// What must be on the machine before anything can be built: checked, installed where that is ours to do, else named in one sentence.
import { existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { cargo } from "./cargo.mjs";
import { run } from "./children.mjs";
import { ROOT, WASM_TARGET, wasmTool } from "./paths.mjs";
import { Stop, failed, step } from "./say.mjs";

const NODE_AT_LEAST = 20;

/** A Rust new enough, Node new enough, a C compiler (rustc links with it). */
export async function toolchain() {
  const node = Number(process.versions.node.split(".")[0]);
  if (node < NODE_AT_LEAST) throw new Stop(`Node ${process.versions.node} is too old: install Node ${NODE_AT_LEAST} or newer (https://nodejs.org).`);
  findCargo();
  await rust();
  if (!(await works("cc"))) throw new Stop(`A C compiler is missing: ${compilerAdvice()}, then run the same command again.`);
}

/** Rust's standard library for the browser. */
export async function wasmTarget() {
  const sysroot = (await run("rustc", ["--print", "sysroot"])).output.trim();
  if (existsSync(join(sysroot, "lib", "rustlib", WASM_TARGET, "lib"))) return;
  if (!(await works("rustup"))) throw new Stop(`Rust's ${WASM_TARGET} target is missing: install it the way this Rust was installed (rustup is not on the PATH).`);
  const added = await step(`Rust target ${WASM_TARGET}`, () => run("rustup", ["target", "add", WASM_TARGET]));
  if (!added.ok) throw failed(`\`rustup target add ${WASM_TARGET}\` failed.`, added.output);
}

/** The npm packages of the lock file, installed when absent or older than the lock. */
export async function npmPackages() {
  if (changed(join(ROOT, "node_modules", ".package-lock.json")) >= changed(join(ROOT, "package-lock.json"))) return;
  const args = ["ci", "--loglevel=error", "--prefer-offline", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"];
  const installed = await step("npm packages", () => run("npm", args));
  if (!installed.ok) throw failed("`npm ci` failed.", installed.output);
}

/** wasm-bindgen and its test runner, compiled from the workspace's own `tools/wasm-tools`. */
export async function wasmTools() {
  await cargo("wasm tools", ["build", "--profile", "tools", "-p", "wasm-tools"]);
  // The name by which wasm-pack looks for it; rustc refuses to build a program called so.
  const known = wasmTool("wasm-bindgen");
  if (!existsSync(known)) symlinkSync("wbg", known);
}

/** rustup may have been installed a minute ago, in a terminal that does not know yet. */
function findCargo() {
  const home = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "bin");
  const onPath = (process.env.PATH ?? "").split(delimiter);
  if (!onPath.some((directory) => existsSync(join(directory, "cargo"))) && existsSync(join(home, "cargo"))) {
    process.env.PATH = [...onPath, home].join(delimiter);
  }
}

async function rust() {
  if (!(await works("cargo"))) throw new Stop("Rust is missing: install it from https://rustup.rs, then run the same command again.");
  const found = version((await run("rustc", ["--version"])).output);
  const needed = version(/rust-version = "([\d.]+)"/.exec(readFileSync(join(ROOT, "Cargo.toml"), "utf8"))[1]);
  if (found[0] > needed[0] || (found[0] === needed[0] && found[1] >= needed[1])) return;
  throw new Stop(`Rust ${found.join(".")} is too old, ${needed.join(".")} is needed: run \`rustup update stable\`, then the same command again.`);
}

/** Whether a program is there and answers `--version`. */
async function works(command) {
  return run(command, ["--version"]).then(({ ok }) => ok, () => false);
}

/** The first `major.minor` in a text. */
function version(text) {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [undefined, "0", "0"];
  return [Number(major), Number(minor)];
}

function compilerAdvice() {
  if (process.platform === "darwin") return "run `xcode-select --install`";
  if (existsSync("/usr/bin/apt-get")) return "run `sudo apt-get install build-essential`";
  return "install gcc or clang with your system's package manager";
}

const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

// Proof that `protocol` asks nothing of its host: compiled to WebAssembly with all of its code kept, it imports nothing.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { cargo } from "./cargo.mjs";
import { TARGET, WASM_TARGET } from "./paths.mjs";
import { Stop } from "./say.mjs";

const CRATE = "tabagent-protocol";
const MODULE = join(TARGET, WASM_TARGET, "debug", "tabagent_protocol.wasm");
/** Every function is kept and exported: one that nobody calls would be dropped, and its imports with it. */
const KEEP = ["-C", "link-dead-code", "-C", "link-arg=--export-all"];
/** A module with fewer of the crate's own functions has lost the code that was to be looked at. */
const PLAUSIBLE = 100;

/** A clock, a socket or a random number would show up as an import: WebAssembly has no other way to any of them. */
export async function proveProtocolPure() {
  await cargo("protocol, as bare WebAssembly", ["rustc", "-p", CRATE, "--lib", "--target", WASM_TARGET, "--crate-type", "cdylib", "--", ...KEEP]);
  const module = new WebAssembly.Module(readFileSync(MODULE));
  const own = WebAssembly.Module.exports(module).filter(({ name }) => name.includes("tabagent_protocol"));
  if (own.length < PLAUSIBLE) throw new Stop(`Only ${own.length} functions of ${CRATE} are in ${MODULE}: the linker dropped the code this check is about.`);
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
  if (imports.length > 0) throw new Stop("protocol must not import anything from its host.", imports.join("\n"));
}

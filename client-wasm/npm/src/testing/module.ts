// The module of the server in memory: one instance for all servers of a page.

import { compile } from "../module.js";
import { type Sessions, glue } from "../wasm/tabagent_testing_bg.js";

let loading: Promise<typeof Sessions> | undefined;

/** The class of which each server has one. */
export const sessionsModule = (): Promise<typeof Sessions> => (loading ??= load());

async function load(): Promise<typeof Sessions> {
  const scope = glue();
  const module = await compile(new URL("./tabagent_testing_bg.wasm", import.meta.url));
  const { exports } = await WebAssembly.instantiate(module, { "./tabagent_testing_bg.js": scope.imports });
  scope.begin(exports);
  return scope.Sessions;
}

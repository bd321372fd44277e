// Where the module comes from, and how it becomes an instance.

import type { Instantiate } from "./engine.js";
import { TabagentError } from "./errors.js";
import { glue } from "./wasm/tabagent_client_bg.js";

/** Milliseconds to load the module: a bound, because calls may be waiting for it after a crash. */
const LOAD_MS = 30_000;

let compiled: Promise<WebAssembly.Module> | undefined;

/** An instance with a scope of its own. The module is loaded and compiled once; after a failure the next call tries again. */
export const instantiate: Instantiate = async () => {
  const scope = glue();
  const module = await (compiled ??= load());
  const { exports } = await WebAssembly.instantiate(module, { "./tabagent_client_bg.js": scope.imports });
  return { scope, exports };
};

async function load(): Promise<WebAssembly.Module> {
  const url = new URL("./tabagent_client_bg.wasm", import.meta.url);
  try {
    return await compile(url);
  } catch (cause) {
    compiled = undefined;
    const message = `${url} could not be loaded: is it served, and does the Content-Security-Policy allow 'wasm-unsafe-eval'?`;
    throw new TabagentError({ code: "not_supported", status: 501, message, cause });
  }
}

/** A module, compiled. */
export async function compile(url: URL): Promise<WebAssembly.Module> {
  // Node fetches no files. Not imported by its name: bundlers for browsers would look for it.
  if (url.protocol === "file:") return WebAssembly.compile(await process!.getBuiltinModule("node:fs/promises").readFile(url));
  const reply = await fetch(url, { signal: AbortSignal.timeout(LOAD_MS) });
  // A server that does not know the type of modules is common; compiling while loading is for those that do.
  if (reply.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compileStreaming(reply);
  return WebAssembly.compile(await reply.arrayBuffer());
}

/** Node's. */
declare const process: { getBuiltinModule(name: "node:fs/promises"): { readFile(url: URL): Promise<BufferSource> } } | undefined;

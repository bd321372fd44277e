// The door of the package: for pages without a bundler, and for bundlers that know `new URL(…, import.meta.url)`.

import type { Api } from "./api.gen.js";
import { TabagentClient } from "./client.js";
import { TabagentError } from "./errors.js";
import type { ApiTypes, ConnectOptions } from "./types.js";
import * as glue from "./wasm/tabagent_client_bg.js";

export * from "./exports.js";

let loading: Promise<void> | undefined;

/**
 * Opens a session with the server at `http://host:port`.
 *
 * @typeParam T - what the server says of itself; your own as `connect<MyApi>(…)`, with the `Api` of its `GET /v1/types.ts`.
 * Resolves with the first transport that is welcomed; see {@link ConnectOptions.transports} for the others.
 *
 * @throws {@link TabagentError}: `transport_failed` (nobody answers there, or no way through: `details.step` names the step it
 * stopped at, `details.transports` what became of each transport), `no_candidates` (the browser has no network interface),
 * `not_supported` (no WebRTC or no WebAssembly here), `cancelled`, or what the server refuses with (`unauthorized`,
 * `origin_refused`, `limit_reached`, `version_mismatch`, …).
 */
export async function connect<T extends ApiTypes<T> = Api>(url: string | URL, options: ConnectOptions = {}): Promise<TabagentClient<T>> {
  await (loading ??= load());
  return TabagentClient.open<T>(url, options);
}

/** Loads the module, once; after a failure the next `connect()` tries again. */
async function load(): Promise<void> {
  const url = new URL("./tabagent_client_bg.wasm", import.meta.url);
  const imports = { "./tabagent_client_bg.js": glue as unknown as WebAssembly.ModuleImports };
  try {
    const reply = await fetch(url);
    // A server that does not know the type of modules is common; compiling while loading is for those that do.
    const { instance } = reply.headers.get("content-type")?.startsWith("application/wasm")
      ? await WebAssembly.instantiateStreaming(reply, imports)
      : await WebAssembly.instantiate(await reply.arrayBuffer(), imports);
    glue.begin(instance.exports);
  } catch (cause) {
    loading = undefined;
    const message = `${url} could not be loaded: is it served, and does the Content-Security-Policy allow 'wasm-unsafe-eval'?`;
    throw new TabagentError({ code: "not_supported", status: 501, message, cause });
  }
}

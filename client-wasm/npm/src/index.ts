// The door of the package: `connect()` for pages without a bundler, and for bundlers that know `new URL(…, import.meta.url)`.

import type { Actions } from "./api.gen.js";
import { TabagentClient } from "./client.js";
import { TabagentError } from "./errors.js";
import type { ActionMap, ConnectOptions } from "./types.js";
import init from "./wasm/tabagent_client.js";

export type * from "./api.gen.js";
export { TabagentClient } from "./client.js";
export { TabagentError } from "./errors.js";
export type { FailureParts } from "./errors.js";
export { TabagentStream } from "./stream.js";
export type * from "./types.js";

let loading: Promise<unknown> | undefined;

/**
 * Opens a session with the server at `http://host:port`.
 *
 * @typeParam M - the table of actions; your own as `connect<MyActions>(…)`.
 * @throws {@link TabagentError}: `transport_failed` (nobody answers there, or no way through: `details.step` names the step it
 * stopped at), `no_candidates` (the browser has no network interface), `not_supported` (no WebRTC here: a worker), `cancelled`,
 * or what the server refuses with (`unauthorized`, `origin_refused`, `limit_reached`, `version_mismatch`, …).
 */
export async function connect<M extends ActionMap<M> = Actions>(url: string | URL, options: ConnectOptions = {}): Promise<TabagentClient<M>> {
  loading ??= load();
  await loading;
  return TabagentClient.open<M>(url, options);
}

/** Loads the module, once; after a failure the next `connect()` tries again. */
async function load(): Promise<void> {
  const url = new URL("./tabagent_client_bg.wasm", import.meta.url);
  try {
    await init({ module_or_path: url });
  } catch (cause) {
    loading = undefined;
    const message = `${url} could not be loaded: is it served, and does the Content-Security-Policy allow 'wasm-unsafe-eval'?`;
    throw new TabagentError({ code: "not_supported", status: 501, message, cause });
  }
}

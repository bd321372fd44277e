// The door of the package: for pages without a bundler, and for bundlers that know `new URL(…, import.meta.url)`.

import type { Api } from "./api.gen.js";
import { TabagentClient } from "./client.js";
import { Engine } from "./engine.js";
import { instantiate } from "./module.js";
import type { ApiTypes, ConnectOptions } from "./types.js";

export * from "./exports.js";

const engine = new Engine(instantiate);

/**
 * Opens a session with the server at `http://host:port`.
 *
 * @typeParam T - what the server says of itself; your own as `connect<MyApi>(…)`, with the `Api` of its `GET /v1/types.ts`.
 * Resolves with the first transport that is welcomed; see {@link ConnectOptions.transports} for the others.
 *
 * @throws {@link TabagentError}: `transport_failed` (nobody answers there, or no way through: `details.step` names the step it
 * stopped at, `details.transports` what became of each transport), `no_candidates` (the browser has no network interface),
 * `not_supported` (no WebRTC or no WebAssembly here), `cancelled`, `client_crashed` (again and again), or what the server refuses
 * with (`unauthorized`, `origin_refused`, `limit_reached`, `version_mismatch`, …).
 */
export function connect<T extends ApiTypes<T> = Api>(url: string | URL, options: ConnectOptions = {}): Promise<TabagentClient<T>> {
  return TabagentClient.open<T>(engine, url, options);
}

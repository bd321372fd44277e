// The door of the package for bundlers that load WebAssembly modules themselves; otherwise as `index.ts`.

import type { Api } from "./api.gen.js";
import { TabagentClient } from "./client.js";
import type { ApiTypes, ConnectOptions } from "./types.js";
import { begin } from "./wasm/tabagent_client_bg.js";
import * as module from "./wasm/tabagent_client_bg.wasm";

export * from "./exports.js";

begin(module);

/** Opens a session with the server at `http://host:port`; see the `connect` of `@tabagent/client`. */
export function connect<T extends ApiTypes<T> = Api>(url: string | URL, options: ConnectOptions = {}): Promise<TabagentClient<T>> {
  return TabagentClient.open<T>(url, options);
}

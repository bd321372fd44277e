// The door of the package for bundlers that load WebAssembly modules themselves; otherwise as `index.ts`.

import type { Api } from "./api.gen.js";
import { TabagentClient } from "./client.js";
import { Engine, type Instantiate } from "./engine.js";
import { instantiate } from "./module.js";
import type { ApiTypes, ConnectOptions } from "./types.js";
import { first } from "./wasm/tabagent_client_bg.js";
import * as module from "./wasm/tabagent_client_bg.wasm";

export * from "./exports.js";

/** The bundler has made one instance. After a crash the module is loaded again, from beside this file. */
let linked: ReturnType<Instantiate> | undefined = Promise.resolve({ scope: first, exports: module });

const engine = new Engine(() => {
  const once = linked ?? instantiate();
  linked = undefined;
  return once;
});

/** Opens a session with the server at `http://host:port`; see the `connect` of `@tabagent/client`. */
export function connect<T extends ApiTypes<T> = Api>(url: string | URL, options: ConnectOptions = {}): Promise<TabagentClient<T>> {
  return TabagentClient.open<T>(engine, url, options);
}

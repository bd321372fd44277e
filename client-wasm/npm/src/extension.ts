// The door of the bridge: one connection in an extension's offscreen document, and the same client in every context.

import type { Agent } from "./agent.js";
import type { Api } from "./api.gen.js";
import { type BrokerOptions, type Introduced, begin } from "./extension/broker.js";
import { onRuntimeLink } from "./extension/chrome.js";
import { BridgedClient } from "./extension/client.js";
import type { FromClient, FromHost } from "./extension/messages.js";
import { open } from "./extension/ways.js";
import type { ApiTypes } from "./types.js";

export type { Agent } from "./agent.js";
export type * from "./api.gen.js";
export { TabagentError } from "./errors.js";
export { MINIMUM_CHROME } from "./extension/requirements.js";
export { TabagentStream } from "./stream.js";
export type * from "./types.js";
export type { BridgedClient } from "./extension/client.js";
export type { BrokerOptions } from "./extension/broker.js";

/** How to connect over the bridge. */
export interface BridgeOptions {
  /** Calls the attempt off; once connected, closes the client. */
  signal?: AbortSignal | undefined;
}

/**
 * The client, in any context of the extension: service worker, popup, side panel, options page, tab page, content script. It ends with
 * its context, or by `close()`: its calls are withdrawn then. The connection stays.
 *
 * @typeParam T - what the server says of itself.
 * @throws {@link TabagentError}: `not_supported` (`details.missing` names the permission, policy or Chrome version), and what the
 * `connect()` in the offscreen document throws.
 */
export function connect<T extends ApiTypes<T> = Api>(options: BridgeOptions = {}): Promise<BridgedClient<T>> {
  return BridgedClient.open<T>(open, options.signal);
}

/** In the service worker, in its first turn: lets the offscreen document be found, and creates it when it is needed. */
export function broker(options: BrokerOptions): void {
  begin(options);
}

/**
 * In the script of the offscreen document: holds the connection. `open` makes the client, with the settings of {@link BrokerOptions}, when
 * the first context asks for it, and again when it has closed: `host(({ url, key }) => connect(url, { key }))`.
 *
 * The rest of it is loaded now: it is for this document alone.
 */
export function host<Settings = any>(open: (settings: Settings) => Promise<Agent<any>>): void {
  const hosting = import("./extension/host.js").then(({ Host }) => new Host(open));
  navigator.serviceWorker.addEventListener("message", ({ data, ports }: MessageEvent<Introduced>) => {
    if (data?.type === "tabagent introduced") void hosting.then((host) => host.introduced(data, ports[0]));
  });
  navigator.serviceWorker.startMessages();
  onRuntimeLink<FromHost, FromClient>((link) => void hosting.then((host) => host.welcome(link)));
}

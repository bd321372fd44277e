// The door of the bridge: one connection in an extension's offscreen document, and the same client in every context.

import type { Agent } from "./agent.js";
import type { Api } from "./api.gen.js";
import { type BrokerOptions, type Introduced, begin } from "./extension/broker.js";
import { onRuntimeLink } from "./extension/chrome.js";
import { BridgedClient } from "./extension/client.js";
import { Host } from "./extension/host.js";
import { portLink } from "./extension/link.js";
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
 * In the script of the offscreen document, while it is loaded: holds the connection. `open` makes the client, with the settings of
 * {@link BrokerOptions}, when the first context asks for it, and again when the last one has closed: `host(({ url, key }) => connect(url, { key }))`.
 */
export function host<Settings = any>(open: (settings: Settings) => Promise<Agent<any>>): void {
  const one = new Host(open as (settings: unknown) => Promise<Agent<any>>);
  // Before the client hears of it, which closes then.
  globalThis.addEventListener("pagehide", () => one.leave(), { capture: true });
  let told!: (settings: unknown) => void;
  // The worker tells them before it lets a content script come.
  let settings: Promise<unknown> = new Promise((resolve) => (told = resolve));
  navigator.serviceWorker.addEventListener("message", ({ data, ports }: MessageEvent<Introduced>) => {
    if (data?.type !== "tabagent introduced") return;
    told(data.settings);
    settings = Promise.resolve(data.settings);
    const [port] = ports;
    if (port && data.id) void portLink<FromHost, FromClient>(port, data.id, "host").then((link) => one.welcome(link, data.settings));
  });
  navigator.serviceWorker.startMessages();
  onRuntimeLink<FromHost, FromClient>((link) => void settings.then((settings) => one.welcome(link, settings)));
}

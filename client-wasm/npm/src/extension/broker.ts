// The service worker's side: creates the offscreen document, once, and hands it the ports of those that ask.

import { type FailureParts, TabagentError } from "../errors.js";
import { createOffscreen, fileUrl, onAskedForHost } from "./chrome.js";
import { failure } from "./messages.js";

/** How the offscreen document is made. */
export interface BrokerOptions {
  /** The HTML file of the extension whose script calls `host()`. */
  document: string;
  /**
   * What `host()` gives to its function: the server's address and key, from wherever they are kept. Asked for by every `connect()`; where they
   * are not the ones in use, the connection is replaced by one that is made with them.
   */
  settings?: (() => unknown) | undefined;
}

/** @internal Asks for a port to be handed on, in a message with that port. */
export interface Introduction {
  type: "tabagent introduce";
  id: string;
}

/** @internal Hands a port on, or none and just the settings. */
export interface Introduced {
  type: "tabagent introduced";
  id: string | undefined;
  settings: unknown;
}

/** @internal On the port: it will be handed on, or why it will not. */
export type FromBroker = { type: "tabagent passed" } | { type: "tabagent refused"; error: FailureParts };

/** The service worker's global, as far as it is used. */
interface Worker {
  clients: { matchAll(options: object): Promise<{ url: string; postMessage(message: unknown, transfer?: Transferable[]): void }[]> };
}

/** The one of this service worker. */
let current: BrokerOptions | undefined;
/** Settles when there is an offscreen document. */
let creating: Promise<void> | undefined;

/** @internal Whether this context is a service worker. */
export const inWorker = (): boolean => "clients" in globalThis && "registration" in globalThis;

/** @internal Starts it. The listeners must be there in the worker's first turn: Chrome wakes it for them. */
export function begin(options: BrokerOptions): void {
  current = options;
  globalThis.addEventListener("message", (event) => {
    const { data, ports } = event as MessageEvent<Introduction>;
    const [port] = ports;
    if (data?.type !== "tabagent introduce" || !port) return;
    (event as unknown as { waitUntil(done: Promise<unknown>): void }).waitUntil(handOn(port, data.id));
  });
  onAskedForHost(() => introduce(undefined, undefined).then(() => true, failure));
}

/** @internal Hands a port on; what comes of it is said there. */
export const handOn = (port: MessagePort, id: string): Promise<void> =>
  introduce(port, id).catch((error) => port.postMessage({ type: "tabagent refused", error: failure(error) } satisfies FromBroker));

/** Gives the offscreen document a port and the settings, creating it where it is missing. */
async function introduce(port: MessagePort | undefined, id: string | undefined): Promise<void> {
  if (!current) {
    throw new TabagentError({ code: "invalid_state", status: 409, message: "call broker() in the service worker first" });
  }
  const { document, settings } = current;
  const message: Introduced = { type: "tabagent introduced", id, settings: await settings?.() };
  port?.postMessage({ type: "tabagent passed" } satisfies FromBroker);
  creating ??= createOffscreen(document).finally(() => (creating = undefined));
  await creating;
  const { clients } = globalThis as unknown as Worker;
  const host = (await clients.matchAll({ includeUncontrolled: true, type: "all" })).find(({ url }) => url.startsWith(fileUrl(document)));
  if (!host) throw new TabagentError({ code: "not_found", status: 404, message: `the offscreen document is not "${document}"` });
  host.postMessage(message, port ? [port] : []);
}

// A socket over native messaging, in any context of an extension: the service worker holds the browser's port, and hands packets on.

import { HandledSocket } from "../handlers.js";
import type { NativeSocket } from "../transports.js";
import { type Link, portLink } from "./link.js";
import { relay } from "./native-relay.js";
import { ASK, type Ask, type Failure, type FromSocket, type FromWorker } from "./native-words.js";

/** Which host. */
export interface NativeOptions {
  /** The name it is installed under. Default: `"com.tabagent.server"`. */
  name?: string | undefined;
}

/** What `tabagent-server native-host install` installs. */
const HOST = "com.tabagent.server";
/** Milliseconds for the worker's first word: a slow machine wakes it in that. */
const ANSWER_MS = 5_000;

/**
 * The `NativeSocket` for `connect()`, in any context but a content script: `connect(url, { key, NativeSocket: nativeMessaging() })`. The service
 * worker must call `nativeRelay()`, the manifest have the permission `nativeMessaging`, and the host be installed.
 */
export function nativeMessaging({ name = HOST }: NativeOptions = {}): new () => NativeSocket {
  return class extends Socket {
    constructor() {
      super(name);
    }
  } as unknown as new () => NativeSocket;
}

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];
/** As much of a WebSocket as transports are made of. */
class Socket extends HandledSocket {
  binaryType = "arraybuffer";
  /** Nobody knows: sessions bound what is under way over native messaging. */
  readonly bufferedAmount = 0;
  readyState = CONNECTING;
  #link: Link<FromSocket, FromWorker> | undefined;
  #heard = false;

  constructor(name: string) {
    super();
    this.#open(name).catch((error) => this.#end({ code: "not_supported", message: `native messaging: ${(error as Error).message}` }));
  }

  /** @throws DOMException: the socket is not open. */
  send(bytes: Uint8Array): void {
    if (this.readyState !== OPEN) throw new DOMException("the socket is not open", "InvalidStateError");
    // The module's memory cannot be given away.
    const packet = bytes.slice().buffer as ArrayBuffer;
    this.#link?.send({ type: "packet", packet }, [packet]);
  }

  /** What was sent before still leaves. */
  close(): void {
    if (this.readyState >= CLOSING) return;
    this.readyState = CLOSING;
    // Who has not been heard may not be there.
    if (this.#heard) this.#link?.send({ type: "goodbye" });
    else this.#link?.close();
  }

  async #open(name: string): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const ask: Ask = { type: ASK, id: crypto.randomUUID(), name };
    const link = await portLink<FromSocket, FromWorker>(port1, ask.id, "client");
    if (this.readyState !== CONNECTING) {
      this.readyState = CLOSED;
      return link.close();
    }
    this.#link = link;
    const late = setTimeout(() => this.#end({ code: "transport_failed", message: "the service worker does not answer: it must call nativeRelay() while it starts" }), ANSWER_MS);
    link.listen((said) => {
      clearTimeout(late);
      this.#heard = true;
      this.#hear(said);
    });
    void link.closed.then(() => {
      clearTimeout(late);
      this.readyState = CLOSED;
      this.dispatchEvent(new Event("close"));
    });
    if ("clients" in globalThis) return relay(port2, ask);
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage(ask, [port2]);
  }

  #hear(said: FromWorker): void {
    if (said.type === "ended") return this.#end(said.failure);
    if (said.type === "packet") this.dispatchEvent(new MessageEvent("message", { data: said.packet }));
    if (said.type !== "open" || this.readyState !== CONNECTING) return;
    this.readyState = OPEN;
    this.dispatchEvent(new Event("open"));
  }

  /** Sessions take text for the reason of the end. */
  #end(failure: Failure): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(failure) }));
    this.readyState = this.#link ? CLOSING : CLOSED;
    this.#link?.close();
  }
}

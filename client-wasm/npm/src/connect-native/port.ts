// A port whose messages are calls of a session.

import type { Agent } from "../agent.js";
import type { TabagentError } from "../errors.js";
import { failure } from "../extension/messages.js";
import { guarded } from "../guarded.js";
import { hex } from "../hex.js";
import { Envelope } from "./envelope.js";

/** Listeners of one kind, as those of `events.Event`. */
export interface PortEvent<Args extends unknown[]> {
  addListener(listener: (...args: Args) => void): void;
  removeListener(listener: (...args: Args) => void): void;
  hasListener(listener: (...args: Args) => void): boolean;
  hasListeners(): boolean;
}

/** A port of native messaging, as `runtime.connectNative` gives one. */
export interface NativePort {
  /** The name it was made with. */
  readonly name: string;
  /** Why it was disconnected; undefined while it is not, and when it was from here. */
  readonly error: TabagentError | undefined;
  /** Hears every answer, item and event. */
  readonly onMessage: PortEvent<[message: any, port: NativePort]>;
  /** Hears once, when it was not disconnected from here. */
  readonly onDisconnect: PortEvent<[port: NativePort]>;
  /** Sends a request, in any of the envelopes. @throws when it was disconnected, and for what is no JSON. */
  postMessage(message: unknown): void;
  /** Withdraws what is under way; nothing is heard any more. */
  disconnect(): void;
}

/** Actions that are asked for their items by a field of their own. */
const STREAM_FIELD = new Set(["chat", "generate"]);

/** The one that `connectNative()` makes. */
export class SessionPort implements NativePort {
  readonly name: string;
  readonly onMessage = new Listeners<[message: any, port: NativePort]>();
  readonly onDisconnect = new Listeners<[port: NativePort]>();
  #error: TabagentError | undefined;
  #agent: Promise<Agent<any>>;
  /** The client is this port's, and ends with it. */
  #own: boolean;
  #over = new AbortController();
  /** Names of calls must be unique in the session, which other ports use as well. */
  #prefix = hex(crypto.getRandomValues(new Uint8Array(4)));
  #running = new Set<string>();
  #heard = new Map<string, () => void>();

  constructor(name: string, agent: Promise<Agent<any>>, own: boolean) {
    this.name = name;
    this.#agent = agent;
    this.#own = own;
    agent.then(
      (agent) => this.#watch(agent),
      (error) => this.#disconnected(error),
    );
  }

  get error(): TabagentError | undefined {
    return this.#error;
  }

  postMessage(message: unknown): void {
    if (this.#over.signal.aborted) throw new Error("Attempting to use a disconnected port object");
    const text = JSON.stringify(message);
    if (text === undefined) throw new TypeError("the message is no JSON");
    void this.#carry(new Envelope(JSON.parse(text)));
  }

  disconnect(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    for (const off of this.#heard.values()) off();
    if (this.#own) this.#agent.then((agent) => agent.close(), () => {});
  }

  #watch(agent: Agent<any>): void {
    const { signal } = this.#over;
    // It was disconnected meanwhile.
    if (signal.aborted) return;
    agent.addEventListener("statechange", () => agent.state === "closed" && this.#disconnected(agent.reason), { signal });
    if (agent.state === "closed") this.#disconnected(agent.reason);
  }

  #disconnected(error: TabagentError | undefined): void {
    if (this.#over.signal.aborted) return;
    this.#error = error;
    this.disconnect();
    this.onDisconnect.dispatch(this);
  }

  /** Makes the call of one message, and gives back whatever comes of it. */
  async #carry(envelope: Envelope): Promise<void> {
    const say = (message: object) => this.#over.signal.aborted || this.onMessage.dispatch(message, this);
    try {
      const { action, fields, requestId } = envelope.read();
      const agent = await this.#agent;
      if (action === "subscribe" || action === "unsubscribe") return void say(envelope.done(await this.#subscribe(agent, action, fields)));
      // The `request_id` of stop_generation names another call.
      const name = action !== "stop_generation" && requestId && this.#named(requestId);
      if (name) this.#running.add(name);
      try {
        const options = { signal: this.#over.signal, onEvent: (event: object) => say(envelope.event(this.#plain(event))), ...(name && { requestId: name }) };
        const stream = agent.stream({ action, ...(STREAM_FIELD.has(action) && { stream: false }), ...this.#renamed(action, fields) } as never, options);
        for await (const item of stream) say(envelope.item(this.#plain(item)));
        say(envelope.done(this.#plain(await stream.response)));
      } finally {
        if (name) this.#running.delete(name);
      }
    } catch (error) {
      say(envelope.failed(failure(error)));
    }
  }

  /** Events of the server, for this port: others of the session may want more, or fewer. */
  async #subscribe(agent: Agent<any>, action: "subscribe" | "unsubscribe", fields: Record<string, unknown>): Promise<object> {
    const names = Array.isArray(fields.events) ? fields.events.map(String) : [];
    // What the server would say of it.
    const answer = (await agent.request({ ...fields, action: "subscribe" } as never)) as object;
    for (const name of names) {
      if (action === "subscribe" && !this.#heard.has(name)) this.#heard.set(name, agent.on(name, (event) => this.onMessage.dispatch(this.#plain(event), this)));
      if (action === "unsubscribe") (this.#heard.get(name)?.(), this.#heard.delete(name));
    }
    return { ...answer, type: `${action}_response`, events: [...this.#heard.keys()].sort() };
  }

  #named(requestId: string): string {
    return `${this.#prefix}-${requestId}`;
  }

  /** What the server says, with the names that this port's calls were given. */
  #plain<V>(value: V): V & Record<string, unknown> {
    const plain = { ...value } as V & Record<string, unknown>;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value as typeof plain;
    const prefix = this.#named("");
    for (const name of ["id", "request_id"] as const) {
      const text = plain[name];
      if (typeof text === "string" && text.startsWith(prefix)) Object.assign(plain, { [name]: text.slice(prefix.length) });
    }
    return plain;
  }

  /** A call of this port that is to be stopped has another name in the session. */
  #renamed(action: string, fields: Record<string, unknown>): Record<string, unknown> {
    const { request_id, ...others } = fields;
    if (action !== "stop_generation") return others;
    const name = this.#named(String(request_id));
    return { ...others, request_id: this.#running.has(name) ? name : request_id };
  }
}

/** The listeners of one kind. */
class Listeners<Args extends unknown[]> implements PortEvent<Args> {
  #all = new Set<(...args: Args) => void>();

  addListener(listener: (...args: Args) => void): void {
    this.#all.add(listener);
  }

  removeListener(listener: (...args: Args) => void): void {
    this.#all.delete(listener);
  }

  hasListener(listener: (...args: Args) => void): boolean {
    return this.#all.has(listener);
  }

  hasListeners(): boolean {
    return this.#all.size > 0;
  }

  /** @internal */
  dispatch(...args: Args): void {
    for (const listener of [...this.#all]) guarded(() => listener(...args));
  }
}

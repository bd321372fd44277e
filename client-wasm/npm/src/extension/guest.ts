// One link in the offscreen document: what its other end asked for, and what ends with it.

import type { Agent } from "../agent.js";
import type { TabagentStream } from "../stream.js";
import type { TransportChange } from "../types.js";
import { Asking } from "./asking.js";
import type { Link } from "./link.js";
import { type Call, type FromClient, type FromHost, ITEMS_WINDOW, ITEM_LEAST, type State, UNKNOWN, buffersOf, failure } from "./messages.js";

/** A call under way. */
interface Running {
  /** It happens once, and a repeat may ask for what came of it. */
  keyed: boolean;
  withdrawn: AbortController;
  /** Bytes of items that may be sent before any is taken. */
  credit: number;
  /** Called when there is credit again. */
  resume: (() => void) | undefined;
}

/** What one context of the extension has under way. */
export class Guest {
  #link: Link<FromHost, FromClient>;
  #agent: Promise<Agent<any>>;
  #calls = new Map<number, Running>();
  #heard = new Map<string, () => void>();
  #asking: Asking;
  /** The other end is gone. */
  #left = false;

  constructor(link: Link<FromHost, FromClient>, agent: Promise<Agent<any>>) {
    this.#link = link;
    this.#agent = agent;
    this.#asking = new Asking(link.send);
    link.listen((message) => void this.#hear(message));
    // The first word, before there is a connection: this end is there.
    this.state(UNKNOWN);
    agent.then(
      (agent) => this.state(stateOf(agent)),
      (error) => this.state({ ...UNKNOWN, state: "closed", reason: failure(error) }),
    );
  }

  state(state: State): void {
    this.#link.send(state);
  }

  /** The other end is gone, and nobody waits for its calls. Those with a key go on, read to their end for nobody: they are for who repeats them. */
  leave(): void {
    this.#left = true;
    for (const running of this.#calls.values()) {
      running.credit = Infinity;
      if (running.keyed) running.resume?.();
      else running.withdrawn.abort();
    }
    for (const remove of this.#heard.values()) remove();
    this.#asking.leave();
  }

  async #hear(message: FromClient): Promise<void> {
    switch (message.type) {
      case "call":
        return this.#call(message);
      case "cancel":
        return this.#calls.get(message.id)?.withdrawn.abort();
      case "taken":
        return this.#taken(message.id, message.cost);
      case "answer":
        return this.#asking.answered(message);
    }
    const agent = await this.#agent.catch(() => undefined);
    if (!agent || this.#left) return;
    switch (message.type) {
      case "subscribe":
        return void this.#heard.set(message.name, agent.on(message.name, (event) => this.#link.send({ type: "event", event })));
      case "unsubscribe":
        return this.#unhear(message.name);
      case "serve":
        return this.#asking.serve(agent, message.names);
      case "unserve":
        return this.#asking.unserve(message.names);
    }
  }

  async #call({ id, kind, request, options, progress }: Call): Promise<void> {
    const running: Running = { keyed: !!options.idempotencyKey, withdrawn: new AbortController(), credit: ITEMS_WINDOW, resume: undefined };
    this.#calls.set(id, running);
    const { signal } = running.withdrawn;
    // One that waits for its reader is withdrawn as well.
    signal.addEventListener("abort", () => running.resume?.());
    const call = {
      ...options,
      signal,
      onEvent: (event: { type: "event"; event: string }) => this.#link.send({ type: "news", id, event }),
      ...(progress && { onProgress: (progress: { sent: number; total: number | undefined }) => this.#link.send({ type: "progress", id, progress }) }),
    };
    try {
      const agent = await this.#agent;
      if (kind === "stats") return this.#link.send({ type: "done", id, value: await agent.stats() });
      const value = kind === "request" ? await agent.request(request as never, call) : await this.#follow(id, running, agent.stream(request as never, call));
      this.#link.send({ type: "done", id, value }, buffersOf(value));
    } catch (error) {
      this.#link.send({ type: "failed", id, error: failure(error) });
    } finally {
      this.#calls.delete(id);
    }
  }

  /** Hands items on, no faster than they are taken: the server waits for its reader, wherever that is. */
  async #follow(id: number, running: Running, stream: TabagentStream<unknown, unknown>): Promise<unknown> {
    for await (const value of stream) {
      const cost = costOf(value);
      this.#link.send({ type: "item", id, value, cost }, buffersOf(value));
      running.credit -= cost;
      if (running.credit <= 0) await new Promise<void>((resume) => (running.resume = resume));
    }
    return stream.response;
  }

  #unhear(name: string): void {
    this.#heard.get(name)?.();
    this.#heard.delete(name);
  }

  #taken(id: number, cost: number): void {
    const running = this.#calls.get(id);
    if (!running) return;
    running.credit += cost;
    if (running.credit > 0) running.resume?.();
  }
}

/** Where a client stands, as it is told. */
export const stateOf = ({ state, transport, connectionId, boot, reason }: Agent<any>, change?: TransportChange): State => ({
  type: "state",
  state,
  transport,
  connectionId,
  boot,
  reason: reason && failure(reason),
  change,
});

/** Bytes of an item, or nearly. */
function costOf(value: unknown): number {
  const { payload, ...rest } = (value ?? {}) as { payload?: Uint8Array };
  return Math.max(ITEM_LEAST, JSON.stringify(rest).length + (payload?.length ?? 0));
}

// Who hears which event: the server is told of the first handler of a name, and of the last.

import { guarded } from "./guarded.js";

/** Tells the server. */
type Tell = (action: "subscribe" | "unsubscribe", event: string) => void;

/** The handlers of one client. */
export class Subscriptions {
  /** By the name of the event. */
  #handlers = new Map<string, Set<(event: never) => void>>();
  #tell: Tell;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** Adds a handler; the result takes it away. */
  add(event: string, handler: (event: never) => void): () => void {
    const handlers = this.#handlers.get(event) ?? new Set();
    if (handlers.size === 0) this.#tell("subscribe", event);
    this.#handlers.set(event, handlers.add(handler));
    return () => {
      if (handlers.delete(handler) && handlers.size === 0) this.#tell("unsubscribe", event);
    };
  }

  /** The server knows of none. */
  renew(): void {
    for (const [event, { size }] of this.#handlers) if (size > 0) this.#tell("subscribe", event);
  }

  /** Hands an event to its handlers. */
  dispatch(event: unknown): void {
    const name = (event as { event?: string } | undefined)?.event;
    for (const handler of this.#handlers.get(name ?? "") ?? []) guarded(() => handler(event as never));
  }
}

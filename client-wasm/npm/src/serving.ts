// Calls from the server: which functions answer them, and which are being answered.

import { TabagentError } from "./errors.js";
import type { ServeFunction } from "./types.js";

/** How an answer leaves. */
export interface Answering {
  respond(call: number, json: string): void;
  refuse(call: number, code: string, message: string, details: string): void;
}

/** The functions that a page serves. */
export class Serving {
  #functions = new Map<string, ServeFunction>();
  #running = new Map<number, AbortController>();

  /** Adds functions; one of the same name replaces the older. The result takes these away again. */
  add(functions: Readonly<Record<string, ServeFunction>>): () => void {
    for (const [name, each] of Object.entries(functions)) this.#functions.set(name, each);
    return () => {
      for (const [name, each] of Object.entries(functions)) {
        if (this.#functions.get(name) === each) this.#functions.delete(name);
      }
    };
  }

  /** Answers a call, as soon as its function does. */
  async answer(session: Answering, call: number, action: string, requestId: string | undefined, fields: unknown): Promise<void> {
    const controller = new AbortController();
    this.#running.set(call, controller);
    try {
      const serve = this.#functions.get(action);
      if (!serve) throw new TabagentError({ code: "unknown_action", status: 404, message: `this client does not serve "${action}"` });
      const answer = await serve(fields, { signal: controller.signal, requestId });
      session.respond(call, JSON.stringify(answer ?? null));
    } catch (error) {
      const { code, message, details } = (error ?? {}) as { code?: unknown; message?: unknown; details?: unknown };
      session.refuse(call, typeof code === "string" ? code : "internal", String(message ?? error), JSON.stringify(details) ?? "");
    } finally {
      this.#running.delete(call);
    }
  }

  /** The server no longer wants an answer. */
  cancel(call: number): void {
    this.#running.get(call)?.abort();
  }

  /** Nobody wants any answer. */
  cancelAll(): void {
    for (const controller of this.#running.values()) controller.abort();
  }
}

// Calls from the server: which functions answer them, and which are being answered.

import type { ServeContext, ServeFunction } from "./types.js";
import type { Answer } from "./wasm/tabagent_client.js";

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

  /** The answer to a call, once its function has it. Never rejects. */
  async answer(call: number, action: string, requestId: string, fields: unknown): Promise<Answer> {
    const controller = new AbortController();
    this.#running.set(call, controller);
    try {
      return await this.#ask(action, fields, { signal: controller.signal, requestId });
    } finally {
      // Another session may have begun meanwhile, and its calls have the same numbers.
      if (this.#running.get(call) === controller) this.#running.delete(call);
    }
  }

  /** The server no longer wants an answer. */
  cancel(call: number): void {
    this.#running.get(call)?.abort();
  }

  async #ask(action: string, fields: unknown, context: ServeContext): Promise<Answer> {
    const serve = this.#functions.get(action);
    if (!serve) return { code: "unknown_action", message: `this client does not serve "${action}"` };
    try {
      return { value: JSON.stringify((await serve(fields, context)) ?? null) };
    } catch (error) {
      try {
        const { code, message = error, details } = (error ?? {}) as { code?: unknown; message?: unknown; details?: unknown };
        return { code: typeof code === "string" ? code : "internal", message: String(message), details: JSON.stringify(details) };
      } catch {
        return { code: "internal", message: "what was thrown cannot be told" }; // it is no JSON, or no text
      }
    }
  }

  /** Nobody wants any answer. */
  cancelAll(): void {
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }
}

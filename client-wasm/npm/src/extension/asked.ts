// Calls of the server that a context other than the offscreen document answers.

import type { FailureParts } from "../errors.js";
import type { ServeFunction } from "../types.js";
import { type FromClient, type FromHost, failure } from "./messages.js";

/** The functions of one bridged client. */
export class Asked {
  #functions = new Map<string, ServeFunction>();
  #running = new Map<number, AbortController>();
  #send: (message: FromClient) => void;

  constructor(send: (message: FromClient) => void) {
    this.#send = send;
  }

  /** Adds functions; one of the same name replaces the older. The result takes these away again. */
  serve(functions: Readonly<Record<string, ServeFunction>>): () => void {
    const all = Object.entries(functions);
    for (const [name, each] of all) this.#functions.set(name, each);
    this.#tell("serve", Object.keys(functions));
    return () => {
      const gone = all.filter(([name, each]) => this.#functions.get(name) === each && this.#functions.delete(name));
      this.#tell("unserve", gone.map(([name]) => name));
    };
  }

  /** The offscreen document is another. */
  renew(): void {
    this.#tell("serve", [...this.#functions.keys()]);
  }

  /** Nobody waits for answers. */
  lost(): void {
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }

  async hear(message: FromHost & { type: "ask" | "unask" }): Promise<void> {
    const { id } = message;
    if (message.type === "unask") return this.#running.get(id)?.abort();
    const controller = new AbortController();
    this.#running.set(id, controller);
    let value: unknown;
    let error: FailureParts | undefined;
    try {
      const serve = this.#functions.get(message.action);
      if (!serve) throw { code: "unknown_action", message: `this context does not serve "${message.action}"` };
      const answer = await serve(message.fields, { signal: controller.signal, requestId: message.requestId });
      value = JSON.parse(JSON.stringify(answer ?? null));
    } catch (thrown) {
      error = failure(thrown);
    }
    // Another document may ask by now, under the same numbers.
    if (this.#running.get(id) !== controller) return;
    this.#running.delete(id);
    try {
      this.#send({ type: "answer", id, value, error });
    } catch (unsent) {
      // Something in the error's details cannot travel, or it is too much.
      this.#send({ type: "answer", id, error: failure(unsent) });
    }
  }

  #tell(type: "serve" | "unserve", names: string[]): void {
    if (names.length > 0) this.#send({ type, names });
  }
}

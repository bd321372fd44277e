// Calls of the server that a context other than the offscreen document answers.

import { Serving } from "../serving.js";
import type { ServeFunction } from "../types.js";
import type { FromClient, FromHost } from "./messages.js";

/** The functions of one bridged client. */
export class Asked {
  #serving = new Serving();
  /** How many functions were given for each name and not taken away. */
  #names = new Map<string, number>();
  #send: (message: FromClient) => void;

  constructor(send: (message: FromClient) => void) {
    this.#send = send;
  }

  /** Adds functions; the result takes them away. */
  serve(functions: Readonly<Record<string, ServeFunction>>): () => void {
    const names = Object.keys(functions);
    let remove: (() => void) | undefined = this.#serving.add(functions);
    for (const name of names) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    this.#send({ type: "serve", names });
    return () => {
      remove?.();
      if (remove) this.#forget(names);
      remove = undefined;
    };
  }

  /** The offscreen document is another. */
  renew(): void {
    if (this.#names.size > 0) this.#send({ type: "serve", names: [...this.#names.keys()] });
  }

  /** Nobody waits for answers. */
  lost(): void {
    this.#serving.cancelAll();
  }

  hear(message: FromHost & { type: "ask" | "unask" }): void {
    if (message.type === "unask") return this.#serving.cancel(message.id);
    const { id, action, requestId, fields } = message;
    void this.#serving.answer(id, action, requestId, fields).then(({ value, code, message, details }) => {
      const error = code === undefined ? undefined : { code, message: message ?? "", status: 500, details: details && JSON.parse(details) };
      this.#send({ type: "answer", id, value: value && JSON.parse(value), error });
    });
  }

  #forget(names: string[]): void {
    const gone = names.filter((name) => {
      const left = (this.#names.get(name) ?? 1) - 1;
      if (left > 0) this.#names.set(name, left);
      else this.#names.delete(name);
      return left === 0;
    });
    this.#send({ type: "unserve", names: gone });
  }
}

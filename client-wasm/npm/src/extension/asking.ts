// Calls of the server on their way to the context that answers them. The context that offered an action last is asked.

import type { Agent } from "../agent.js";
import { TabagentError } from "../errors.js";
import type { ServeContext, ServeFunction } from "../types.js";
import type { Link } from "./link.js";
import { type FromClient, type FromHost, buffersOf } from "./messages.js";

/** Who offers an action, the latest last. */
const offers = new WeakMap<Agent<any>, Map<string, ServeFunction[]>>();

/** What one link offers, and what it is being asked. */
export class Asking {
  #send: Link<FromHost, FromClient>["send"];
  #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #offered = new Map<string, () => void>();
  #asked = 0;

  constructor(send: Link<FromHost, FromClient>["send"]) {
    this.#send = send;
  }

  serve(agent: Agent<any>, names: string[]): void {
    this.unserve(names);
    for (const name of names) this.#offered.set(name, offer(agent, name, (fields, context) => this.#ask(name, fields, context)));
  }

  unserve(names: string[]): void {
    for (const name of names) {
      this.#offered.get(name)?.();
      this.#offered.delete(name);
    }
  }

  answered({ id, value, error }: FromClient & { type: "answer" }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new TabagentError(error));
    else waiting?.resolve(value);
  }

  /** The link is gone: what it was asked may have been done. */
  leave(): void {
    this.unserve([...this.#offered.keys()]);
    const message = "the context that was to answer went away";
    for (const { reject } of this.#waiting.values()) reject(new TabagentError({ code: "outcome_unknown", status: 500, message }));
    this.#waiting.clear();
  }

  #ask(action: string, fields: unknown, { signal, requestId }: ServeContext): Promise<unknown> {
    const id = ++this.#asked;
    // The answer is still waited for: whoever called does so too, and would wait for ever.
    signal.addEventListener("abort", () => this.#waiting.has(id) && this.#send({ type: "unask", id }));
    this.#send({ type: "ask", id, action, requestId, fields }, buffersOf(fields));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}

/** Offers an action; the result takes the offer back, and the one before counts again. */
function offer(agent: Agent<any>, name: string, answer: ServeFunction): () => void {
  const table = offers.get(agent) ?? new Map<string, ServeFunction[]>();
  offers.set(agent, table);
  const list = table.get(name) ?? [];
  table.set(name, list);
  list.push(answer);
  let stop = agent.serve({ [name]: answer });
  return () => {
    stop();
    list.splice(list.indexOf(answer), 1);
    const latest = list.at(-1);
    if (latest) stop = agent.serve({ [name]: latest });
  };
}

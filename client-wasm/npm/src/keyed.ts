// Calls that are to happen once: which server process had them first.

import { TabagentError } from "./errors.js";
import { unhex } from "./hex.js";

/** Calls that are remembered; beyond it the oldest are forgotten. More than anybody has open questions about. */
const REMEMBERED = 1024;

/** The keys of calls of which it is not known whether they were carried out, and the server process that had them. */
export class Keyed {
  #lost = new Map<string, string>();

  /** The process that a repeat must meet; none when any will do. */
  boot(action: string, key: string): string | undefined {
    return this.#lost.get(name(action, key));
  }

  /** The answer of the call was lost, and with it what became of the call. The first process that had it is the one that counts. */
  lose(action: string, key: string, boot: string): void {
    const call = name(action, key);
    if (!this.#lost.has(call)) this.#lost.set(call, boot);
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > REMEMBERED && oldest) this.#lost.delete(oldest);
  }
}

const name = (action: string, key: string): string => JSON.stringify([action, key]);

/** The name of a server process as it travels. */
export function bootBytes(boot: string): Uint8Array {
  if (/^[0-9a-f]{32}$/.test(boot)) return unhex(boot);
  throw new TabagentError({ code: "bad_request", status: 400, message: "boot: it is not what `client.boot` was when the key was first used" });
}

// Calls that are made between two instances of the module: they wait for the session in the next.

import type { Placed } from "./placed.js";

/** Calls that wait: as many as a session has in flight at once by default. */
const MOST = 256;

/** Those of one client, in their order. */
export class Unplaced {
  #waiting: (() => void)[] = [];

  /** Whether another may wait. */
  get hasRoom(): boolean {
    return this.#waiting.length < MOST;
  }

  /** `make` makes the call when there is a session again; its signal is the caller's, or aborted by `cancel`. */
  wait(signal: AbortSignal | undefined, make: (signal: AbortSignal) => Placed | undefined): Placed {
    const withdrawn = new AbortController();
    let placed: Placed | undefined;
    this.#waiting.push(() => {
      placed = make(signal ? AbortSignal.any([signal, withdrawn.signal]) : withdrawn.signal);
    });
    return { consumed: (cost) => placed?.consumed(cost), cancel: () => (placed ? placed.cancel() : withdrawn.abort()) };
  }

  /** There is a session, or there will be none. */
  place(): void {
    for (const make of this.#waiting.splice(0)) make();
  }
}

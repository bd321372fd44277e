// Names of calls, unique among the clients of one key.

import { hex } from "./hex.js";
import type { RequestOptions } from "./types.js";

/** Those of one client. */
export class Names {
  #own = hex(crypto.getRandomValues(new Uint8Array(4)));
  #made = 0;

  /** The name of a call: the caller's, wherever it is written, or one of ours. */
  of({ requestId }: RequestOptions, request: { action: string; request_id?: unknown }): string {
    // The `request_id` of stop_generation names another call.
    const field = request.action === "stop_generation" ? undefined : request.request_id;
    return requestId ?? (typeof field === "string" ? field : `${this.#own}-${++this.#made}`);
  }
}

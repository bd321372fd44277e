// A raw body on its way up: read from wherever it comes, in pieces, no faster than the server takes them.

import { bytesOf, sizeOf, streamOf } from "./bodies.js";
import { guarded } from "./guarded.js";
import type { RawBody, BodyProgress } from "./types.js";

/** Bytes of a piece at most: several fit into a call's window, so that the source works while the network does. */
const PIECE = 64 * 1024;

/** How a body reaches its call. */
interface Call {
  /** Sends a piece; false: {@link Upload.writable} will say when to go on. */
  item(piece: Uint8Array): boolean;
  /** Everything was sent. */
  end(): void;
  /** The source has failed. */
  failed(error: unknown): void;
}

/** One body. Of what it is read from there is no more in memory than one chunk and what the call's window holds. */
export class Upload {
  #reader: ReadableStreamDefaultReader<unknown>;
  #total: number | undefined;
  #onProgress: ((progress: BodyProgress) => void) | undefined;
  #open = false;
  #over = false;
  /** Lets the next piece go. */
  #go: (() => void) | undefined;

  constructor(body: RawBody, onProgress: ((progress: BodyProgress) => void) | undefined) {
    this.#total = sizeOf(body);
    this.#reader = streamOf(body).getReader();
    this.#onProgress = onProgress;
  }

  /** Begins to read, and to send as soon as the server takes something. */
  start(call: Call): void {
    this.#send(call).catch((error) => this.#over || call.failed(error));
  }

  /** The server takes more. */
  writable(): void {
    this.#open = true;
    this.#go?.();
  }

  /** The call is settled: what is left of the source is not wanted. */
  stop(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#go?.();
    // How the source takes it is its own affair.
    this.#reader.cancel(reason).catch(() => {});
  }

  async #send(call: Call): Promise<void> {
    for (let sent = 0; ; ) {
      const { done, value } = await this.#reader.read();
      if (this.#over) return;
      if (done) break;
      const chunk = bytesOf(value);
      for (let at = 0; at < chunk.length; at += PIECE) {
        if (!this.#open) await new Promise<void>((go) => (this.#go = go));
        if (this.#over) return;
        const piece = chunk.subarray(at, at + PIECE);
        this.#open = call.item(piece);
        sent += piece.length;
        guarded(() => this.#onProgress?.({ sent, total: this.#total }));
      }
    }
    this.#over = true;
    call.end();
  }
}

// A streamed answer: items as they come, the whole answer at the end, and a producer that waits for its reader.

import { blobOf, bytesOf } from "./download.js";
import type { TabagentError } from "./errors.js";
import type { BlobOptions, BytesOptions } from "./types.js";

/** How a stream reaches its call. */
interface Call {
  /** An item of this cost has been taken: the producer may go on. */
  consumed(cost: number): void;
  /** The rest is not wanted. */
  cancel(): void;
}

/** Someone who called `next` before there was an item. */
interface Reader<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

/**
 * The answer of `client.stream()`: `for await` gives its items, {@link TabagentStream.response} the whole answer.
 *
 * Reading is what lets the server go on: items that nobody takes stop it after 256 KiB. Leaving the loop early, or
 * {@link TabagentStream.cancel}, stops it at once. A failed call throws its {@link TabagentError} from the loop, after
 * the items that arrived, and rejects `response` as well.
 */
export class TabagentStream<Item, Response> implements AsyncIterableIterator<Item, undefined> {
  /** The whole answer, once the stream is complete. */
  readonly response: Promise<Response>;
  /** The call's name, as `stop_generation` takes it. */
  readonly requestId: string;

  #call: Call;
  #items: { value: Item; cost: number }[] = [];
  #readers: Reader<Item>[] = [];
  #over = false;
  /** The reader went away by itself: nobody wants to hear of a failure in the loop. */
  #left = false;
  #error: TabagentError | undefined;

  /** @internal */
  constructor(requestId: string, call: Call, response: Promise<Response>) {
    this.requestId = requestId;
    this.response = response;
    this.#call = call;
    // Who only reads the items learns of a failure there; it must not count as unhandled here.
    response.then(
      () => this.#end(),
      (error) => this.#end(error),
    );
  }

  /** Withdraws the call: the server stops, the loop and `response` fail with `cancelled`. Does nothing when it is over. */
  cancel(): void {
    if (this.#over) return;
    this.#items = [];
    this.#call.cancel();
  }

  /**
   * The raw bytes of the items, for streams that carry them, such as `read_file`: to iterate over, to pipe, to make a `Response` of.
   * Read either the items or their bytes. Cancelling it withdraws the call.
   */
  bytes(options: BytesOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    return bytesOf(this, options);
  }

  /** The same as a blob, which the browser may keep on the disk. Rejects as the loop over the items would. */
  blob(options: BlobOptions = {}): Promise<Blob> {
    return blobOf(this.bytes(options), options);
  }

  /** The next item; `done` when the answer is complete. */
  next(): Promise<IteratorResult<Item, undefined>> {
    const item = this.#items.shift();
    if (item) {
      this.#call.consumed(item.cost);
      return Promise.resolve({ done: false, value: item.value });
    }
    if (!this.#over) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const error = this.#error;
    this.#error = undefined;
    return error ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the reading: what `break` does in a loop. */
  return(): Promise<IteratorResult<Item, undefined>> {
    this.cancel();
    this.#items = [];
    this.#left = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal An item arrived. */
  push(value: Item, cost: number): void {
    const reader = this.#readers.shift();
    if (!reader) {
      this.#items.push({ value, cost });
      return;
    }
    this.#call.consumed(cost);
    reader.resolve({ done: false, value });
  }

  #end(error?: TabagentError): void {
    this.#over = true;
    const [first, ...rest] = this.#readers.splice(0);
    if (!first) this.#error = this.#left ? undefined : error;
    else if (error) first.reject(error);
    else first.resolve({ done: true, value: undefined });
    for (const reader of rest) reader.resolve({ done: true, value: undefined });
  }
}

// A body that a client sends beside its call, in pieces: taken no faster than it is read.

/** One piece, and what it costs of the call's window. */
interface Piece {
  bytes: Uint8Array;
  cost: number;
}

/** The pieces of one call. */
export class Incoming implements AsyncIterableIterator<Uint8Array, undefined> {
  #pieces: Piece[] = [];
  #over: boolean;
  #error: unknown;
  /** Who waits for the next. */
  #go: (() => void) | undefined;
  #consumed: (cost: number) => void;

  constructor(streams: boolean, consumed: (cost: number) => void) {
    this.#over = !streams;
    this.#consumed = consumed;
  }

  push(bytes: Uint8Array, cost: number): void {
    this.#pieces.push({ bytes, cost });
    this.#go?.();
  }

  /** There are no more; with an error, not all have come. */
  end(error?: unknown): void {
    if (this.#over) return;
    [this.#over, this.#error] = [true, error];
    this.#go?.();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#pieces.length === 0 && !this.#over) await new Promise<void>((go) => (this.#go = go));
    const piece = this.#pieces.shift();
    if (piece) {
      this.#consumed(piece.cost);
      return { done: false, value: piece.bytes };
    }
    if (this.#error) throw this.#error;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

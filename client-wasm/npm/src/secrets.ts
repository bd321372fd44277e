// The names of a client's sessions. Whoever knows one owns its session: they stay in memory, and outside the module's.

/** Bytes of each. */
const BYTES = 32;
/** Sessions that may still stand: as many as crash within their window and more. Those before them end with it. */
const REMEMBERED = 16;

/** Those of one client. */
export class Secrets {
  /** The last is the session's; before it, sessions that crashed and may still stand at the server. */
  #made: Uint8Array[] = [];

  /** One for the next session. */
  next(): Uint8Array {
    const secret = crypto.getRandomValues(new Uint8Array(BYTES));
    if (this.#made.push(secret) > REMEMBERED) this.#made.shift();
    return secret;
  }

  /** All that may still stand, one behind the other. */
  past(): Uint8Array {
    const joined = new Uint8Array(BYTES * this.#made.length);
    this.#made.forEach((secret, at) => joined.set(secret, BYTES * at));
    return joined;
  }

  /** The last session is welcomed: the server has ended those before. */
  welcomed(): void {
    this.#made.splice(0, this.#made.length - 1);
  }
}

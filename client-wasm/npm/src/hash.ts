// The hash of what moves, made while it moves: the SHA-256 of the SHA-256s of its pieces of 256 KiB, in hexadecimal.

import { TabagentError } from "./errors.js";
import { hex } from "./hex.js";

/** Bytes of a piece that has a hash of its own. */
const PIECE = 256 * 1024;
/** Bytes of a hash. */
const HASH = 32;

/**
 * A hash that takes bytes as they come, the same that servers name their files by. Browsers hash natively what they have whole, but not
 * what comes in parts: so the parts are hashed, and then their hashes. Keeps a piece, and an eight-thousandth of what it was given.
 */
export class TreeHash {
  #digest: (bytes: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;
  #hashes = new Uint8Array(64 * HASH);
  /** Pieces whose hash is known. */
  #count = 0;
  #piece = new Uint8Array(PIECE);
  /** Bytes in the piece. */
  #filled = 0;

  /** @throws {@link TabagentError} `not_supported` where the browser hashes nothing: in pages that are not secure contexts. */
  constructor() {
    const { crypto } = globalThis;
    if (!crypto?.subtle) {
      const message = "hashing needs crypto.subtle, which browsers give to secure contexts only: https:, localhost, 127.0.0.1, extensions";
      throw new TabagentError({ code: "not_supported", status: 501, message });
    }
    this.#digest = (bytes) => crypto.subtle.digest("SHA-256", bytes);
  }

  /** Takes more bytes, in whatever portions they come. Wait for it before the next. */
  async update(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const some = bytes.subarray(at, at + PIECE - this.#filled);
      this.#piece.set(some, this.#filled);
      this.#filled += some.length;
      at += some.length;
      if (this.#filled === PIECE) await this.#close();
    }
  }

  /** The hash of all that was taken. */
  async finish(): Promise<string> {
    if (this.#filled > 0) await this.#close();
    const hash = await this.#digest(this.#hashes.subarray(0, this.#count * HASH));
    return hex(new Uint8Array(hash));
  }

  async #close(): Promise<void> {
    const hash = await this.#digest(this.#piece.subarray(0, this.#filled));
    if ((this.#count + 1) * HASH > this.#hashes.length) {
      const grown = new Uint8Array(2 * this.#hashes.length);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes.set(new Uint8Array(hash), this.#count * HASH);
    this.#count += 1;
    this.#filled = 0;
  }
}

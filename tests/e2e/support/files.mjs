// Files on the server's side of a test: made from a seed, hashed, compared.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, statSync, writeSync } from "node:fs";

export const MiB = 2 ** 20;

/** A file whose bytes are those of the seed, made piece by piece. */
export function makeFile(path, bytes, seed) {
  const file = openSync(path, "w");
  let block = createHash("sha512").update(String(seed)).digest();
  for (let at = 0; at < bytes; ) {
    // No two pages of it are alike: whatever is out of its place changes the hash.
    const piece = Buffer.alloc(Math.min(MiB, bytes - at));
    for (let offset = 0; offset < piece.length; offset += block.length) {
      if (offset % 4096 === 0) block = createHash("sha512").update(block).digest();
      block.copy(piece, offset);
    }
    at += writeSync(file, piece);
  }
  closeSync(file);
}

/** The hash that both ends name a file by, made a third time and in another way. */
export async function treeHash(path) {
  const pieces = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) pieces.update(createHash("sha256").update(piece).digest());
  return pieces.digest("hex");
}

/** Fails unless both files have the same bytes. */
export async function sameFile(one, other) {
  const whole = async (path) => {
    const hash = createHash("sha256");
    for await (const piece of createReadStream(path, { highWaterMark: MiB })) hash.update(piece);
    return hash.digest("hex");
  };
  assert.equal(statSync(other).size, statSync(one).size);
  assert.equal(await whole(other), await whole(one));
}

// Bytes as base64 and back: by the engine's own functions, where it has them.

/** What newer engines have. */
interface Own {
  toBase64?(): string;
}
const own = Uint8Array as unknown as { fromBase64?(text: string): Uint8Array<ArrayBuffer> };

/** Bytes that are made text of at once: more would be too many arguments. */
const PIECE = 16 * 1024;

export function base64(value: ArrayBuffer | ArrayBufferView): string {
  const bytes = ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
  const made = (bytes as Own).toBase64?.();
  if (made !== undefined) return made;
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(text);
}

/** @throws for what is no base64. */
export const bytesOf = (text: string): ArrayBuffer => (own.fromBase64?.(text) ?? Uint8Array.from(atob(text), (char) => char.charCodeAt(0))).buffer;

// Bytes as base64 and back: by the engine's own functions, where it has them.

/** What newer engines have. */
interface Own {
  toBase64?(): string;
}
const own = Uint8Array as unknown as { fromBase64?(text: string): Uint8Array<ArrayBuffer> };

/** Bytes of one packet at most: longer ones would be too many arguments. */
export function base64(packet: ArrayBuffer): string {
  const bytes = new Uint8Array(packet);
  return (bytes as Own).toBase64?.() ?? btoa(String.fromCharCode(...bytes));
}

/** @throws for what is no base64. */
export const bytesOf = (text: string): ArrayBuffer => (own.fromBase64?.(text) ?? Uint8Array.from(atob(text), (char) => char.charCodeAt(0))).buffer;

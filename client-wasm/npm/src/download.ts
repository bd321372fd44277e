// The raw bytes of a stream's items, in the forms in which the web takes them.

import { guarded } from "./guarded.js";
import type { BlobOptions, BytesOptions } from "./types.js";

/** Bytes of the parts that a blob is made of: what is in a part is the browser's to keep, on the disk if it likes. */
const PART = 4 * 1024 * 1024;

/** The payloads of these items. Reading is what lets their producer go on; cancelling withdraws the call. */
export function bytesOf(items: AsyncIterator<unknown>, { onProgress }: BytesOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
  let received = 0;
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
    for (;;) {
      const { done, value } = await items.next();
      if (done) return controller.close();
      const { payload, total } = (value ?? {}) as { payload?: Uint8Array<ArrayBuffer>; total?: unknown };
      if (!payload?.length) continue;
      received += payload.length;
      guarded(() => onProgress?.({ received, total: typeof total === "number" ? total : undefined }));
      return controller.enqueue(payload);
    }
  };
  return new ReadableStream({ pull, cancel: async () => void (await items.return?.()) }, { highWaterMark: 0 });
}

/** All bytes of a stream. */
export async function blobOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>, { type = "" }: BlobOptions): Promise<Blob> {
  const blobs: Blob[] = [];
  let part: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (value) part.push(value);
    size += value?.length ?? 0;
    if (!done && size < PART) continue;
    blobs.push(new Blob(part));
    [part, size] = [[], 0];
    if (done) return new Blob(blobs, { type });
  }
}

// Bodies, whatever form they come in, as streams of bytes that are read only as far as they are wanted.

import type { RawBody } from "./types.js";

/** Bytes of a body, where it knows. */
export const sizeOf = (body: RawBody): number | undefined => ("size" in body ? body.size : "byteLength" in body ? body.byteLength : undefined);

/** A body as a stream. What it gives goes through {@link bytesOf}: streams and iterables are their makers' affair. */
export function streamOf(body: RawBody): ReadableStream<unknown> {
  if ("stream" in body) return body.stream();
  if ("getReader" in body) return body;
  const source = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : [body].values();
  const pull = async (controller: ReadableStreamDefaultController<unknown>) => {
    const { done, value } = await source.next();
    if (done) controller.close();
    else controller.enqueue(value);
  };
  return new ReadableStream({ pull, cancel: async () => void (await source.return?.()) }, { highWaterMark: 0 });
}

/** A chunk of a stream as bytes. */
export function bytesOf(chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError(`a body is made of bytes, not of ${typeof chunk}`);
}

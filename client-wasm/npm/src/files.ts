// Files of a server that serves a folder: read and written whole, and compared by their hashes at both ends.

import type { Agent } from "./agent.js";
import type { ReadFile, WriteFile, WriteFileResponse } from "./api.gen.js";
import { bytesOf, sizeOf, streamOf } from "./bodies.js";
import { blobOf } from "./download.js";
import { TabagentError } from "./errors.js";
import { TreeHash } from "./hash.js";
import type { BlobOptions, BodyProgress, BytesOptions, RawBody, RequestOptions } from "./types.js";

export { TreeHash } from "./hash.js";

/** What reading and writing have in common. */
interface FileOptions extends Pick<RequestOptions, "signal" | "timeoutMs"> {
  /**
   * Whether the bytes are hashed here and compared with what the server says. Default: true, which needs a secure context: `not_supported`
   * elsewhere.
   */
  verify?: boolean | undefined;
}

/** How to read a file. */
export interface ReadFileOptions extends FileOptions, BytesOptions {
  /** First byte. Default: 0. */
  offset?: number | undefined;
  /** Bytes at most. Default: all. */
  length?: number | undefined;
}

/** How to write one. */
export interface WriteFileOptions extends FileOptions {
  /** Whether a file of this name may be replaced. Default: false, and one that is there is `invalid_state`. */
  replace?: boolean | undefined;
  /** The hash that the bytes must have, where you know it: with any other nothing is written. */
  hash?: string | undefined;
  /** Hears how much has been sent, after each piece. */
  onProgress?: ((progress: BodyProgress) => void) | undefined;
}

/**
 * Reads a file as a blob, which the browser may keep on the disk.
 *
 * @throws {@link TabagentError}: `not_found`, `forbidden`, `integrity` (what arrived is not what was read there), and what any call throws.
 */
export function readFile(agent: Agent<any>, path: string, options: ReadFileOptions & BlobOptions = {}): Promise<Blob> {
  return blobOf(streamFile(agent, path, options), options);
}

/** The same as a stream, of any length: it fails at its end where {@link readFile} would. Cancelling it stops the server. */
export function streamFile(agent: Agent<any>, path: string, options: ReadFileOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { offset, length, verify = true, onProgress, ...call } = options;
  const hash = verify ? new TreeHash() : undefined;
  const stream = (agent as Agent).stream({ action: "read_file", path, offset, length } as ReadFile & { action: "read_file" }, call);
  const bytes = stream.bytes({ onProgress });
  if (!hash) return bytes;
  return bytes.pipeThrough(hashing(hash, async () => compare(path, await hash.finish(), (await stream.response).hash)));
}

/**
 * Writes a file. It appears when all of it is there, and not at all when the call fails or is withdrawn before.
 *
 * @throws {@link TabagentError}: `invalid_state` (there is one), `not_found` (its folder is not there), `forbidden`, `payload_too_large`,
 * `integrity` (what was written is not what was sent), and what any call throws. What `content` throws, as it is.
 */
export async function writeFile(agent: Agent<any>, path: string, content: RawBody, options: WriteFileOptions = {}): Promise<WriteFileResponse> {
  const { replace, hash: wanted, verify = true, onProgress, ...call } = options;
  const hash = verify ? new TreeHash() : undefined;
  const total = sizeOf(content);
  const body = hash ? streamOf(content).pipeThrough(hashing(hash)) : content;
  const response = await (agent as Agent).request(
    { action: "write_file", path, replace, hash: wanted } as WriteFile & { action: "write_file" },
    { ...call, body, onProgress: onProgress && (({ sent }) => onProgress({ sent, total })) },
  );
  if (hash) compare(path, response.hash, await hash.finish());
  return response;
}

/** The hash that a server gives these bytes: of the hashes of their pieces of 256 KiB. Reads them once. */
export async function treeHash(content: RawBody): Promise<string> {
  const hash = new TreeHash();
  await streamOf(content).pipeTo(new WritableStream({ write: (chunk) => hash.update(bytesOf(chunk)) }));
  return hash.finish();
}

/** Lets bytes through and hashes them. */
const hashing = (hash: TreeHash, flush?: () => Promise<void>): ReadableWritablePair<Uint8Array<ArrayBuffer>, unknown> =>
  new TransformStream({
    transform: async (chunk, controller) => {
      const bytes = bytesOf(chunk) as Uint8Array<ArrayBuffer>;
      await hash.update(bytes);
      controller.enqueue(bytes);
    },
    ...(flush && { flush }),
  });

function compare(path: string, arrived: string, left: string): void {
  if (arrived === left) return;
  throw new TabagentError({ code: "integrity", status: 400, message: `${path}: what arrived is not what left`, details: { arrived, left } });
}

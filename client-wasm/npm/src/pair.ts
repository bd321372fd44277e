// A pairing code for a token: a door of its own, because a page that is paired needs it no more. It shares no file with the others, so
// that they weigh nothing more; its errors are of a class of its own with the same codes.

import { TabagentError, cancelled } from "./errors.js";

/** Milliseconds for the answer unless said otherwise. */
const PATIENCE_MS = 10_000;

/** How to pair. */
export interface PairOptions {
  /** What the caller is shown as to whoever revokes it: "Chrome on the laptop". 64 bytes at most. */
  name?: string | undefined;
  /** Gives up. Whether the code was used by then is not known. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for the answer. Default: 10000. */
  timeoutMs?: number | undefined;
}

/** What a code was worth. */
export interface Paired {
  /** The `key` for `connect()` from now on. The server keeps no copy: put it where only this extension reads, into its own storage. */
  token: string;
  /** What the person at the server revokes it by. */
  id: string;
  /** The origin that the token is bound to; null for a program that is no browser. */
  origin: string | null;
  /** The `name` that was given. */
  name: string | null;
  /** Who gave it. */
  server: { version: string };
}

/**
 * Exchanges the code that the server at `http://host:port` shows (`tabagent-server pair`) for a token, once. The token is bound to the
 * origin of the page that asks.
 *
 * @throws {@link TabagentError}: `pairing_failed` (the code is wrong, used or too old), `validation_failed` (no code looks like that),
 * `rate_limited` (`retryAfterMs` says when to come again), `limit_reached` (too many are paired), `origin_refused` (a page that is no
 * extension's, and not listed), `not_supported` (the server does not pair), `transport_failed` (nobody answers there, or the browser does
 * not let the page read the answer), `cancelled`.
 */
export async function pair(url: string | URL, code: string, options: PairOptions = {}): Promise<Paired> {
  const { name, signal, timeoutMs = PATIENCE_MS } = options;
  const late = AbortSignal.timeout(timeoutMs);
  const either = signal ? AbortSignal.any([signal, late]) : late;
  let status: number;
  let body: unknown;
  try {
    const address = new URL(`${String(url).replace(/[?#].*$/, "").replace(/\/+$/, "")}/v1/pair`, globalThis.location?.href);
    const headers = { "content-type": "application/json" };
    const reply = await fetch(address, { method: "POST", headers, body: JSON.stringify({ code, name }), cache: "no-store", credentials: "omit", signal: either });
    status = reply.status;
    body = await reply.json().catch((thrown: unknown) => (either.aborted ? Promise.reject(thrown) : undefined));
  } catch (cause) {
    if (signal?.aborted) throw cancelled("the pairing was cancelled", signal.reason);
    const why = late.aborted ? `no answer within ${timeoutMs} ms` : "nobody answers there, or the browser forbids it";
    throw new TabagentError({ code: "transport_failed", status: 503, message: `${String(url)} cannot be reached: ${why}`, cause });
  }
  return paired(String(url), status, body);
}

function paired(url: string, status: number, body: unknown): Paired {
  const said = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  if (status === 200 && typeof said["token"] === "string") {
    const { token, id, origin, name, server } = said as unknown as Paired;
    return { token, id, origin, name, server };
  }
  const { code, message, details, retry_after_ms: wait } = said;
  if (typeof code !== "string" || code === "not_found") {
    throw new TabagentError({ code: "not_supported", status: 501, message: `${url} pairs nobody: it is no tabagent server, or an older one` });
  }
  throw new TabagentError({ code, status, message: String(message), details, retryAfterMs: typeof wait === "number" ? wait : undefined });
}

// What a bridged client and the offscreen document say to each other, over any kind of link.
//
//   client  call ─────────────▶ host     taken: items were read, others may come    cancel: the rest is not wanted
//   client  ◀── item* (done|failed)      news, progress: beside it
//   client  subscribe, serve, … ──────▶  ◀── event, ask, unask    answer: to an ask
//   client  ◀──────────── state host     first, and after each change
//
// Numbers name calls within one link and one direction. What is lost with a link is the sender's affair: neither side repeats itself.

import type { FailureParts } from "../errors.js";
import type { BodyProgress, ClientState, RequestOptions, TransportChange, TransportName } from "../types.js";

/** Bytes of items on their way to a reader: enough to hide the link's delay, few enough to stop the server soon. One item may overdraw it. */
export const ITEMS_WINDOW = 64 * 1024;
/** Bytes that an item counts for at least: a message costs more than the word in it. */
export const ITEM_LEAST = ITEMS_WINDOW / 16;

/** The options of a call that are values; the others are messages of their own. */
export type CallOptions = Omit<RequestOptions, "signal" | "onProgress" | "onEvent">;

/** A call. */
export interface Call {
  type: "call";
  id: number;
  /** `stats` is asked of the client, the others of the server. */
  kind: "request" | "stream" | "stats";
  request: { action: string };
  options: CallOptions;
  /** Whether anybody hears of its progress. */
  progress: boolean;
}

/** From a bridged client. */
export type FromClient =
  | Call
  | { type: "taken"; id: number; cost: number }
  | { type: "cancel"; id: number }
  | { type: "subscribe" | "unsubscribe"; name: string }
  | { type: "serve" | "unserve"; names: string[] }
  | { type: "answer"; id: number; value?: unknown; error?: FailureParts | undefined };

/** Where the client in the offscreen document stands. */
export interface State {
  type: "state";
  state: ClientState;
  transport?: TransportName | undefined;
  connectionId: string;
  boot: string;
  reason?: FailureParts | undefined;
  /** What led to it, if the transport did. */
  change?: TransportChange | undefined;
}

/** Before there is a client. */
export const UNKNOWN: State = { type: "state", state: "connecting", connectionId: "", boot: "" };

/** From the offscreen document. */
export type FromHost =
  | State
  | { type: "item"; id: number; value: unknown; cost: number }
  | { type: "done"; id: number; value: unknown }
  | { type: "failed"; id: number; error: FailureParts }
  | { type: "news"; id: number; event: { type: "event"; event: string } }
  | { type: "progress"; id: number; progress: BodyProgress }
  | { type: "event"; event: unknown }
  | { type: "ask"; id: number; action: string; requestId: string; fields: unknown }
  | { type: "unask"; id: number };

/** Any error as it travels. A cause stays behind: it may be anything. */
export function failure(error: unknown): FailureParts {
  const { code, status = 500, message = error, details, retryAfterMs, callId } = (error ?? {}) as Partial<FailureParts>;
  return { code: typeof code === "string" ? code : "internal", message: String(message), status, details, retryAfterMs, callId };
}

/** Raw bytes beside a value are in a buffer of their own: they move instead of being copied. */
export const buffersOf = (value: unknown): Transferable[] => {
  const { payload } = (value ?? {}) as { payload?: unknown };
  return payload instanceof Uint8Array ? [payload.buffer] : [];
};

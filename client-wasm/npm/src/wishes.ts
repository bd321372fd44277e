// What the module's sessions can be asked for, by number, as `client-wasm/src/exports.rs` reads it.

import { thrown } from "./errors.js";
import { crash } from "./guard.js";
import type { CallItem, CallRequest, Session } from "./wasm/tabagent_client_bg.js";

const CALL = 0;
const ITEM = 1;
/** Answers a call of the server. */
export const ANSWER = 2;
/** Ends the session with a reason. */
export const CLOSE = 3;
/** Withdraws a call; nothing is heard of it any more. */
export const CANCEL = 4;
/** The items of a call are complete. */
export const END = 5;
/** An item of a call that cost so much has been read. */
export const CONSUMED = 6;
/** A sign of life. */
export const PING = 7;
/** The page is looked at again; 1 when its way to the server may have changed. */
export const WAKE = 8;
/** The page goes, and may come back. */
export const SLEEP = 9;
const COUNTS = 10;
const REPORT = 11;

/** Calls an action. @returns the call's number @throws TabagentError */
export const call = (session: Session, request: CallRequest): number => answered(session.wish(CALL, 0, 0, request));

/** Sends an item of a call. @returns whether more may follow at once; otherwise `writable` is heard of it again @throws TabagentError */
export const item = (session: Session, call: number, part: CallItem): boolean => answered(session.wish(ITEM, call, 0, part)) > 0;

/**
 * Calls in flight: ours, the server's; per lane: packets sent, acknowledged, received, turns waiting, bytes buffered; per transport, the preferred
 * first: 0 idle, 1 waiting, 2 opening, 3 carrying; failures; milliseconds to the next try.
 */
export const counts = (session: Session | undefined): Iterable<number> => {
  const bytes = session?.wish(COUNTS, 0, 0);
  return bytes instanceof Uint8Array ? new Uint32Array(bytes.buffer as ArrayBuffer) : [];
};

/** The browser's statistics of the connection in use, where that is WebRTC. */
export const report = (session: Session | undefined) => session?.wish(REPORT, 0, 0) as Promise<RTCStatsReport> | undefined;

/** A refusal is text; an instance that is dead answers something else. */
function answered(answer: unknown): number {
  if (typeof answer === "number") return answer;
  throw typeof answer === "string" ? thrown(answer) : crash("it is being replaced; call again");
}

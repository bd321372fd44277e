// One call in a session of the module: sent, followed, settled once.

import type { Caller } from "./calls.js";
import { cancelled, type TabagentError } from "./errors.js";
import { bootBytes } from "./keyed.js";
import type { RequestOptions } from "./types.js";
import { Upload } from "./upload.js";
import type { Session } from "./wasm/tabagent_client_bg.js";
import { CANCEL, CONSUMED, END, call, item } from "./wishes.js";

/** Actions whose bytes must not delay others. */
const BULK = new Set(["read_file", "write_file"]);

/** A call that has been made, for whoever reads its items. */
export interface Placed {
  consumed(cost: number): void;
  cancel(): void;
}

/** A call that is to be made. */
export interface Asked {
  action: string;
  fields: object;
  requestId: string;
  options: RequestOptions;
}

/** Who is told of a call. Without `item`, items are taken and dropped. */
export interface Asker extends Pick<Caller, "response" | "failed"> {
  item?(value: unknown, cost: number): void;
  /** News of the call, such as its progress. */
  news(event: unknown): void;
}

/** Where calls are made: a session of the module, for as long as it is the client's. */
export interface Place {
  session: Session;
  /** Who waits for which of its calls. */
  waiting: Map<number, Caller>;
  /** Whether it is still the client's: numbers mean other calls in the one after it. */
  isCurrent(): boolean;
}

/** What a call fails with whose signal is aborted. */
export const withdrawn = ({ requestId, options }: Asked): TabagentError => cancelled(`call "${requestId}" was cancelled`, options.signal?.reason);

/** Makes a call. Undefined when it failed at once; the asker has been told. */
export function place({ session, waiting, isCurrent }: Place, asked: Asked, asker: Asker): Placed | undefined {
  const { signal, body, onProgress } = asked.options;
  let upload: Upload | undefined;
  let id: number;
  try {
    upload = body && new Upload(body, onProgress);
    id = call(session, requestOf(asked));
  } catch (error) {
    upload?.stop(error);
    asker.failed(error as TabagentError);
    return undefined;
  }
  const wish = (wish: number, cost: number) => void (isCurrent() && session.wish(wish, id, cost));
  const consumed = (cost: number) => wish(CONSUMED, cost);
  const withdraw = (error: TabagentError) => {
    if (!waiting.delete(id)) return;
    settle(error);
    wish(CANCEL, 0);
    asker.failed(error);
  };
  const cancel = () => withdraw(withdrawn(asked));
  const settle = (reason?: TabagentError) => {
    signal?.removeEventListener("abort", cancel);
    upload?.stop(reason);
  };
  signal?.addEventListener("abort", cancel);
  waiting.set(id, {
    response: (value) => (settle(), asker.response(value)),
    failed: (error) => (settle(error), asker.failed(error)),
    writable: () => upload?.writable(),
    item: (value, cost, news) => {
      if (!news && asker.item) return asker.item(value, cost);
      consumed(cost);
      if (news) asker.news(value);
    },
  });
  let contentType = contentTypeOf(asked.options);
  upload?.start({
    item: (piece) => {
      const more = item(session, id, { value: "{}", payload: piece, contentType });
      contentType = undefined; // with the first is enough
      return more;
    },
    end: () => wish(END, 0),
    failed: (error) => withdraw(error as TabagentError),
  });
  return { consumed, cancel };
}

/** A call as the module takes it. */
function requestOf({ action, fields, requestId, options }: Asked) {
  const { payload, body, contentType, timeoutMs, idempotencyKey, boot } = options;
  const lane = options.lane ?? (payload || body || BULK.has(action) ? "bulk" : "interactive");
  return {
    action,
    value: JSON.stringify(fields),
    requestId,
    deadlineMs: timeoutMs,
    payload,
    contentType,
    idempotencyKey,
    boot: boot ? bootBytes(boot) : undefined,
    streams: !!body,
    bulk: lane === "bulk",
  };
}

/** Of a body: what the caller says, or what it says of itself. */
const contentTypeOf = ({ contentType, body }: RequestOptions): string | undefined =>
  contentType ?? ((body && "type" in body && body.type) || undefined);

// The calls of a bridged client: sent, followed, settled once, and made again where the offscreen document was lost and they have a key.

import { guarded } from "../guarded.js";
import { streamOf } from "../bodies.js";
import { TabagentError, cancelled } from "../errors.js";
import type { RequestOptions } from "../types.js";
import { type Call, type FromClient, type FromHost, ITEMS_WINDOW } from "./messages.js";

/** Who made a call. Without `item` there are none. */
export interface Asker {
  done(value: unknown): void;
  failed(error: TabagentError): void;
  item?(value: unknown, cost: number): void;
}

/** A call that has been made, for whoever reads its items. */
export interface Made {
  taken(cost: number): void;
  cancel(): void;
}

/** One that is under way. */
interface Running {
  message: Call;
  options: RequestOptions;
  asker: Asker;
  sent: boolean;
  /** Items handed over. */
  items: number;
  /** Items that a repeat of the call gives again. */
  skip: number;
  /** Bytes of items that were taken, and not said. */
  taken: number;
  settled(): void;
}

type Send = (message: FromClient, transfer?: Transferable[]) => void;

/** Those of one client. */
export class BridgedCalls {
  #running = new Map<number, Running>();
  #made = 0;
  #linked = false;
  #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Makes a call, now or as soon as there is a link. */
  make(kind: Call["kind"], request: { action: string }, options: RequestOptions, asker: Asker): Made {
    const { signal, onProgress, onEvent: _onEvent, ...plain } = options;
    const id = ++this.#made;
    const made: Made = { taken: (cost) => this.#taken(id, cost), cancel: () => this.#withdraw(id) };
    if (signal?.aborted) {
      asker.failed(withdrawn(options));
      return made;
    }
    signal?.addEventListener("abort", made.cancel);
    const message: Call = { type: "call", id, kind, request, options: plain, progress: !!onProgress };
    const running: Running = { message, options, asker, sent: false, items: 0, skip: 0, taken: 0, settled: () => signal?.removeEventListener("abort", made.cancel) };
    this.#running.set(id, running);
    if (this.#linked) this.#place(running);
    return made;
  }

  /** There is a link: what waits for one is sent. */
  renew(): void {
    this.#linked = true;
    for (const running of this.#running.values()) this.#place(running);
  }

  /** The link is gone. What cannot be repeated has failed: nobody can say whether it was carried out. */
  lost(boot: string): void {
    this.#linked = false;
    const message = "the connection was lost: the call may have been carried out";
    for (const [id, running] of this.#running) {
      const { options, sent, items, message: call } = running;
      if (sent && !repeatable(options)) this.#settle(id)?.asker.failed(new TabagentError({ code: "outcome_unknown", status: 500, message }));
      // A repeat must meet the server process that had the call.
      if (sent && boot) call.options.boot ??= boot;
      Object.assign(running, { sent: false, skip: items, taken: 0 });
    }
  }

  /** There will be no link. */
  end(error: TabagentError): void {
    for (const id of this.#running.keys()) this.#settle(id)?.asker.failed(error);
  }

  /** What the offscreen document says of a call. One that is settled is nobody's. */
  hear(message: Exclude<FromHost, { type: "state" | "event" | "ask" | "unask" }>): void {
    const running = this.#running.get(message.id);
    if (!running) return;
    switch (message.type) {
      case "item":
        if (running.skip > 0) {
          running.skip--;
          return this.#taken(message.id, message.cost);
        }
        running.items++;
        return running.asker.item?.(message.value, message.cost);
      case "news":
        return guarded(() => running.options.onEvent?.(message.event));
      case "progress":
        return guarded(() => running.options.onProgress?.(message.progress));
      case "done":
        return this.#settle(message.id)?.asker.done(message.value);
      case "failed":
        return this.#settle(message.id)?.asker.failed(new TabagentError(message.error));
    }
  }

  #place(running: Running): void {
    running.sent = true;
    const { message, options } = running;
    const { body } = options;
    try {
      const stream = body && readOnce(body) ? streamOf(body) : undefined;
      if (stream) this.#send({ ...message, options: { ...message.options, body: stream as ReadableStream<Uint8Array> } }, [stream]);
      else this.#send(message);
    } catch (error) {
      // Something in it cannot travel.
      const refused = error instanceof TabagentError ? error : new TabagentError({ code: "bad_request", status: 400, message: String(error), cause: error });
      this.#settle(message.id)?.asker.failed(refused);
    }
  }

  /** Half a window at a time: a word for each item would be as many messages again. */
  #taken(id: number, cost: number): void {
    const running = this.#running.get(id);
    if (!running) return;
    running.taken += cost;
    if (running.taken < ITEMS_WINDOW / 2) return;
    this.#send({ type: "taken", id, cost: running.taken });
    running.taken = 0;
  }

  #withdraw(id: number): void {
    const running = this.#settle(id);
    if (!running) return;
    this.#send({ type: "cancel", id });
    running.asker.failed(withdrawn(running.options));
  }

  #settle(id: number): Running | undefined {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.settled();
    return running;
  }
}

/** Whether a body is gone when it was read. */
const readOnce = (body: NonNullable<RequestOptions["body"]>): boolean => "getReader" in body || Symbol.asyncIterator in body;

/** Whether a second call is not a second deed. */
const repeatable = ({ idempotencyKey, body }: RequestOptions): boolean => !!idempotencyKey && !(body && readOnce(body));

const withdrawn = ({ requestId, signal }: RequestOptions): TabagentError => cancelled(`call "${requestId ?? ""}" was cancelled`, signal?.reason);

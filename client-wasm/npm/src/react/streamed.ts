// A stream as state: what has arrived, and how it stands, published at most once a frame.

import { TabagentError } from "../errors.js";
import type { TabagentStream } from "../stream.js";
import type { RequestOptions } from "../types.js";

/** Milliseconds between two changes while items come: a frame of most screens. Items that come faster are shown together. */
const FRAME_MS = 16;

/** How a stream stands. */
export interface StreamState<Item, Response> {
  /** `idle`: not started. `streaming`. `done`: complete. `cancelled`: by whoever started it. `failed`: see `error`. */
  status: "idle" | "streaming" | "done" | "cancelled" | "failed";
  /** What has arrived of it; another array after each change. */
  items: readonly Item[];
  /** The whole answer, once it is complete. */
  response: Response | undefined;
  /** What it failed with. */
  error: TabagentError | undefined;
  /** Its name, as `stop_generation` takes it. */
  requestId: string | undefined;
}

const IDLE: StreamState<any, any> = { status: "idle", items: [], response: undefined, error: undefined, requestId: undefined };

/** The streams of one component, one at a time. */
export class Streamed<Item, Response> {
  #state: StreamState<Item, Response> = IDLE;
  /** Of the one that runs, shown or about to be. */
  #arrived: Item[] = [];
  #changed = new Set<() => void>();
  /** Ends the one that runs; what an ended one still says is not heard. */
  #life: AbortController | undefined;

  /** Hears of each change. */
  readonly subscribe = (changed: () => void): (() => void) => {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  };

  /** How it stands: the same object until that changes. */
  readonly snapshot = (): StreamState<Item, Response> => this.#state;

  /** Starts one in place of the one that runs. Without `open` there is no agent. */
  start(open: ((options: RequestOptions) => TabagentStream<Item, Response>) | undefined, signal: AbortSignal | undefined): void {
    this.#life?.abort();
    if (!open) {
      const error = new TabagentError({ code: "invalid_state", status: 409, message: "there is no agent yet: wait until useAgent() has one" });
      return this.#become({ ...IDLE, status: "failed", error });
    }
    const life = (this.#life = new AbortController());
    this.#arrived = [];
    const stream = open({ signal: signal ? AbortSignal.any([signal, life.signal]) : life.signal });
    this.#become({ ...IDLE, status: "streaming", requestId: stream.requestId });
    void this.#read(stream, life.signal);
  }

  /** Withdraws the one that runs. What has arrived stays. */
  readonly cancel = (): void => {
    if (this.#state.status !== "streaming") return;
    this.#life?.abort();
    this.#become({ ...this.#state, items: this.#arrived, status: "cancelled" });
  };

  /** Withdraws it and forgets what has arrived. */
  readonly reset = (): void => {
    this.#life?.abort();
    this.#become(IDLE);
  };

  async #read(stream: TabagentStream<Item, Response>, ended: AbortSignal): Promise<void> {
    const arrived = this.#arrived;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const publish = (more: Partial<StreamState<Item, Response>> = {}) => {
      clearTimeout(timer);
      timer = undefined;
      if (!ended.aborted) this.#become({ ...this.#state, items: [...arrived], ...more });
    };
    try {
      for await (const item of stream) {
        arrived.push(item);
        timer ??= setTimeout(publish, FRAME_MS);
      }
      publish({ status: "done", response: await stream.response });
    } catch (thrown) {
      const error = thrown as TabagentError;
      publish(error.code === "cancelled" ? { status: "cancelled" } : { status: "failed", error });
    }
  }

  #become(state: StreamState<Item, Response>): void {
    this.#state = state;
    for (const changed of this.#changed) changed();
  }
}

// A stream as state: what has arrived, and how it stands, published at most once a frame.

import type { Agent } from "../agent.js";
import type { TabagentError } from "../errors.js";
import type { TabagentStream } from "../stream.js";
import type { RequestOptions } from "../types.js";

/** Milliseconds between two changes while items come: a frame of most screens. Items that come faster are shown together. */
const FRAME_MS = 16;

/** How a stream stands. */
export interface StreamState<Item, Response> {
  /** `idle`: not started. `streaming`, also while it waits for an agent. `done`: complete. `cancelled`: by whoever started it. `failed`: see `error`. */
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

/** Calls for a stream. */
type Call<Item, Response> = (agent: Agent<any>, options: RequestOptions) => TabagentStream<Item, Response>;

/** The streams of one component, one at a time. */
export class Streamed<Item, Response> {
  #state: StreamState<Item, Response> = IDLE;
  /** Of the one that runs, shown or about to be. */
  #arrived: Item[] = [];
  #changed = new Set<() => void>();
  /** Starts the one that waits for an agent. */
  #waiting: ((agent: Agent<any>) => void) | undefined;
  /** Ends the one that runs; what an ended one still says is not heard. */
  #life: AbortController | undefined;

  /** Hears of each change. */
  readonly subscribe = (changed: () => void): (() => void) => {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  };

  /** How it stands: the same object until that changes. */
  readonly snapshot = (): StreamState<Item, Response> => this.#state;

  /** Starts one in place of the one that runs, as soon as there is an agent. */
  start(call: Call<Item, Response>, asked: AbortSignal | undefined, agent: Agent<any> | undefined): void {
    this.#life?.abort();
    const life = (this.#life = new AbortController());
    this.#arrived = [];
    this.#become({ ...IDLE, status: "streaming" });
    this.#waiting = (agent) => {
      this.#waiting = undefined;
      const stream = call(agent, { signal: asked ? AbortSignal.any([asked, life.signal]) : life.signal });
      this.#become({ ...this.#state, requestId: stream.requestId });
      void this.#read(stream, life.signal);
    };
    this.meet(agent);
  }

  /** There is an agent, or none yet. */
  meet(agent: Agent<any> | undefined): void {
    if (agent) this.#waiting?.(agent);
  }

  /** Withdraws the one that runs. What has arrived stays. */
  readonly cancel = (): void => {
    if (this.#state.status !== "streaming") return;
    this.#leave();
    this.#become({ ...this.#state, items: this.#arrived, status: "cancelled" });
  };

  /** Withdraws the one that runs and forgets what has arrived. */
  readonly reset = (): void => {
    this.#leave();
    this.#become(IDLE);
  };

  #leave(): void {
    this.#waiting = undefined;
    this.#life?.abort();
  }

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

// A connected client: requests, streams, events, calls from the server.

import type { Agent } from "./agent.js";
import type { Api } from "./api.gen.js";
import { TRANSPORTS } from "./chosen.js";
import { guarded, reported } from "./guarded.js";
import type { Engine, Instance } from "./engine.js";
import { TabagentError, cancelled } from "./errors.js";
import { onWake } from "./lifecycle.js";
import { Names } from "./names.js";
import type { Asker, Placed } from "./placed.js";
import { Serving } from "./serving.js";
import { ClientSession, SESSION_OVER } from "./session.js";
import { candidatePair, counted, transportStats } from "./stats.js";
import { TabagentStream } from "./stream.js";
import { Subscriptions } from "./subscriptions.js";
import type {
  ActionName,
  ApiTypes,
  ClientEvents,
  ClientState,
  ClientStats,
  ConnectOptions,
  EventOf,
  ItemOf,
  RequestOf,
  RequestOptions,
  ResponseOf,
  ServeFunction,
  ServeFunctions,
  StreamName,
  TimelineEntry,
  TransportChange,
  TransportName,
  TransportFailure,
} from "./types.js";

/** Actions that are asked for their items by a field of their own. */
const STREAM_FIELD = new Set(["chat", "generate"]);
const STEPS: readonly TimelineEntry["step"][] = ["signaling", "ice", "dtls", "channel", "welcome"];

/** The events of {@link TabagentClient}, by name. */
export interface TabagentClient<T extends ApiTypes<T> = Api> {
  addEventListener<E extends keyof ClientEvents>(
    type: E,
    listener: ((event: ClientEvents[E]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

/**
 * A session with a server, made by `connect()`. It outlives its transports: calls, streams and events go on where they were.
 *
 * @typeParam T - what the server says of itself; your own as `connect<MyApi>(…)`.
 *
 * Dispatches `statechange` whenever {@link TabagentClient.state} has changed, and `transportchange`, with a
 * {@link TransportChange} as its `detail`, whenever {@link TabagentClient.transport} has.
 */
export class TabagentClient<T extends ApiTypes<T> = Api> extends EventTarget implements Agent<T> {
  /** Each step of opening a transport and when it was done, in milliseconds since `connect()`: the last attempt of each transport. */
  readonly timeline: readonly TimelineEntry[] = [];

  #connectionId = "";
  #transport: TransportName | undefined;
  /** The ladder. */
  #transports: readonly TransportName[];
  /** The last failure of each of them. */
  #failures: { [transport in TransportName]?: TransportFailure } = {};
  #state: ClientState = "idle";
  #reason: TabagentError | undefined;
  #session: ClientSession;
  #serving = new Serving();
  #subscriptions = new Subscriptions((...told) => this.#subscribe(...told));
  #options: ConnectOptions;
  /** Settles `connect()`. */
  #opened = deferred<void>();
  #begun = performance.now();
  #names = new Names();
  /** Undone when the client closes. */
  #cleanups: (() => void)[] = [];

  private constructor(engine: Engine, instance: Instance, url: string, options: ConnectOptions) {
    super();
    this.#options = options;
    const { transports = known(options), strict } = options;
    this.#transports = strict ? transports.slice(0, 1) : transports;
    this.#change("connecting");
    const session = new ClientSession(instance, {
      engine,
      url,
      options,
      transports: this.#transports,
      serving: this.#serving,
      news: {
        step: (...step) => this.#step(...step),
        failed: (...failure) => this.#failed(...failure),
        moved: (...change) => this.#moved(...change),
        renewed: () => this.#subscriptions.renew(),
        event: (event) => this.#subscriptions.dispatch(event),
        closed: (reason) => this.#closed(reason),
      },
    });
    this.#session = session;
    this.#watch(options.signal, "abort", () => session.close("cancelled", "the signal given to connect() was aborted"));
    // Gone for good, or perhaps to come back: a page with open connections would not be kept.
    this.#watch(globalThis, "pagehide", (event) => ((event as PageTransitionEvent).persisted ? session.sleep() : this.close()));
    onWake((...listener) => this.#watch(...listener), (network) => session.wake(network));
  }

  /** @internal */
  static async open<T extends ApiTypes<T>>(engine: Engine, url: string | URL, options: ConnectOptions): Promise<TabagentClient<T>> {
    const instance = await engine.instance();
    if (options.signal?.aborted) throw cancelled("the signal given to connect() was aborted", options.signal.reason);
    const unknown = options.transports?.find((name) => !known(options).includes(name));
    if (unknown || options.transports?.length === 0) {
      throw new TabagentError({ code: "bad_request", status: 400, message: `transports: of ${known(options).join(", ")}, not "${unknown ?? ""}"` });
    }
    const client = new TabagentClient<T>(engine, instance, String(url), options);
    await client.#opened.promise;
    return client;
  }

  /** Where the client stands. */
  get state(): ClientState {
    return this.#state;
  }

  /** Why the client is closed; undefined while it is not. */
  get reason(): TabagentError | undefined {
    return this.#reason;
  }

  /** What carries the session; undefined while nothing does. */
  get transport(): TransportName | undefined {
    return this.#transport;
  }

  /** The server's id of the WebRTC connection in use, as its log and its HTTP API name it; empty for other transports. */
  get connectionId(): string {
    return this.#connectionId;
  }

  /** Names the server process; another one when the server was started anew. See {@link RequestOptions.boot}. */
  get boot(): string {
    return this.#session.boot;
  }

  /**
   * Calls an action and waits for its answer.
   *
   * @throws {@link TabagentError}: what the server answers with (`validation_failed`, `model_not_found`, …), or `cancelled`,
   * `deadline_exceeded`, `limit_reached`, `payload_too_large`, `invalid_state` (the client is closed), `outcome_unknown` (the
   * session ended after the call had left: it may have been carried out). A call that waits for a transport waits until its
   * deadline. What a `body` throws, as it is.
   */
  request<A extends ActionName<T>>(request: RequestOf<T, A>, options: RequestOptions = {}): Promise<ResponseOf<T, A>> {
    return new Promise((resolve, reject) => {
      const { timeoutMs = this.#options.requestTimeoutMs } = options;
      this.#call(request, { ...options, timeoutMs }, this.#names.of(options, request), {
        response: resolve as (value: unknown) => void,
        failed: reject,
      });
    });
  }

  /**
   * Calls an action for its items. `chat` and `generate` are asked to stream.
   *
   * @throws nothing itself: a failure comes out of the loop, and rejects `response`, as for {@link TabagentClient.request}.
   */
  stream<A extends StreamName<T>>(request: RequestOf<T, A>, options: RequestOptions = {}): TabagentStream<ItemOf<T, A>, ResponseOf<T, A>> {
    const requestId = this.#names.of(options, request);
    const { promise, resolve, reject } = deferred<ResponseOf<T, A>>();
    let call: Placed | undefined;
    const stream = new TabagentStream<ItemOf<T, A>, ResponseOf<T, A>>(
      requestId,
      { consumed: (cost) => call?.consumed(cost), cancel: () => call?.cancel() },
      promise,
    );
    const asked = STREAM_FIELD.has(request.action) ? { stream: true, ...request } : request;
    call = this.#call(asked, options, requestId, {
      response: resolve as (value: unknown) => void,
      failed: reject,
      item: (value, cost) => stream.push(value as ItemOf<T, A>, cost),
    });
    return stream;
  }

  /**
   * Hears an event of the server: subscribes with the first handler of a name, unsubscribes with the last.
   * Events of this client's own calls come without a subscription. Should the server lose the session, the next one subscribes
   * anew; events of the time between are missed.
   *
   * @returns a function that takes the handler away.
   */
  on<E extends string>(event: E, handler: (event: EventOf<T, E>) => void): () => void {
    return this.#subscriptions.add(event, handler as (event: never) => void);
  }

  /**
   * Answers calls of the server: functions by the name of the action. One of the same name replaces the older.
   *
   * @returns a function that takes them away.
   */
  serve(functions: ServeFunctions<T>): () => void {
    return this.#serving.add(functions as Readonly<Record<string, ServeFunction>>);
  }

  /** How the connection is at this moment; takes a round trip. */
  async stats(): Promise<ClientStats> {
    const { state, transport } = this;
    const ping = state === "connected" ? this.#session.ping() : undefined;
    const [report, roundTripMs] = await Promise.all([this.#session.report(), ping]);
    const counts = [...this.#session.counts()];
    const transports = this.#transports.map((name, at) => ({ transport: name, ...transportStats(counts.slice(12 + 3 * at)), error: this.#failures[name] }));
    return { state, transport, transports, candidatePair: candidatePair(report), roundTripMs, ...counted(counts) };
  }

  /** Ends the session: calls in flight fail, the server is told. Does nothing the second time. */
  close(): void {
    this.#session.close("cancelled", "the client was closed");
  }

  /** Closes: `using agent = await connect(…)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Makes a call. Undefined when it failed at once; the caller has been told. */
  #call({ action, ...fields }: { action: string }, options: RequestOptions, requestId: string, asker: Omit<Asker, "news">): Placed | undefined {
    return this.#session.call({ action, fields, requestId, options }, asker);
  }

  /**
   * Nobody waits for a subscription, so its failure is reported like an exception nobody caught, unless it came with the end
   * of the client, or of the session: the next one subscribes anew.
   */
  #subscribe(action: "subscribe" | "unsubscribe", event: string): void {
    // Without a session: the next one is told of all of them.
    if (!this.#session.stands) return;
    const request = { action, events: [event] };
    this.#call(request, {}, this.#names.of({}, request), {
      response: () => {},
      failed: (error) => queueMicrotask(() => this.#state === "closed" || SESSION_OVER.has(error.code) || reported(error)),
    });
  }

  #step(transport: TransportName, connection: string, name: string, ms: number, count: number): void {
    const step = STEPS.find((step) => step === name);
    const timeline = this.timeline as TimelineEntry[];
    if (step) {
      // What an earlier attempt left from here on is history.
      const stale = (entry: TimelineEntry) => entry.transport === transport && STEPS.indexOf(entry.step) >= STEPS.indexOf(step);
      timeline.splice(0, Infinity, ...timeline.filter((entry) => !stale(entry)), { transport, step, ms });
    }
    this.#debug(name, ms, name === "candidates" ? `${count} found` : "done", transport, connection);
  }

  #failed(transport: TransportName, failure: TransportFailure): void {
    this.#failures[transport] = failure;
    this.#debug("failed", performance.now() - this.#begun, `${failure.code} at ${failure.step}: ${failure.message}`, transport);
  }

  #moved(to: TransportName | undefined, connection: string, reason: TransportChange["reason"]): void {
    const from = this.#transport;
    this.#transport = to;
    if (to) {
      this.#connectionId = connection;
      delete this.#failures[to];
    }
    this.#debug("transport", performance.now() - this.#begun, `${from ?? "none"} to ${to ?? "none"}: ${reason}`, to, connection);
    if (to) this.#opened.resolve();
    if (reason !== "closed") this.#change(to ? "connected" : "reconnecting");
    this.dispatchEvent(new CustomEvent<TransportChange>("transportchange", { detail: { from, to, reason } }));
  }

  #closed(error: TabagentError): void {
    const failed = this.#state === "connecting" && Object.keys(this.#failures).length > 0;
    // What became of every transport, for who wonders why there is none.
    const reason = failed ? error.with({ transports: this.#failures }) : error;
    this.#reason = reason;
    for (const cleanup of this.#cleanups) cleanup();
    this.#debug("closed", performance.now() - this.#begun, `${reason.code}: ${reason.message}`);
    this.#opened.reject(reason);
    this.#change("closed");
  }

  #change(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.dispatchEvent(new Event("statechange"));
  }

  #debug(step: string, ms: number, message: string, transport?: TransportName, connection = this.#connectionId): void {
    const { debug } = this.#options;
    if (!debug) return;
    if (typeof debug === "function") guarded(() => debug({ transport, connection, step, ms, message }));
    else console.debug(`tabagent ${transport ?? ""} ${connection || "-"} ${step} after ${ms.toFixed(1)} ms: ${message}`);
  }

  /** Listens until the client closes. */
  #watch(target: Partial<EventTarget> | undefined, type: string, listener: (event: Event) => void): void {
    target?.addEventListener?.(type, listener);
    this.#cleanups.push(() => target?.removeEventListener?.(type, listener));
  }
}

/** What may carry a session with these options, the preferred first. */
const known = ({ NativeSocket }: ConnectOptions): readonly TransportName[] => (NativeSocket ? TRANSPORTS : TRANSPORTS.slice(0, 2));

/** A promise and the means to settle it. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

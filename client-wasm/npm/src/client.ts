// A connected client: requests, streams, events, calls from the server.

import type { Api } from "./api.gen.js";
import { type Caller, Calls, guarded, reported } from "./calls.js";
import { chosen } from "./chosen.js";
import type { Engine, Instance } from "./engine.js";
import { TabagentError, cancelled, thrown } from "./errors.js";
import { crash } from "./guard.js";
import { hex } from "./hex.js";
import { Keyed, bootBytes } from "./keyed.js";
import { onWake } from "./lifecycle.js";
import { Secrets } from "./secrets.js";
import { Serving } from "./serving.js";
import { candidatePair, counted, transportStats } from "./stats.js";
import { TabagentStream } from "./stream.js";
import { Transports } from "./transports.js";
import { type Placed, Unplaced } from "./unplaced.js";
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
import { Upload } from "./upload.js";
import { type Session, Wish } from "./wasm/tabagent_client_bg.js";

/** Who is told of a call. Without `item`, items are taken and dropped. */
type Waiting = Pick<Caller, "response" | "failed"> & Partial<Caller>;

/** Actions that are asked for their items by a field of their own. */
const STREAM_FIELD = new Set(["chat", "generate"]);
/** Actions whose bytes must not delay others. */
const BULK = new Set(["read_file", "write_file"]);
const TRANSPORTS: readonly TransportName[] = ["webrtc", "websocket"];
const STEPS: readonly TimelineEntry["step"][] = ["signaling", "ice", "dtls", "channel", "welcome"];
/** What calls fail with that end with their session. */
const SESSION_OVER = new Set(["outcome_unknown", "client_crashed"]);
/** Milliseconds for the answer to a ping: a slower connection has no round trip worth showing. */
const PING_MS = 2_000;

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
export class TabagentClient<T extends ApiTypes<T> = Api> extends EventTarget {
  /** Each step of opening a transport and when it was done, in milliseconds since `connect()`: the last attempt of each transport. */
  readonly timeline: readonly TimelineEntry[] = [];

  #connectionId = "";
  #boot = "";
  #keyed = new Keyed();
  #transport: TransportName | undefined;
  /** The ladder. */
  #transports: readonly TransportName[];
  /** The last failure of each of them. */
  #failures: { [transport in TransportName]?: TransportFailure } = {};
  #state: ClientState = "idle";
  #reason: TabagentError | undefined;
  #engine: Engine;
  /**
   * None when the client is closed, and between two instances of the module. Freed when closed: it and this client hold each other, and
   * nobody else would tell them apart.
   */
  #session: Session | undefined;
  /** Of this session. */
  #calls!: Calls;
  #secrets = new Secrets();
  #open: Transports;
  /** Calls that wait for the next instance. */
  #unplaced = new Unplaced();
  /** Why the client closes itself. */
  #closing: TabagentError | undefined;
  #serving = new Serving();
  /** Handlers by the name of the event. */
  #handlers = new Map<string, Set<(event: never) => void>>();
  #url: string;
  #options: ConnectOptions;
  /** A session has been welcomed. */
  #stood = false;
  /** Settles `connect()`. */
  #opened = deferred<void>();
  #begun = performance.now();
  /** Milliseconds from `connect()` to the beginning of the session. */
  #offset = 0;
  /** Makes names of calls unique among the clients of one key. */
  #name: string;
  #made = 0;
  /** Hears no more of the instance. */
  #leave!: () => void;
  /** Undone when the client closes. */
  #cleanups: (() => void)[] = [];

  private constructor(engine: Engine, instance: Instance, url: string, options: ConnectOptions) {
    super();
    this.#engine = engine;
    this.#url = url;
    this.#options = options;
    this.#open = new Transports(options);
    const { transports = TRANSPORTS, strict } = options;
    this.#transports = strict ? transports.slice(0, 1) : transports;
    this.#name = hex(crypto.getRandomValues(new Uint8Array(4)));
    this.#change("connecting");
    this.#begin(instance);
    this.#watch(options.signal, "abort", () => this.#close("cancelled", "the signal given to connect() was aborted"));
    // Gone for good, or perhaps to come back: a page with open connections would not be kept.
    this.#watch(globalThis, "pagehide", (event) => ((event as PageTransitionEvent).persisted ? this.#session?.wish(Wish.Sleep, 0, 0) : this.close()));
    onWake((...listener) => this.#watch(...listener), (network) => this.#session?.wish(Wish.Wake, Number(network), 0));
  }

  /** @internal */
  static async open<T extends ApiTypes<T>>(engine: Engine, url: string | URL, options: ConnectOptions): Promise<TabagentClient<T>> {
    const instance = await engine.instance();
    if (options.signal?.aborted) throw cancelled("the signal given to connect() was aborted", options.signal.reason);
    const unknown = options.transports?.find((name) => !TRANSPORTS.includes(name));
    if (unknown || options.transports?.length === 0) {
      throw new TabagentError({ code: "bad_request", status: 400, message: `transports: of ${TRANSPORTS.join(", ")}, not "${unknown ?? ""}"` });
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

  /** The server's id of the WebRTC connection in use, as its log and its HTTP API name it; empty for a WebSocket. */
  get connectionId(): string {
    return this.#connectionId;
  }

  /** Names the server process; another one when the server was started anew. See {@link RequestOptions.boot}. */
  get boot(): string {
    return this.#boot;
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
      this.#call(request, { ...options, timeoutMs }, this.#requestId(options, request), {
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
    const requestId = this.#requestId(options, request);
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
    const handlers = this.#handlers.get(event) ?? new Set();
    if (handlers.size === 0) this.#subscribe("subscribe", event);
    this.#handlers.set(event, handlers.add(handler));
    return () => {
      if (handlers.delete(handler) && handlers.size === 0 && this.#state !== "closed") this.#subscribe("unsubscribe", event);
    };
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
    const [report, roundTripMs] = await Promise.all([this.#session?.report() as Promise<RTCStatsReport> | undefined, this.#ping()]);
    const counts = this.#session?.counts() ?? [];
    const transports = this.#transports.map((name, at) => ({ transport: name, ...transportStats(counts.slice(12 + 3 * at)), error: this.#failures[name] }));
    return { state, transport, transports, candidatePair: candidatePair(report), roundTripMs, ...counted(counts) };
  }

  /** Ends the session: calls in flight fail, the server is told. Does nothing the second time. */
  close(): void {
    this.#close("cancelled", "the client was closed");
  }

  /** Closes: `using agent = await connect(…)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Begins a session in an instance of the module: the first, or the one in place of a session that crashed with its instance. */
  #begin({ Session, users }: Instance): void {
    const crashed = (cause: unknown) => this.#crashed(cause);
    users.add(crashed);
    this.#leave = () => users.delete(crashed);
    this.#offset = performance.now() - this.#begun;
    const calls = new Calls({
      step: (...step) => this.#step(...step),
      failed: (...failure) => this.#failed(...failure),
      moved: (...change) => this.#moved(...change),
      welcomed: (boot) => (this.#boot = boot),
      expired: () => this.#resubscribe(),
      closed: (reason) => this.#closed(reason),
      published: (event) => this.#dispatch(event),
      asked: async (call, action, requestId, fields) => {
        const answer = await this.#serving.answer(call, action, requestId, fields);
        if (this.#session === session) session.answer(call, answer);
      },
      cancelled: (call) => this.#serving.cancel(call),
    });
    this.#calls = calls;
    const session = new Session(calls, {
      server: this.#url,
      replaces: this.#secrets.past(),
      secret: () => this.#secrets.next(),
      constructors: this.#open.constructors,
      transports: this.#transports,
      ...chosen(this.#options),
    });
    this.#session = session;
    this.#resubscribe();
    this.#unplaced.place();
  }

  /** The instance has crashed, and with it the session: what was under way is lost, the next begins in the next instance. */
  #crashed(cause: unknown): void {
    const [{ waiting }, over] = [this.#calls, this.#closing];
    this.#session = undefined;
    this.#open.close();
    this.#serving.cancelAll();
    if (this.#state === "closed") return;
    // Before the failures, as when a transport is lost.
    if (this.#state !== "connecting") this.#moved("", "", over ? "closed" : "crashed");
    for (const [callId, caller] of waiting) caller.failed(over ?? crash(`call ${callId} may or may not have been carried out`, cause));
    waiting.clear();
    if (over) return this.#closed(over);
    this.#engine.instance().then(
      (instance) => this.#state === "closed" || this.#begin(instance),
      (error: TabagentError) => this.#closed(error.code === "client_crashed" ? error : crash(error.message, error)),
    );
  }

  /** Makes a call. Undefined when it failed at once; the caller has been told. */
  #call(request: { action: string }, options: RequestOptions, requestId: string, caller: Waiting): Placed | undefined {
    const { signal, onEvent, payload, body, onProgress, timeoutMs, idempotencyKey } = options;
    const aborted = () => cancelled(`call "${requestId}" was cancelled`, signal?.reason);
    if (signal?.aborted) return void caller.failed(aborted());
    const { action, ...fields } = request;
    const [session, { waiting }] = [this.#session, this.#calls];
    if (!session) {
      if (this.#state !== "closed") return this.#unplaced.wait(signal, (signal) => this.#call(request, { ...options, signal }, requestId, caller));
      caller.failed(new TabagentError({ code: "invalid_state", status: 409, message: "the client is closed; connect anew" }));
      return undefined;
    }
    const boot = options.boot ?? (idempotencyKey && this.#keyed.boot(action, idempotencyKey));
    let { contentType } = options;
    let upload: Upload | undefined;
    let id: number;
    try {
      upload = body && new Upload(body, onProgress);
      id = session.call({
        action,
        value: JSON.stringify(fields),
        requestId,
        deadlineMs: timeoutMs,
        payload,
        contentType,
        idempotencyKey,
        boot: boot ? bootBytes(boot) : undefined,
        streams: !!body,
        bulk: (options.lane ?? (payload || body || BULK.has(action) ? "bulk" : "interactive")) === "bulk",
      });
      if (!id) throw crash("it is being replaced; call again");
    } catch (error) {
      upload?.stop(error);
      caller.failed(thrown(error) as TabagentError);
      return undefined;
    }
    // Its number means another call in the session after this one.
    const wish = (wish: Wish, cost: number) => session === this.#session && session.wish(wish, id, cost);
    const consumed = (cost: number) => void wish(Wish.Consumed, cost);
    const withdraw = (error: TabagentError) => {
      if (!waiting.delete(id)) return;
      settle(error);
      wish(Wish.Cancel, 0);
      caller.failed(error);
    };
    const cancel = () => withdraw(aborted());
    const settle = (reason?: TabagentError) => {
      signal?.removeEventListener("abort", cancel);
      upload?.stop(reason);
    };
    signal?.addEventListener("abort", cancel);
    waiting.set(id, {
      response: (value) => (settle(), caller.response(value)),
      failed: (error) => {
        settle(error);
        if (idempotencyKey && SESSION_OVER.has(error.code)) this.#keyed.lose(action, idempotencyKey, boot ?? this.#boot);
        caller.failed(error);
      },
      writable: () => upload?.writable(),
      item: (value, cost, news) => {
        if (!news && caller.item) return caller.item(value, cost, news);
        consumed(cost);
        if (!news) return;
        guarded(() => onEvent?.(value as never));
        this.#dispatch(value);
      },
    });
    contentType ??= (body && "type" in body && body.type) || undefined;
    upload?.start({
      item: (piece) => {
        const more = session.item(id, { value: "{}", payload: piece, contentType });
        contentType = undefined; // with the first is enough
        return more;
      },
      end: () => void wish(Wish.End, 0),
      failed: (error) => withdraw(thrown(error) as TabagentError),
    });
    return { consumed, cancel };
  }

  /** The name of a call: the caller's, wherever it is written, or one of ours. */
  #requestId({ requestId }: RequestOptions, request: { action: string; request_id?: unknown }): string {
    // The `request_id` of stop_generation names another call.
    const field = request.action === "stop_generation" ? undefined : request.request_id;
    return requestId ?? (typeof field === "string" ? field : `${this.#name}-${++this.#made}`);
  }

  /** Hands an event to its handlers. */
  #dispatch(event: unknown): void {
    const name = (event as { event?: string } | undefined)?.event;
    for (const handler of this.#handlers.get(name ?? "") ?? []) guarded(() => handler(event as never));
  }

  /**
   * Nobody waits for a subscription, so its failure is reported like an exception nobody caught, unless it came with the end
   * of the client, or of the session: the next one subscribes anew.
   */
  #subscribe(action: "subscribe" | "unsubscribe", event: string): void {
    if (!this.#session) return;
    const request = { action, events: [event] };
    this.#call(request, {}, this.#requestId({}, request), {
      response: () => {},
      failed: (error) => queueMicrotask(() => this.#state === "closed" || SESSION_OVER.has(error.code) || reported(error)),
    });
  }

  /** The next session knows of no subscription. */
  #resubscribe(): void {
    for (const [event, { size }] of this.#handlers) if (size > 0) this.#subscribe("subscribe", event);
  }

  #ping(): Promise<number | undefined> {
    if (this.#state !== "connected") return Promise.resolve(undefined);
    const { pings } = this.#calls;
    const [token, begun] = [++this.#made, performance.now()];
    return new Promise((resolve) => {
      const done = (ms?: number) => {
        clearTimeout(timer);
        pings.delete(token);
        resolve(ms);
      };
      const timer = setTimeout(done, PING_MS);
      pings.set(token, () => done(performance.now() - begun));
      this.#session?.wish(Wish.Ping, token, 0);
    });
  }

  #step(transport: TransportName, connection: string, name: string, ms: number, count: number): void {
    ms += this.#offset;
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

  #moved(name: TransportName | "", connection: string, reason: TransportChange["reason"]): void {
    const [from, to] = [this.#transport, name || undefined];
    // The first of the session, but not of the client.
    if (reason === "connected" && this.#stood) reason = "reconnected";
    this.#stood = true;
    this.#transport = to;
    if (to) {
      this.#secrets.welcomed();
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
    this.#leave();
    this.#serving.cancelAll();
    this.#debug("closed", performance.now() - this.#begun, `${reason.code}: ${reason.message}`);
    this.#opened.reject(reason);
    this.#change("closed");
    this.#unplaced.place();
    // Not at once: this may be called from within it.
    queueMicrotask(() => {
      this.#session?.free();
      this.#session = undefined;
    });
  }

  #close(code: string, message: string): void {
    if (this.#state === "closed") return;
    this.#closing = new TabagentError({ code, status: 499, message });
    if (this.#session) this.#session.close({ code, message });
    else this.#closed(this.#closing);
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

/** A promise and the means to settle it. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

// A client whose connection lives in the offscreen document: the same surface, each call a message there.

import type { Api } from "../api.gen.js";
import type { Agent } from "../agent.js";
import { TabagentError, cancelled } from "../errors.js";
import { Names } from "../names.js";
import { TabagentStream } from "../stream.js";
import { Subscriptions } from "../subscriptions.js";
import type {
  ActionName,
  ApiTypes,
  ClientState,
  ClientStats,
  EventOf,
  ItemOf,
  RequestOf,
  RequestOptions,
  ResponseOf,
  ServeFunction,
  ServeFunctions,
  StreamName,
  TransportChange,
  TransportName,
} from "../types.js";
import { Asked } from "./asked.js";
import { type Asker, BridgedCalls, type Made } from "./calls.js";
import type { Link } from "./link.js";
import { type Call, type FromClient, type FromHost, type State, UNKNOWN } from "./messages.js";

/** @internal Opens a way to the offscreen document, creating that where it is missing. */
export type Opener = () => Promise<Link<FromClient, FromHost>>;

/** The client that `connect()` gives in any context of an extension. */
export class BridgedClient<T extends ApiTypes<T> = Api> extends EventTarget implements Agent<T> {
  #open: Opener;
  #link: Link<FromClient, FromHost> | undefined;
  #known = UNKNOWN;
  #reason: TabagentError | undefined;
  #names = new Names();
  #calls = new BridgedCalls((message, transfer) => this.#send(message, transfer));
  #subscriptions = new Subscriptions((type, name) => this.#send({ type, name }));
  #asked = new Asked((message) => this.#send(message));
  /** Settles `connect()`. */
  #opened!: { resolve(): void; reject(reason: unknown): void };
  /** Hears no more of the signal given to `connect()`. */
  #leave = () => {};

  private constructor(open: Opener) {
    super();
    this.#open = open;
  }

  /** @internal Resolves when the client in the offscreen document is connected. */
  static async open<T extends ApiTypes<T>>(open: Opener, signal: AbortSignal | undefined): Promise<BridgedClient<T>> {
    const client = new BridgedClient<T>(open);
    const abort = () => client.#end(cancelled("the signal given to connect() was aborted", signal?.reason));
    const opened = new Promise<void>((resolve, reject) => (client.#opened = { resolve, reject }));
    signal?.addEventListener("abort", abort);
    client.#leave = () => signal?.removeEventListener("abort", abort);
    if (signal?.aborted) abort();
    else void client.#attach();
    await opened;
    return client;
  }

  get state(): ClientState {
    return this.#known.state;
  }

  get reason(): TabagentError | undefined {
    return this.#reason;
  }

  get transport(): TransportName | undefined {
    return this.#known.transport;
  }

  get connectionId(): string {
    return this.#known.connectionId;
  }

  get boot(): string {
    return this.#known.boot;
  }

  /** @throws {@link TabagentError}: as `TabagentClient.request`; `outcome_unknown` also when the offscreen document went away meanwhile. */
  request<A extends ActionName<T>>(request: RequestOf<T, A>, options: RequestOptions = {}): Promise<ResponseOf<T, A>> {
    return new Promise((done, failed) => this.#make("request", request, options, { done: done as (value: unknown) => void, failed }));
  }

  stream<A extends StreamName<T>>(request: RequestOf<T, A>, options: RequestOptions = {}): TabagentStream<ItemOf<T, A>, ResponseOf<T, A>> {
    const requestId = this.#names.of(options, request);
    let asker!: Asker;
    const response = new Promise<ResponseOf<T, A>>((done, failed) => (asker = { done: done as (value: unknown) => void, failed }));
    let call: Made | undefined;
    const stream = new TabagentStream<ItemOf<T, A>, ResponseOf<T, A>>(
      requestId,
      { consumed: (cost) => call?.taken(cost), cancel: () => call?.cancel() },
      response,
    );
    asker.item = (value, cost) => stream.push(value as ItemOf<T, A>, cost);
    call = this.#make("stream", request, { ...options, requestId }, asker);
    return stream;
  }

  on<E extends string>(event: E, handler: (event: EventOf<T, E>) => void): () => void {
    return this.#subscriptions.add(event, handler as (event: never) => void);
  }

  serve(functions: ServeFunctions<T>): () => void {
    return this.#asked.serve(functions as Readonly<Record<string, ServeFunction>>);
  }

  stats(): Promise<ClientStats> {
    return new Promise((done, failed) => this.#make("stats", { action: "" }, {}, { done: done as (value: unknown) => void, failed }));
  }

  /** Withdraws the calls in flight and lets go; the connection stays for the other contexts. */
  close(): void {
    this.#end(cancelled("the client was closed"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #make(kind: Call["kind"], request: { action: string }, options: RequestOptions, asker: Asker): Made | undefined {
    if (!this.#reason) return this.#calls.make(kind, request, { ...options, requestId: this.#names.of(options, request) }, asker);
    asker.failed(new TabagentError({ code: "invalid_state", status: 409, message: "the client is closed", cause: this.#reason }));
    return undefined;
  }

  /** Says nothing while there is no link: whoever speaks then says it again to the next. */
  #send(message: FromClient, transfer?: Transferable[]): void {
    this.#link?.send(message, transfer);
  }

  /** Finds the offscreen document, and again whenever it is gone. */
  async #attach(): Promise<void> {
    while (!this.#reason) {
      let link;
      try {
        link = await this.#open();
      } catch (error) {
        return this.#end(error as TabagentError);
      }
      // It was closed while the way was opened.
      if (this.#reason) return link.close();
      this.#link = link;
      link.listen((message) => this.#hear(message));
      this.#subscriptions.renew();
      this.#asked.renew();
      this.#calls.renew();
      await link.closed;
      this.#link = undefined;
      if (this.#reason) return;
      this.#calls.lost(this.boot);
      this.#asked.lost();
      const change: TransportChange = { from: this.transport, to: undefined, reason: "lost" };
      this.#become({ ...this.#known, state: this.state === "connecting" ? "connecting" : "reconnecting", transport: undefined, change: change.from && change });
    }
  }

  #hear(message: FromHost): void {
    switch (message.type) {
      case "state":
        return this.#become(message);
      case "event":
        return this.#subscriptions.dispatch(message.event);
      case "ask":
      case "unask":
        return void this.#asked.hear(message);
      default:
        return this.#calls.hear(message);
    }
  }

  #become(next: State): void {
    if (next.state === "closed") return this.#end(new TabagentError(next.reason ?? cancelled("the connection was closed")));
    // To this client, one that connects anew is the same session.
    const state = next.state === "connecting" && this.state !== "connecting" ? "reconnecting" : next.state;
    const before = this.#known;
    this.#known = { ...next, state, boot: next.boot || before.boot };
    if (state === "connected") this.#opened.resolve();
    if (state !== before.state) this.dispatchEvent(new Event("statechange"));
    if (next.change) this.dispatchEvent(new CustomEvent<TransportChange>("transportchange", { detail: next.change }));
  }

  #end(reason: TabagentError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#leave();
    this.#known = { ...this.#known, state: "closed", transport: undefined };
    this.#opened.reject(reason);
    this.#calls.end(reason);
    this.#asked.lost();
    this.#link?.close();
    this.dispatchEvent(new Event("statechange"));
  }
}

// What every client offers, wherever its connection lives.
// For `Disposable`: projects whose own `lib` has none compile all the same.
/// <reference lib="esnext.disposable" preserve="true" />

import type { Api } from "./api.gen.js";
import type { TabagentError } from "./errors.js";
import type { TabagentStream } from "./stream.js";
import type {
  ActionName,
  ApiTypes,
  ClientEvents,
  ClientState,
  ClientStats,
  EventOf,
  ItemOf,
  RequestOf,
  RequestOptions,
  ResponseOf,
  ServeFunctions,
  StreamName,
  TransportName,
} from "./types.js";

/**
 * A session with a server: `TabagentClient` where the connection is, a bridged one in the other contexts of an extension. Code that
 * takes an `Agent` works with either.
 *
 * @typeParam T - what the server says of itself.
 */
export interface Agent<T extends ApiTypes<T> = Api> extends EventTarget, Disposable {
  /** Where the client stands. */
  readonly state: ClientState;
  /** Why the client is closed; undefined while it is not. */
  readonly reason: TabagentError | undefined;
  /** What carries the session; undefined while nothing does. */
  readonly transport: TransportName | undefined;
  /** The server's id of the WebRTC connection in use; empty for a WebSocket. */
  readonly connectionId: string;
  /** Names the server process; see {@link RequestOptions.boot}. */
  readonly boot: string;
  /** Calls an action and waits for its answer. */
  request<A extends ActionName<T>>(request: RequestOf<T, A>, options?: RequestOptions): Promise<ResponseOf<T, A>>;
  /** Calls an action for its items. */
  stream<A extends StreamName<T>>(request: RequestOf<T, A>, options?: RequestOptions): TabagentStream<ItemOf<T, A>, ResponseOf<T, A>>;
  /** Hears an event of the server; the result takes the handler away. */
  on<E extends string>(event: E, handler: (event: EventOf<T, E>) => void): () => void;
  /** Answers calls of the server; the result takes the functions away. */
  serve(functions: ServeFunctions<T>): () => void;
  /** How the connection is at this moment; takes a round trip. */
  stats(): Promise<ClientStats>;
  /** Withdraws the calls in flight and lets go. */
  close(): void;
  addEventListener<E extends keyof ClientEvents>(
    type: E,
    listener: ((event: ClientEvents[E]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

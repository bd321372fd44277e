// A server in memory: the protocol's own server half, answered by functions. Sessions, streams, events and resuming are real.

import type { Api } from "../api.gen.js";
import { reported } from "../guarded.js";
import type { ActionName, ApiTypes, ConnectOptions, ItemOf, RequestOf, ResponseOf } from "../types.js";
import type { Output } from "../wasm/tabagent_testing.js";
import type { Sessions } from "../wasm/tabagent_testing_bg.js";
import { Handled, type MemoryCall } from "./handled.js";
import { sessionsModule } from "./module.js";
import { type MemorySocket, socketsTo } from "./socket.js";

export type { MemoryCall } from "./handled.js";

/** Functions that answer, by the name of the action: with a value, or for streams with a generator of items that returns the answer. */
export type MemoryActions<T> = {
  [A in ActionName<T>]?: (
    fields: Omit<RequestOf<T, A>, "action">,
    call: MemoryCall,
  ) => ResponseOf<T, A> | Promise<ResponseOf<T, A>> | AsyncGenerator<ItemOf<T, A>, ResponseOf<T, A>>;
};

/** What a server in memory is made of. */
export interface MemoryOptions<T> {
  /** What it answers; `subscribe` and `unsubscribe` it knows by itself. */
  actions?: MemoryActions<T>;
  /** Milliseconds for which a session waits for its next transport. Default: 60000. */
  windowMs?: number;
  /** Milliseconds of silence after which clients are asked for a sign of life. Default: 5000. */
  keepaliveMs?: number;
}

/** Bytes that name a server process. */
const BOOT_BYTES = 16;

/**
 * Starts a server without a network.
 *
 * ```js
 * const server = await memoryServer({ actions: { health: () => ({ status: "healthy", … }) } });
 * const agent = await connect(server.url, server.options);
 * ```
 */
export async function memoryServer<T extends ApiTypes<T> = Api>(options: MemoryOptions<T> = {}): Promise<MemoryServer<T>> {
  const Module = await sessionsModule();
  return new MemoryServer<T>(new Module(options.windowMs ?? 60_000, options.keepaliveMs ?? 5_000, boot()), options.actions ?? {});
}

/** A server without a network, made by {@link memoryServer}. */
export class MemoryServer<T = Api> {
  /** For `connect()`; no other address leads here. */
  readonly url = "http://memory.test";
  /** For `connect()`. */
  readonly options: Pick<ConnectOptions, "WebSocket" | "transports">;
  #sessions: Sessions;
  #handled: Handled;
  /** By the number of the connection. */
  #sockets = new Map<number, MemorySocket>();
  #numbers = new Map<MemorySocket, number>();
  #made = 0;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @internal */
  constructor(sessions: Sessions, actions: MemoryActions<T>) {
    this.#sessions = sessions;
    this.#handled = new Handled(actions as ConstructorParameters<typeof Handled>[0], (wish) => this.#turn(wish));
    const number = (socket: MemorySocket) => this.#numbers.get(socket) ?? 0;
    const WebSocket = socketsTo({
      opened: (socket) => {
        if (this.#over) return socket.close();
        this.#numbers.set(socket, ++this.#made);
        this.#sockets.set(this.#made, socket);
      },
      packet: (socket, bytes) => void this.#turn((sessions) => sessions.packet(now(), number(socket), bytes)),
      closed: (socket) => {
        this.#sockets.delete(number(socket));
        this.#turn((sessions) => sessions.closed(now(), number(socket)));
        this.#numbers.delete(socket);
      },
    });
    this.options = { WebSocket, transports: ["websocket"] };
  }

  /** How many clients have a session, and how many calls of theirs are being answered. */
  get counts(): { sessions: number; calls: number } {
    return this.#handled.counts;
  }

  /** Publishes an event to whoever subscribed to its name. */
  publish(event: { event: string; [field: string]: unknown }): void {
    this.#handled.publish(event);
  }

  /** Asks the client that came last; rejects with its failure. */
  request(action: string, fields: object = {}): Promise<unknown> {
    return this.#handled.request(action, fields);
  }

  /** Is killed and starts anew: all transports break, and no session is known any more. */
  restart(): void {
    this.#turn((sessions) => sessions.forget(boot()));
    this.#handled.forget();
    this.#hangUp();
  }

  /** Ends, telling its clients: they wait for its successor, which never comes. */
  close(): void {
    this.#over = true;
    this.#turn((sessions) => this.#handled.numbers.forEach((session) => sessions.end(session, "draining", "the server is shutting down")));
    this.#handled.forget();
    this.#hangUp();
    clearTimeout(this.#timer);
  }

  #hangUp(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }

  /** Does something with the sessions, then whatever follows from it. */
  #turn<R>(wish: (sessions: Sessions) => R): R {
    const result = wish(this.#sessions);
    this.#drain();
    const due = this.#sessions.tick(now());
    this.#drain();
    clearTimeout(this.#timer);
    if (due !== undefined) this.#timer = setTimeout(() => this.#turn(() => {}), due - now());
    return result;
  }

  #drain(): void {
    for (let output = this.#sessions.poll(); output; output = this.#sessions.poll()) this.#do(output);
  }

  #do(output: Output): void {
    if (output[0] === "transmit") this.#sockets.get(output[1])?.receive(output[2]);
    else if (output[0] === "close") this.#sockets.get(output[1])?.close();
    else this.#handled.hear(output).catch(reported);
  }
}

const now = (): number => Math.floor(performance.now());
const boot = (): Uint8Array => crypto.getRandomValues(new Uint8Array(BOOT_BYTES));

// Who waits for which call: turns what the module says into values, and hands it over.

import { TabagentError } from "./errors.js";
import { hex } from "./hex.js";
import type { TransportChange, TransportFailure, TransportName } from "./types.js";
import type { Listener } from "./wasm/tabagent_client.js";

/** Someone who made a call. */
export interface Caller {
  /** The answer: the call is over. */
  response(value: unknown): void;
  /** It failed: the call is over. */
  failed(error: TabagentError): void;
  /** An item, or news of the call. Whoever takes it says so with its cost. */
  item(value: unknown, cost: number, news: boolean): void;
  /** The server takes items. */
  writable(): void;
}

/** What concerns the session and not a call of ours. */
export interface SessionListener {
  step(transport: TransportName, connection: string, name: string, ms: number, count: number): void;
  /** A transport could not be opened. */
  failed(transport: TransportName, failure: TransportFailure): void;
  /** Another transport carries the session; none, by an empty name. */
  moved(to: TransportName | "", connection: string, reason: TransportChange["reason"]): void;
  /** A session begins, with this server process. */
  welcomed(boot: string): void;
  /** The server has lost the session: the next one begins, and knows of no subscription. */
  expired(): void;
  closed(reason: TabagentError): void;
  published(event: unknown): void;
  asked(call: number, action: string, requestId: string, fields: unknown): void;
  cancelled(call: number): void;
  /** Names a session. */
  secret(): Uint8Array;
}

const decoder = new TextDecoder();

/** Hears everything, never throws: an exception would tear the module's stack apart. */
export class Calls implements Listener {
  /** By the number of the call. At most the session's limit of calls. */
  readonly waiting = new Map<number, Caller>();
  /** By token. */
  readonly pings = new Map<number, () => void>();
  #session: SessionListener;

  constructor(session: SessionListener) {
    this.#session = session;
  }

  step(transport: string, connection: string, name: string, ms: number, count: number): void {
    this.#session.step(transport as TransportName, connection, name, ms, count);
  }

  failed(transport: string, step: string, code: string, message: string): void {
    this.#session.failed(transport as TransportName, { step, code, message } as TransportFailure);
  }

  transport(to: string, connection: string, reason: string): void {
    this.#session.moved(to as TransportName | "", connection, reason as TransportChange["reason"]);
  }

  welcomed(boot: Uint8Array): void {
    this.#session.welcomed(hex(boot));
  }

  expired(): void {
    this.#session.expired();
  }

  item(call: number, news: boolean, cost: number, json: Uint8Array, payload: Uint8Array | undefined): void {
    this.waiting.get(call)?.item(value(json, payload), cost, news);
  }

  writable(call: number): void {
    this.waiting.get(call)?.writable();
  }

  response(call: number, json: Uint8Array, payload: Uint8Array | undefined): void {
    const answer = value(json, payload);
    this.#take(call)?.response(answer);
  }

  fault(call: number, code: string, message: string, status: number, details: Uint8Array, retryAfterMs: number | undefined): void {
    const callId = call || undefined;
    const error = new TabagentError({ code, message, status, details: value(details), retryAfterMs, callId });
    if (call) this.#take(call)?.failed(error);
    else this.#session.closed(error);
  }

  request(call: number, action: string, requestId: string, json: Uint8Array, payload: Uint8Array | undefined): void {
    this.#session.asked(call, action, requestId, value(json, payload));
  }

  cancelled(call: number): void {
    this.#session.cancelled(call);
  }

  published(json: Uint8Array): void {
    this.#session.published(value(json));
  }

  pong(token: number): void {
    this.pings.get(token)?.();
  }

  secret(): Uint8Array {
    return this.#session.secret();
  }

  #take(call: number): Caller | undefined {
    const caller = this.waiting.get(call);
    this.waiting.delete(call);
    return caller;
  }
}

/** JSON as a value, with the raw bytes that came beside it. */
function value(json: Uint8Array, payload?: Uint8Array): unknown {
  const parts = parsed(decoder.decode(json));
  return payload && typeof parts === "object" ? { ...parts, payload } : parts;
}

/** What is no JSON is nothing: a peer's mistake must not stop the others' calls. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

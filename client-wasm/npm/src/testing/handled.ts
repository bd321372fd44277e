// The calls of a server in memory: which function answers which, what they send, and what becomes of them.

import { TabagentError, thrown } from "../errors.js";
import type { Output } from "../wasm/tabagent_testing.js";
import type { Sessions } from "../wasm/tabagent_testing_bg.js";
import { Incoming } from "./incoming.js";

/** What a function that answers knows beside the fields. */
export interface MemoryCall {
  /** Which session asks. */
  readonly session: number;
  /** The caller's name of the call. */
  readonly requestId: string;
  /** Aborted when the caller no longer wants the answer. */
  readonly signal: AbortSignal;
  /** Raw bytes that came beside the fields. */
  readonly payload: Uint8Array | undefined;
  /** The body that the caller sends beside the fields, in pieces; empty without one. Reading lets the caller go on. */
  readonly body: AsyncIterableIterator<Uint8Array, undefined>;
  /** Sends news of this call, which its caller hears as `onEvent`. Resolves when more may follow. */
  emit(event: { event: string; [field: string]: unknown }): Promise<void>;
  /** Asks the caller; rejects with its failure. */
  request(action: string, fields?: object): Promise<unknown>;
}

type Handler = (fields: any, call: MemoryCall) => unknown;

/** Something with the sessions, and what follows from it. */
type Turn = <R>(wish: (sessions: Sessions) => R) => R;

/** A call that is being answered. */
interface Running {
  controller: AbortController;
  body: Incoming;
  /** Lets on who waits for the reader. */
  go: () => void;
}

/** A call of ours. */
interface Asked {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** What is known of a session. */
interface Session {
  running: Map<number, Running>;
  asked: Map<number, Asked>;
  subscribed: Set<string>;
}

/** @internal Of all sessions of a server. */
export class Handled {
  #actions: Readonly<Record<string, Handler | undefined>>;
  #turn: Turn;
  /** The latest last. */
  #sessions = new Map<number, Session>();

  constructor(actions: Readonly<Record<string, Handler | undefined>>, turn: Turn) {
    this.#actions = actions;
    this.#turn = turn;
  }

  get counts(): { sessions: number; calls: number } {
    const calls = [...this.#sessions.values()].reduce((sum, { running }) => sum + running.size, 0);
    return { sessions: this.#sessions.size, calls };
  }

  get numbers(): number[] {
    return [...this.#sessions.keys()];
  }

  /** What the sessions say. Rejects for what is a mistake of this file alone. */
  async hear(output: Output): Promise<void> {
    if (output[0] === "transmit" || output[0] === "close") return;
    const session = this.#session(output[1]);
    if (output[0] === "request") return this.#answer(output, session);
    if (output[0] === "begun") return;
    if (output[0] === "over") return this.#over(output[1], session);
    const [, , call] = output;
    if (output[0] === "cancelled") stop(session.running.get(call));
    if (output[0] === "writable") session.running.get(call)?.go();
    if (output[0] === "item") session.running.get(call)?.body.push(output[5] ?? new Uint8Array(), output[3]);
    if (output[0] === "ended") session.running.get(call)?.body.end();
    if (output[0] === "response") settle(session, call)?.resolve(parsed(output[3]));
    if (output[0] === "failed") settle(session, call)?.reject(new TabagentError({ code: output[3], status: 500, message: output[4], details: parsed(output[5]) }));
  }

  publish(event: { event: string; [field: string]: unknown }): void {
    const text = JSON.stringify({ type: "event", ...event });
    for (const [number, { subscribed }] of this.#sessions) if (subscribed.has(event.event)) this.#turn((sessions) => sessions.publish(number, text));
  }

  request(action: string, fields: object, number = this.numbers.at(-1) ?? 0): Promise<unknown> {
    return new Promise((resolve, reject) => {
      try {
        const call = this.#turn((sessions) => sessions.call(now(), number, action, JSON.stringify(fields)));
        this.#session(number).asked.set(call, { resolve, reject });
      } catch (error) {
        reject(thrown(error));
      }
    });
  }

  /** Nobody is there any more. */
  forget(): void {
    for (const [number, session] of this.#sessions) this.#over(number, session);
  }

  #session(number: number): Session {
    let session = this.#sessions.get(number);
    if (!session) this.#sessions.set(number, (session = { running: new Map(), asked: new Map(), subscribed: new Set() }));
    return session;
  }

  #over(number: number, { running, asked }: Session): void {
    this.#sessions.delete(number);
    for (const each of running.values()) stop(each);
    const lost = new TabagentError({ code: "outcome_unknown", status: 502, message: "the session ended before the client answered" });
    for (const { reject } of asked.values()) reject(lost);
  }

  async #answer([, number, call, action, requestId, value, payload, streams]: Output & { 0: "request" }, session: Session): Promise<void> {
    const controller = new AbortController();
    const body = new Incoming(streams, (cost) => this.#turn((sessions) => sessions.consumed(number, call, cost)));
    const running: Running = { controller, body, go: () => {} };
    session.running.set(call, running);
    const send = async (news: boolean, value: unknown) => {
      // Until there is room; its reader may be slow, or gone.
      while (!controller.signal.aborted && !this.#turn((sessions) => sessions.writable(number, call))) await new Promise<void>((go) => (running.go = go));
      if (!controller.signal.aborted) this.#turn((sessions) => sessions.item(number, call, news, ...parts(value)));
    };
    const context: MemoryCall = {
      session: number,
      requestId,
      signal: controller.signal,
      payload,
      body,
      emit: (event) => send(true, { type: "event", ...event }),
      request: (action, fields = {}) => this.request(action, fields, number),
    };
    try {
      const answer = await this.#run(action, parsed(value), context, session, (item) => send(false, item));
      this.#turn((sessions) => sessions.respond(number, call, ...parts(answer)));
    } catch (error) {
      const { code, message = error, details } = (thrown(error) ?? {}) as { code?: unknown; message?: unknown; details?: unknown };
      const text = details === undefined ? "" : JSON.stringify(details);
      this.#turn((sessions) => sessions.refuse(number, call, typeof code === "string" ? code : "internal", String(message), text));
    } finally {
      session.running.delete(call);
    }
  }

  async #run(action: string, fields: unknown, call: MemoryCall, session: Session, send: (item: unknown) => Promise<void>): Promise<unknown> {
    const handler = this.#actions[action];
    if (!handler && (action === "subscribe" || action === "unsubscribe")) return subscribe(action, (fields as { events: string[] }).events, session.subscribed);
    if (!handler) throw new TabagentError({ code: "unknown_action", status: 404, message: `this server in memory has no action "${action}"` });
    const answer = handler(fields, call) as AsyncGenerator<unknown, unknown>;
    if (typeof answer?.[Symbol.asyncIterator] !== "function") return answer;
    for (;;) {
      const { done, value } = await answer.next();
      if (done) return value;
      await send(value);
      if (call.signal.aborted) return answer.return(undefined);
    }
  }
}

function subscribe(action: "subscribe" | "unsubscribe", events: string[], subscribed: Set<string>): object {
  for (const event of events) action === "subscribe" ? subscribed.add(event) : subscribed.delete(event);
  return { type: `${action}_response`, events: [...subscribed].sort() };
}

function stop(running: Running | undefined): void {
  running?.controller.abort();
  running?.body.end(new TabagentError({ code: "cancelled", status: 499, message: "the caller no longer wants the answer" }));
  running?.go();
}

function settle(session: Session, call: number): Asked | undefined {
  const asked = session.asked.get(call);
  session.asked.delete(call);
  return asked;
}

/** The member `payload` of an answer or an item travels as raw bytes, beside the rest. */
function parts(value: unknown): [json: string, payload: Uint8Array | undefined] {
  const { payload, ...rest } = Object(value) as { payload?: unknown };
  return payload instanceof Uint8Array ? [JSON.stringify(rest), payload] : [JSON.stringify(value ?? null), undefined];
}

function parsed(json: string): unknown {
  return json === "" ? undefined : JSON.parse(json);
}

const now = (): number => Math.floor(performance.now());

// The session of a client: a session of the module, and after a crash the one in the next instance. Calls are made here.

import { Calls } from "./calls.js";
import { TRANSPORTS, chosen } from "./chosen.js";
import type { Engine, Instance } from "./engine.js";
import { TabagentError } from "./errors.js";
import { crash } from "./guard.js";
import { guarded } from "./guarded.js";
import { Keyed } from "./keyed.js";
import { type Asked, type Asker, type Placed, place, withdrawn } from "./placed.js";
import { Secrets } from "./secrets.js";
import type { Serving } from "./serving.js";
import { Transports } from "./transports.js";
import type { ConnectOptions, TransportChange, TransportFailure, TransportName } from "./types.js";
import { Unplaced } from "./unplaced.js";
import type { Session } from "./wasm/tabagent_client_bg.js";
import { ANSWER, CLOSE, PING, SLEEP, WAKE, counts, report } from "./wishes.js";

/** Milliseconds for the answer to a ping: a slower connection has no round trip worth showing. */
const PING_MS = 2_000;

/** What calls fail with that end with their session. */
export const SESSION_OVER: ReadonlySet<string> = new Set(["outcome_unknown", "client_crashed"]);

/** Hears of a client's session. */
export interface SessionNews {
  /** A step of opening a transport is done, so many milliseconds after `connect()`. */
  step(transport: TransportName, connection: string, name: string, ms: number, count: number): void;
  /** A transport could not be opened. */
  failed(transport: TransportName, failure: TransportFailure): void;
  /** Another transport carries the session, or none. */
  moved(to: TransportName | undefined, connection: string, reason: TransportChange["reason"]): void;
  /** The next session begins; the server knows of no subscription. */
  renewed(): void;
  /** An event of the server's, or of a call. */
  event(event: unknown): void;
  /** It is over, and this is the last that is heard. */
  closed(reason: TabagentError): void;
}

/** Everything that a session is made of. */
export interface SessionParts {
  engine: Engine;
  url: string;
  options: ConnectOptions;
  /** The ladder. */
  transports: readonly TransportName[];
  /** Answers the server's calls. */
  serving: Serving;
  news: SessionNews;
}

/** One client's session, across transports, across sessions that the server loses, across instances of the module. */
export class ClientSession {
  /** Names the server process; empty before the first welcome. */
  boot = "";
  #parts: SessionParts;
  /**
   * None when it is over, and between two instances of the module. Freed at the end: it and this one hold each other, and nobody else would
   * tell them apart.
   */
  #session: Session | undefined;
  /** Of this session of the module. */
  #calls!: Calls;
  #secrets = new Secrets();
  #keyed = new Keyed();
  #open: Transports;
  /** Calls that wait for the next instance. */
  #unplaced = new Unplaced();
  /** Why it is being closed from here. */
  #closing: TabagentError | undefined;
  #over = false;
  /** A session has been welcomed. */
  #stood = false;
  #begun = performance.now();
  /** Milliseconds from then to the beginning of this session of the module. */
  #offset = 0;
  /** Hears no more of the instance. */
  #leave!: () => void;
  #pings = 0;

  constructor(instance: Instance, parts: SessionParts) {
    this.#parts = parts;
    this.#open = new Transports(parts.options);
    this.#begin(instance);
  }

  /** Whether there is a session of the module: not when it is over, and not between two instances. */
  get stands(): boolean {
    return !this.#over && this.#session !== undefined;
  }

  /** Makes a call. Undefined when it failed at once; the asker has been told. */
  call(asked: Asked, asker: Omit<Asker, "news">): Placed | undefined {
    const { action, options } = asked;
    const { signal, idempotencyKey: key, onEvent } = options;
    if (signal?.aborted) return void asker.failed(withdrawn(asked));
    const session = this.#session;
    if (!session) {
      if (this.#over) return void asker.failed(new TabagentError({ code: "invalid_state", status: 409, message: "the client is closed; connect anew" }));
      if (this.#unplaced.hasRoom) return this.#unplaced.wait(signal, (signal) => this.call({ ...asked, options: { ...options, signal } }, asker));
      return void asker.failed(new TabagentError({ code: "limit_reached", status: 429, message: "too many calls wait for the client's next instance" }));
    }
    const boot = options.boot ?? (key && this.#keyed.boot(action, key));
    return place({ session, waiting: this.#calls.waiting, isCurrent: () => session === this.#session }, { ...asked, options: { ...options, boot } }, {
      ...asker,
      failed: (error) => {
        if (key && SESSION_OVER.has(error.code)) this.#keyed.lose(action, key, boot || this.boot);
        asker.failed(error);
      },
      news: (event) => {
        guarded(() => onEvent?.(event as never));
        this.#parts.news.event(event);
      },
    });
  }

  /** The page is looked at again; `network`: its way to the server may have changed. */
  wake(network: boolean): void {
    this.#session?.wish(WAKE, Number(network), 0);
  }

  /** The page goes, and may come back. */
  sleep(): void {
    this.#session?.wish(SLEEP, 0, 0);
  }

  /** Milliseconds there and back, measured now; undefined when no answer comes in time. */
  ping(): Promise<number | undefined> {
    const { pings } = this.#calls;
    const [token, begun] = [++this.#pings, performance.now()];
    return new Promise((resolve) => {
      const done = (ms?: number) => {
        clearTimeout(timer);
        pings.delete(token);
        resolve(ms);
      };
      const timer = setTimeout(done, PING_MS);
      pings.set(token, () => done(performance.now() - begun));
      this.#session?.wish(PING, token, 0);
    });
  }

  /** The module's counts. */
  counts(): Iterable<number> {
    return counts(this.#session);
  }

  /** The browser's statistics of the connection in use, where that is WebRTC. */
  report(): Promise<RTCStatsReport> | undefined {
    return report(this.#session);
  }

  /** Ends it: calls in flight fail, the server is told. Does nothing the second time. */
  close(code: string, message: string): void {
    if (this.#over) return;
    this.#closing = new TabagentError({ code, status: 499, message });
    if (this.#session) this.#session.wish(CLOSE, 0, 0, { code, message });
    else this.#closed(this.#closing);
  }

  /** Begins in an instance of the module: the first, or the one in place of an instance that crashed. */
  #begin({ Session, users }: Instance): void {
    const { url, options, transports, serving, news } = this.#parts;
    const crashed = (cause: unknown) => this.#crashed(cause);
    users.add(crashed);
    this.#leave = () => users.delete(crashed);
    this.#offset = performance.now() - this.#begun;
    this.#calls = new Calls({
      step: (transport, connection, name, ms, count) => news.step(transport, connection, name, ms + this.#offset, count),
      failed: (...failure) => news.failed(...failure),
      moved: (...change) => this.#moved(...change),
      welcomed: (boot) => (this.boot = boot),
      expired: () => news.renewed(),
      closed: (reason) => this.#closed(reason),
      published: (event) => news.event(event),
      asked: async (call, action, requestId, fields) => {
        const answer = await serving.answer(call, action, requestId, fields);
        if (this.#session === session) session.wish(ANSWER, call, 0, answer);
      },
      cancelled: (call) => serving.cancel(call),
      secret: () => this.#secrets.next(),
    });
    const session = new Session(this.#calls, {
      server: url,
      replaces: this.#secrets.past(),
      constructors: this.#open.constructors,
      transports: Uint8Array.from(transports, (name) => TRANSPORTS.indexOf(name)),
      ...chosen(options),
    });
    this.#session = session;
    news.renewed();
    this.#unplaced.place();
  }

  /** The instance has crashed, and with it the session: what was under way is lost, the next begins in the next instance. */
  #crashed(cause: unknown): void {
    const [{ waiting }, over, { engine, serving }] = [this.#calls, this.#closing, this.#parts];
    this.#session = undefined;
    this.#open.close();
    serving.cancelAll();
    if (this.#over) return;
    // Before the failures, as when a transport is lost.
    if (this.#stood) this.#moved("", "", over ? "closed" : "crashed");
    for (const [callId, caller] of waiting) caller.failed(over ?? crash(`call ${callId} may or may not have been carried out`, cause));
    waiting.clear();
    if (over) return this.#closed(over);
    engine.instance().then(
      (instance) => this.#over || this.#begin(instance),
      (error: TabagentError) => this.#closed(error.code === "client_crashed" ? error : crash(error.message, error)),
    );
  }

  #moved(name: TransportName | "", connection: string, reason: TransportChange["reason"]): void {
    const to = name || undefined;
    // The first of the session, but not of the client.
    if (reason === "connected" && this.#stood) reason = "reconnected";
    if (to) {
      this.#stood = true;
      this.#secrets.welcomed();
    }
    this.#parts.news.moved(to, connection, reason);
  }

  #closed(reason: TabagentError): void {
    if (this.#over) return;
    this.#over = true;
    this.#leave();
    this.#parts.serving.cancelAll();
    this.#parts.news.closed(reason);
    this.#unplaced.place();
    // Not at once: this may be called from within it.
    queueMicrotask(() => {
      this.#session?.free();
      this.#session = undefined;
    });
  }
}

// How requests, answers, items, events and served functions are typed by what a server says of itself.

import type { Constructors } from "./transports.js";

/** What an action takes and gives. */
export interface ActionTypes {
  /** Its fields, without `action`. */
  request: object;
  /** Its answer. */
  response: unknown;
  /** What a stream of it is made of; `never` where there is nothing to stream. */
  item: unknown;
}

/** A table of actions by name. */
export type ActionMap<M> = { [A in keyof M]: ActionTypes };

/**
 * What a server says of itself: the `Api` that its `GET /v1/types.ts` declares, or one written by hand.
 *
 * `actions` is a table of {@link ActionTypes}; `clientActions`, of those that it asks its clients for; `events`, of events by name.
 */
export type ApiTypes<T> = {
  actions: ActionMap<Part<T, "actions">>;
  events?: object;
  clientActions?: ActionMap<Part<T, "clientActions">>;
};

/** A member of a type; an empty one where it has none. */
type Part<T, Name extends string> = T extends { [N in Name]: infer P } ? P : Record<never, never>;

/** The table of actions of a server. */
export type ActionsOf<T> = Part<T, "actions">;

/** The names of a server's actions. */
export type ActionName<T> = keyof ActionsOf<T> & string;

/** The names of actions whose answers come in items. */
export type StreamName<T> = { [A in ActionName<T>]: [ItemOf<T, A>] extends [never] ? never : A }[ActionName<T>];

/** A request: the action's name beside its fields. */
export type RequestOf<T, A extends ActionName<T>> = { action: A } & Part<ActionsOf<T>[A], "request">;

/** An answer; raw bytes that came with it are in `payload`, in a buffer of their own. */
export type ResponseOf<T, A extends ActionName<T>> = Part<ActionsOf<T>[A], "response"> & { payload?: Uint8Array<ArrayBuffer> };

/** One part of a stream; raw bytes that came with it are in `payload`, in a buffer of their own. */
export type ItemOf<T, A extends ActionName<T>> = Part<ActionsOf<T>[A], "item"> & { payload?: Uint8Array<ArrayBuffer> };

/** An event as `on` hands it over; names that the server does not declare are open. */
export type EventOf<T, E extends string> = E extends keyof Part<T, "events">
  ? Part<T, "events">[E]
  : { type: "event"; event: E; [field: string]: unknown };

/** Functions that answer calls of the server: of the declared names and types where there are some, of any otherwise. */
export type ServeFunctions<T> = keyof Part<T, "clientActions"> extends never
  ? Readonly<Record<string, ServeFunction>>
  : { readonly [A in keyof Part<T, "clientActions">]?: TypedServeFunction<Part<T, "clientActions">[A]> };

/** Answers a call of the server whose types are declared. */
export type TypedServeFunction<A> = (
  fields: Part<A, "request">,
  context: ServeContext,
) => Part<A, "response"> | Promise<Part<A, "response">>;

/** What can carry a session. */
export type TransportName = "webrtc" | "websocket" | "native";

/** One step of opening a transport and when it was done. */
export interface TimelineEntry {
  /** What was opened. */
  transport: TransportName;
  /** What was done; a WebSocket and native messaging have only the last two. */
  step: "signaling" | "ice" | "dtls" | "channel" | "welcome";
  /** Milliseconds since `connect()`. */
  ms: number;
}

/** What `debug` is told, once per step. Never holds a session description or a key. */
export interface DebugLine {
  /** Which transport it is about; undefined when it is about the session. */
  transport: TransportName | undefined;
  /** The server's id of the connection; empty while it is not known, and but for WebRTC. */
  connection: string;
  /** `offer`, `answer`, `candidates`, a step of the timeline, `failed`, `transport`, or `closed`. */
  step: string;
  /** Milliseconds since `connect()`. */
  ms: number;
  /** What happened, for people. */
  message: string;
}

/** The `detail` of a `transportchange` event. */
export interface TransportChange {
  /** What carried the session before; undefined when nothing did. */
  from: TransportName | undefined;
  /** What carries it now, perhaps another of the same kind; undefined while nothing does. */
  to: TransportName | undefined;
  /**
   * `connected`: the first. `preferred`: a better one is ready. `lost`: the one before broke. `replaced`: the one before was
   * silent, or the server will close it. `reconnected`: there was none before. `sleeping`: the page is put aside, perhaps to come
   * back. `crashed`: the client's WebAssembly crashed; a new session begins, and calls that were under way have failed with
   * `client_crashed`. `closed`: the session is over.
   */
  reason: "connected" | "preferred" | "lost" | "replaced" | "reconnected" | "sleeping" | "crashed" | "closed";
}

/** What a client dispatches. */
export interface ClientEvents {
  /** {@link TabagentClient.state} has changed. */
  statechange: Event;
  /** Another transport carries the session, or none does: {@link TabagentClient.transport}. */
  transportchange: CustomEvent<TransportChange>;
}

/** When transports are tried again and replaced, all in milliseconds. The defaults suit people and networks; tests are in a hurry. */
export interface ReconnectOptions {
  /** For which a session without a transport can be continued; the server's own window counts too. Default: 60000. */
  windowMs?: number | undefined;
  /** The longest wait before the second try while nothing carries the session; the first is at once. Each failure doubles it, each wait is a random part of it. Default: 250. */
  retryMs?: number | undefined;
  /** What it grows to. Default: 10000. */
  maxRetryMs?: number | undefined;
  /** The same while a less preferred transport carries the session. Default: 5000. */
  upgradeMs?: number | undefined;
  /** What it grows to. Default: 300000. */
  maxUpgradeMs?: number | undefined;
  /** For which a transport must last to be one that works: its failures are forgotten then. Default: 10000. */
  stableMs?: number | undefined;
  /** Head start of the WebSocket. Default: 100. */
  headStartMs?: number | undefined;
  /** Silence of the server after which it is asked for a sign of life. Default: 12000. */
  silenceMs?: number | undefined;
  /** For which that is waited for before other transports are tried. Default: 2000. */
  answerMs?: number | undefined;
}

/** How to connect. */
export interface ConnectOptions extends Constructors {
  /** Key of the server, sent as `Authorization: Bearer`. Default: none. */
  key?: string | undefined;
  /** STUN and TURN servers. Default: none, so that nothing leaves this machine and its network unasked. */
  iceServers?: readonly RTCIceServer[] | undefined;
  /** `"relay"` uses TURN servers only. Default: `"all"`. */
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
  /** Who makes the first move; `"server-offers"` costs one round trip more. Default: `"client-offers"`. */
  negotiation?: "client-offers" | "server-offers" | undefined;
  /**
   * What may carry the session, the preferred first. All of them are tried: what is welcomed first carries the first calls, and the
   * session moves to what is preferred as soon as that stands. Default: `["webrtc", "websocket"]`, and `"native"` behind them with a
   * {@link Constructors.NativeSocket}.
   */
  transports?: readonly TransportName[] | undefined;
  /** The first of `transports` or a failure that names it. Default: false. */
  strict?: boolean | undefined;
  /** How a lost transport is replaced; `false`: not at all, the client closes. */
  reconnect?: false | ReconnectOptions | undefined;
  /** Milliseconds until the first welcome. Default: 10000. */
  connectTimeoutMs?: number | undefined;
  /** Milliseconds for each `request` that names none itself; streams have no limit but their own. Default: none. */
  requestTimeoutMs?: number | undefined;
  /** `true` writes a line per step to `console.debug`; a function is given the lines. Default: off. */
  debug?: boolean | ((line: DebugLine) => void) | undefined;
  /** Calls the attempt off; once connected, closes the client. */
  signal?: AbortSignal | undefined;
}

/** How to make a call. */
export interface RequestOptions {
  /** Withdraws the call: it rejects with `cancelled`, and the server stops working for it. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until `deadline_exceeded`, kept by both sides. Default: for a request `requestTimeoutMs` of the client, for a stream none. */
  timeoutMs?: number | undefined;
  /** Your name of the call, unique in this client: `stop_generation` takes it. Default: the field `request_id`, or one is made. */
  requestId?: string | undefined;
  /** Raw bytes beside the fields, part of one message: small ones. */
  payload?: Uint8Array | ArrayBuffer | undefined;
  /** Raw bytes behind the fields, of any size: sent piece by piece, read no faster than the server takes them. */
  body?: RawBody | undefined;
  /** Media type of `payload` or `body`. Default: a blob's own, or else `application/octet-stream`. */
  contentType?: string | undefined;
  /** Hears how much of `body` has been sent, after each piece. */
  onProgress?: ((progress: BodyProgress) => void) | undefined;
  /**
   * The lane that everything of this call travels in. What is in `bulk` delays no call in `interactive`. Default: `bulk` for calls
   * with a `payload` or a `body`, and for `read_file` and `write_file`.
   */
  lane?: "interactive" | "bulk" | undefined;
  /**
   * Your name of what is to happen once. A repeat of the call under it, with the same fields, is not carried out again: it gets the
   * first answer, or the items of the running call from the first on, in this client or, after a reload, in the next. The promise
   * holds for each server process, and for ten minutes after the answer: see `boot`.
   */
  idempotencyKey?: string | undefined;
  /**
   * With `idempotencyKey`: the server process that the key was first used with, {@link TabagentClient.boot} of then. Another one
   * refuses the call with `outcome_unknown`, as it cannot know of the first. Keep it beside the key where repeats may come after a
   * reload; repeats in one client need no such help. Default: any process will do.
   */
  boot?: string | undefined;
  /** Hears news of this call, such as its progress. */
  onEvent?: ((event: { type: "event"; event: string; [field: string]: unknown }) => void) | undefined;
}

/**
 * Raw bytes to be sent. A blob or file is never in memory as a whole. A stream or iterable is read only as far as the server takes
 * it, cancelled when the call is withdrawn or settled before its end, and what it throws is what the call throws.
 */
export type RawBody = Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | ArrayBuffer | ArrayBufferView;

/** How far a body has come. */
export interface BodyProgress {
  /** Bytes sent. */
  sent: number;
  /** Bytes in all, where the body knows. */
  total: number | undefined;
}

/** How far a stream of bytes has come. */
export interface BytesProgress {
  /** Bytes received and read. */
  received: number;
  /** Bytes in all, where the items say so in a field `total`. */
  total: number | undefined;
}

/** How to read the bytes of a stream. */
export interface BytesOptions {
  /** Hears how much has been read, after each item. */
  onProgress?: ((progress: BytesProgress) => void) | undefined;
}

/** How to make a blob of a stream. */
export interface BlobOptions extends BytesOptions {
  /** Media type of the blob. Default: none. */
  type?: string | undefined;
}

/** What a function given to `serve` knows beside the fields. */
export interface ServeContext {
  /** Aborted when the server no longer wants the answer. */
  signal: AbortSignal;
  /** The server's name of the call; empty where it gave none. */
  requestId: string;
}

/** Answers a call of the server: returns the answer, or throws; an error's `code` travels, `internal` where it has none. */
export type ServeFunction = (fields: any, context: ServeContext) => unknown;

/** One end of the path that ICE selected. */
export interface CandidateEnd {
  /** `host`, `srflx`, `prflx` or `relay`. */
  type: string;
  /** `udp` or `tcp`. */
  protocol: string;
}

/** What one lane has moved. */
export interface LaneStats {
  /** Packets sent. */
  sent: number;
  /** Of these, packets that the server has confirmed. */
  acked: number;
  /** Packets received. */
  received: number;
  /** Messages that wait for room. */
  waiting: number;
  /** Bytes in the browser's send buffer. */
  buffered: number;
}

/** How it goes with one transport. */
export interface TransportStats {
  transport: TransportName;
  /** `carrying` the session; `opening`; `waiting` for the next try; `idle`: not to be tried, because it can never work here. */
  state: "carrying" | "opening" | "waiting" | "idle";
  /** Attempts in a row that failed, or led to nothing stable. */
  failures: number;
  /** Milliseconds to the next try, if one is needed then. */
  retryInMs: number;
  /** Why the last attempt failed. */
  error: TransportFailure | undefined;
}

/** Why a transport could not be opened. */
export interface TransportFailure {
  /** The step that it stopped at. */
  step: TimelineEntry["step"];
  /** Stable name of the failure, as of a {@link TabagentError}. */
  code: string;
  /** One sentence for people. */
  message: string;
}

/** How the connection is at this moment. */
export interface ClientStats {
  /** As {@link TabagentClient.state}. */
  state: ClientState;
  /** What carries the session; undefined while nothing does. */
  transport: TransportName | undefined;
  /** How it goes with each of the client's transports, the preferred first. */
  transports: TransportStats[];
  /** The path that ICE selected; undefined when WebRTC does not carry the session. */
  candidatePair: { local: CandidateEnd; remote: CandidateEnd } | undefined;
  /** Milliseconds there and back, measured now; undefined when no answer came within two seconds. */
  roundTripMs: number | undefined;
  /** Interactive calls and bulk data have a lane each. */
  lanes: { interactive: LaneStats; bulk: LaneStats };
  /** Calls in flight: made by this client, and by the server. */
  calls: { ours: number; theirs: number };
}

/** `idle`: nothing tried. `connecting`, `connected`. `reconnecting`: no transport, calls wait for the next one. `closed`: over. */
export type ClientState = "idle" | "connecting" | "connected" | "reconnecting" | "closed";

// How requests, answers and items are typed by the name of their action.

import type { Events } from "./api.gen.js";

/** What an action takes and gives. */
export interface ActionTypes {
  /** Its fields, without `action`. */
  request: object;
  /** Its answer. */
  response: unknown;
  /** What a stream of it is made of; `never` where there is nothing to stream. */
  item: unknown;
}

/** A table of actions by name, such as `Actions` or one of your own. */
export type ActionMap<M> = { [A in keyof M]: ActionTypes };

/** The names of a table. */
export type ActionName<M> = keyof M & string;

/** The names whose answers come in items. */
export type StreamName<M extends ActionMap<M>> = { [A in ActionName<M>]: [M[A]["item"]] extends [never] ? never : A }[ActionName<M>];

/** A request: the action's name beside its fields. */
export type RequestOf<M extends ActionMap<M>, A extends ActionName<M>> = { action: A } & M[A]["request"];

/** An answer; raw bytes that came with it are in `payload`, in a buffer of their own. */
export type ResponseOf<M extends ActionMap<M>, A extends ActionName<M>> = M[A]["response"] & { payload?: Uint8Array };

/** An event as `on` hands it over; names of an application's own are open. */
export type EventOf<E extends string> = E extends keyof Events ? Events[E] : { type: "event"; event: E; [field: string]: unknown };

/** One step of connecting and when it was done, in milliseconds since `connect()`. */
export interface TimelineEntry {
  /** What was done. */
  step: "signaling" | "ice" | "dtls" | "channel" | "welcome";
  /** Milliseconds since `connect()`. */
  ms: number;
}

/** What `debug` is told, once per step. Never holds a session description or a key. */
export interface DebugLine {
  /** The server's id of the connection; empty while it is not known. */
  connection: string;
  /** `offer`, `answer`, `candidates`, a step of the timeline, or `closed`. */
  step: string;
  /** Milliseconds since `connect()`. */
  ms: number;
  /** What happened, for people. */
  message: string;
}

/** How to connect. */
export interface ConnectOptions {
  /** Key of the server, sent as `Authorization: Bearer`. Default: none. */
  key?: string | undefined;
  /** STUN and TURN servers. Default: none, so that nothing leaves this machine and its network unasked. */
  iceServers?: readonly RTCIceServer[] | undefined;
  /** `"relay"` uses TURN servers only. Default: `"all"`. */
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
  /** Who makes the first move; `"server-offers"` costs one round trip more. Default: `"client-offers"`. */
  negotiation?: "client-offers" | "server-offers" | undefined;
  /** Milliseconds for all steps together. Default: 10000. */
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
  /** Raw bytes beside the fields. */
  payload?: Uint8Array | ArrayBuffer | undefined;
  /** Media type of `payload`. Default: `application/octet-stream`. */
  contentType?: string | undefined;
  /** Hears news of this call, such as its progress. */
  onEvent?: ((event: { type: "event"; event: string; [field: string]: unknown }) => void) | undefined;
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

/** How the connection is at this moment. */
export interface ClientStats {
  /** As {@link TabagentClient.state}. */
  state: ClientState;
  /** What carries the session; undefined when it is not connected. */
  transport: "webrtc" | undefined;
  /** The path that ICE selected; undefined while there is none. */
  candidatePair: { local: CandidateEnd; remote: CandidateEnd } | undefined;
  /** Milliseconds there and back, measured now; undefined when no answer came within two seconds. */
  roundTripMs: number | undefined;
  /** Interactive calls and bulk data have a lane each. */
  lanes: { interactive: LaneStats; bulk: LaneStats };
  /** Calls in flight: made by this client, and by the server. */
  calls: { ours: number; theirs: number };
}

/** `idle`: nothing tried. `connecting`, `connected`. `reconnecting`: the transport is gone, calls wait. `closed`: over. */
export type ClientState = "idle" | "connecting" | "connected" | "reconnecting" | "closed";

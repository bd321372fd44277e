// The door for React: a connection that components share, and a stream as state.

import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import type { Agent } from "./agent.js";
import type { Api } from "./api.gen.js";
import { type AgentState, NONE, type Source, storeOf } from "./react/shared.js";
import { Streamed, type StreamState } from "./react/streamed.js";
import type { ApiTypes, ConnectOptions, ItemOf, RequestOf, RequestOptions, ResponseOf, StreamName } from "./types.js";

export type { Agent } from "./agent.js";
export type * from "./api.gen.js";
export type { TabagentError } from "./errors.js";
export type { AgentState, Source } from "./react/shared.js";
export type { StreamState } from "./react/streamed.js";
export type * from "./types.js";

/** An agent, how it is, and what connects it anew. */
export interface AgentHandle<T extends ApiTypes<T>> extends AgentState<T> {
  /** Connects again after a failure, or after the end of the session; does nothing otherwise. */
  retry(): void;
}

/** A stream as state, and what starts and ends it. */
export interface StreamHandle<T extends ApiTypes<T>, A extends StreamName<T>> extends StreamState<ItemOf<T, A>, ResponseOf<T, A>> {
  /** Calls the action; a stream that still runs is withdrawn first. While there is no agent it waits for one. */
  start(fields: Omit<RequestOf<T, A>, "action">, options?: RequestOptions): void;
  /** Withdraws it. What has arrived stays. */
  cancel(): void;
  /** Withdraws it and forgets what has arrived. */
  reset(): void;
}

/**
 * The agent behind `source`, and how it is: renders again whenever that changes.
 *
 * - An address: connects when the first component that asks for it is mounted. All that ask for the same address with the same `key`
 *   share one session. It is closed when the last of them has been gone for a second, so neither StrictMode nor a change of pages
 *   connects twice. `options` are those of the first; another address or key is another session.
 * - A function that connects, such as the `connect` of `@tabagent/client/extension`: called once for all components that give the same
 *   function. A component keeps to the first it gave.
 * - An agent that is connected already, which stays its owner's: it is never closed from here. `undefined`: there is none yet.
 *
 * On a server, and while a page is hydrated, the state is `idle` and nothing is loaded.
 *
 * @typeParam T - what the server says of itself.
 */
export function useAgent<T extends ApiTypes<T> = Api>(source: Source<T> | undefined, options?: ConnectOptions): AgentHandle<T> {
  const [first] = useState(() => source);
  const kept = typeof source === "function" && typeof first === "function" ? first : source;
  const at = kept instanceof URL ? kept.href : kept;
  const key = options?.key;
  const store = useMemo(() => storeOf(at, key), [at, key]);
  // Of all options only those of the first render that connects count, so a new object in each is no new connection.
  const subscribe = useCallback((changed: () => void) => store.subscribe(changed, options), [store]);
  const state: AgentState<T> = useSyncExternalStore(subscribe, store.state, () => NONE);
  return { ...state, retry: store.retry };
}

/**
 * A stream of one action as state: `start` it from an event handler, render its `items`. Renders at most once a frame, however fast items
 * come. It keeps all items: for a stream that has no end, read `agent.stream()` in an effect of your own. It is withdrawn when the
 * component goes.
 */
export function useStream<T extends ApiTypes<T> = Api, A extends StreamName<T> = StreamName<T>>(agent: Agent<T> | undefined, action: A): StreamHandle<T, A> {
  const [streamed] = useState(() => new Streamed<ItemOf<T, A>, ResponseOf<T, A>>());
  useEffect(() => streamed.cancel, [streamed]);
  useEffect(() => streamed.meet(agent), [streamed, agent]);
  const state = useSyncExternalStore(streamed.subscribe, streamed.snapshot, streamed.snapshot);
  const start = useCallback<StreamHandle<T, A>["start"]>(
    (fields, options) => {
      const request = { ...fields, action } as unknown as RequestOf<T, A>;
      streamed.start((agent, more) => (agent as Agent<T>).stream<A>(request, { ...options, ...more }), options?.signal, agent);
    },
    [streamed, agent, action],
  );
  return { ...state, start, cancel: streamed.cancel, reset: streamed.reset };
}

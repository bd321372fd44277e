// The agents that components share: one for each address and key, and for each function that connects.

import type { Agent } from "../agent.js";
import type { TabagentError } from "../errors.js";
import type { ApiTypes, ClientState, ConnectOptions, TransportName } from "../types.js";

/**
 * Milliseconds that an agent stays connected when no component uses it: from one page of an application to the next, and through
 * StrictMode, which mounts everything twice.
 */
const LINGER_MS = 1_000;

/** Where an agent comes from: an address, a function that connects, or one that is connected. */
export type Source<T extends ApiTypes<T>> = string | URL | ((options: { signal: AbortSignal }) => Promise<Agent<T>>) | Agent<T>;

/** An agent and how it is. */
export interface AgentState<T extends ApiTypes<T>> {
  /** The agent, from its first connection on: also while it reconnects, and when it is closed. */
  agent: Agent<T> | undefined;
  /** As `agent.state`. Before there is one `idle`, then `connecting`; `closed` when it could not connect. */
  state: ClientState;
  /** What carries the session; undefined while nothing does. */
  transport: TransportName | undefined;
  /** Why it could not connect, or was closed. */
  error: TabagentError | undefined;
}

/** Nothing is asked for, or nobody is there to ask. */
export const NONE: AgentState<any> = { agent: undefined, state: "idle", transport: undefined, error: undefined };

/** Opens a connection. */
type Open = (options: ConnectOptions & { signal: AbortSignal }) => Promise<Agent<any>>;

/** As many as there are sources in use, or were a moment ago. Filled by effects only: a server that renders leaves nothing here. */
const pool = new Map<unknown, Shared>();

/** What `useAgent` needs of a source that does not change. */
export interface Store {
  state(): AgentState<any>;
  /** Hears of each change; the first brings the connection about. */
  subscribe(changed: () => void, options: ConnectOptions | undefined): () => void;
  /** Connects anew what is closed. */
  retry(): void;
}

/** The store of an address with a key, of a function that connects, or of an agent. It holds nothing itself. */
export function storeOf(source: string | Open | Agent<any> | undefined, key: string | undefined): Store {
  if (source === undefined) return { state: () => NONE, subscribe: () => () => {}, retry: () => {} };
  if (typeof source === "object") return followed(source);
  const name = typeof source === "string" ? `${source}\n${key ?? ""}` : source;
  const open = typeof source === "string" ? door(source) : source;
  return {
    state: () => pool.get(name)?.state ?? NONE,
    subscribe(changed, options) {
      const one = pool.get(name) ?? new Shared(open, options, () => pool.delete(name));
      pool.set(name, one);
      return one.use(changed);
    },
    retry: () => pool.get(name)?.retry(),
  };
}

/** Loaded when it is needed: a popup that gives the `connect` of the bridge needs none. */
const door = (url: string): Open => async (options) => (await import("../index.js")).connect(url, options);

/** The last state of each agent: the same object until it changes. */
const states = new WeakMap<Agent<any>, AgentState<any>>();

/** An agent that is somebody else's. */
function followed(agent: Agent<any>): Store {
  return { state: () => stateOf(agent), subscribe: (changed) => follow(agent, changed), retry: () => {} };
}

function stateOf(agent: Agent<any>): AgentState<any> {
  const { state, transport, reason: error } = agent;
  const before = states.get(agent);
  if (before && before.state === state && before.transport === transport && before.error === error) return before;
  const now = { agent, state, transport, error };
  states.set(agent, now);
  return now;
}

function follow(agent: Agent<any>, changed: () => void): () => void {
  const life = new AbortController();
  for (const type of ["statechange", "transportchange"]) agent.addEventListener(type, changed, { signal: life.signal });
  return () => life.abort();
}

/** One agent, and the components that use it. */
class Shared {
  /** Another object after each change. */
  state = NONE;
  #open: Open;
  #options: ConnectOptions;
  #gone: () => void;
  #users = new Set<() => void>();
  /** Ends what is open, or being opened. */
  #life: AbortController | undefined;
  /** Ends it when nobody comes back. */
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** `gone` is called when nobody has used it for a while. */
  constructor(open: Open, options: ConnectOptions = {}, gone: () => void) {
    this.#open = open;
    this.#options = options;
    this.#gone = gone;
  }

  /** A component uses it. The result is that it no longer does. */
  use(changed: () => void): () => void {
    clearTimeout(this.#linger);
    // Two components may hear of it by the same function.
    const user = () => changed();
    this.#users.add(user);
    if (this.state === NONE) void this.#connect();
    return () => {
      this.#users.delete(user);
      if (this.#users.size === 0) this.#linger = setTimeout(() => this.#end(), LINGER_MS);
    };
  }

  /** Connects anew what is closed. */
  retry(): void {
    if (this.state.state === "closed") void this.#connect();
  }

  async #connect(): Promise<void> {
    const { signal } = (this.#life = new AbortController());
    this.#become({ ...NONE, state: "connecting" });
    try {
      const asked = this.#options.signal;
      const agent = await this.#open({ ...this.#options, signal: asked ? AbortSignal.any([asked, signal]) : signal });
      // A function that connects need not know signals.
      if (signal.aborted) return agent.close();
      const leave = follow(agent, () => this.#become(stateOf(agent)));
      signal.addEventListener("abort", () => {
        leave();
        agent.close();
      });
      this.#become(stateOf(agent));
    } catch (error) {
      if (!signal.aborted) this.#become({ ...NONE, state: "closed", error: error as TabagentError });
    }
  }

  #become(state: AgentState<any>): void {
    this.state = state;
    for (const user of this.#users) user();
  }

  #end(): void {
    this.#gone();
    this.#life?.abort();
  }
}

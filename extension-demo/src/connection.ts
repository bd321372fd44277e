// The client of a page, wanted for as long as the page is open: made when the extension is paired, and made again when it was lost for good.

import { type BridgedClient, TabagentError, connect } from "@tabagent/client/extension";

import { onSettings, settings } from "./settings.js";

/** Where the page stands: `unpaired` before there is a server, or as the client says. */
export type Standing = "unpaired" | "connecting" | "connected" | "reconnecting" | "closed";

/** Milliseconds before the second try; each failure doubles it. */
const RETRY_MS = 1_000;
/** What it grows to: a server that comes back is found this soon. */
const MAX_RETRY_MS = 8_000;
/** Failures that trying again does not cure: somebody has to change something first. */
const LASTING = ["unauthorized", "forbidden", "origin_refused", "version_mismatch", "not_supported"];

/** Dispatches `change` when anything of it is another. */
export class Connection extends EventTarget {
  state: Standing = "connecting";
  /** The client while there is one that is not closed. */
  agent: BridgedClient | undefined;
  /** Why there is none. */
  error: TabagentError | undefined;
  /** Ends a pause. */
  #wake: () => void = () => undefined;

  constructor() {
    super();
    onSettings(({ token }) => (token ? this.retry() : this.agent?.close()));
    addEventListener("online", () => this.retry());
    void this.#run();
  }

  /** Tries now, if it waits. */
  retry(): void {
    if (this.state === "closed") this.#become("connecting");
    this.#wake();
  }

  async #run(): Promise<never> {
    let pause = RETRY_MS;
    for (;;) {
      const { token } = await settings();
      if (!token) {
        this.#become("unpaired");
        await this.#pause();
        continue;
      }
      if (this.state !== "closed") this.#become("connecting");
      try {
        const agent = await connect();
        pause = RETRY_MS;
        await this.#follow(agent);
        this.error = agent.reason;
      } catch (error) {
        this.error = error as TabagentError;
      }
      this.agent = undefined;
      // Closed by this page: nothing failed, something was changed.
      if (this.error?.code === "cancelled") continue;
      this.#become("closed");
      await this.#pause(LASTING.includes(this.error?.code ?? "") ? undefined : pause);
      pause = Math.min(2 * pause, MAX_RETRY_MS);
    }
  }

  /** Resolves when the client is closed. */
  #follow(agent: BridgedClient): Promise<void> {
    this.agent = agent;
    return new Promise((closed) => {
      const follow = () => {
        if (agent.state === "closed") return closed();
        this.#become(agent.state === "idle" ? "connecting" : agent.state);
      };
      agent.addEventListener("statechange", follow);
      agent.addEventListener("transportchange", follow);
      follow();
    });
  }

  #become(state: Standing): void {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  /** Waits, for ever if no time is given, or until it is woken. */
  #pause(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.#wake = () => (clearTimeout(timer), resolve());
    });
  }
}

// The module, running: one instance for all clients of a page. A trap is the end of an instance; whoever used it goes on in the next.

import { reported } from "./guarded.js";
import { crash, guard } from "./guard.js";
import type { Glue } from "./wasm/tabagent_client_bg.js";

/** So many crashes within {@link CRASH_WINDOW_MS}, and no further instance is started: what crashes them would do so for ever. */
const CRASHES = 3;
/** Milliseconds. */
const CRASH_WINDOW_MS = 60_000;

/** Brings a scope of glue and an instance of the module together. */
export type Instantiate = () => Promise<{ scope: Glue; exports: WebAssembly.Exports }>;

/** An instance that lives, or did. */
export interface Instance {
  /** What sessions in it are made of. */
  readonly Session: Glue["Session"];
  /** Who is told, once and in a task's own time, that it has crashed. */
  readonly users: Set<(cause: unknown) => void>;
}

/** Starts instances, one at a time. */
export class Engine {
  #instantiate: Instantiate;
  #instance: Promise<Instance> | undefined;
  /** When the last ones crashed. At most as many as are too many. */
  #crashes: number[] = [];

  constructor(instantiate: Instantiate) {
    this.#instantiate = instantiate;
  }

  /**
   * The instance that lives; starts one when there is none.
   *
   * @throws `not_supported` when it cannot be loaded, `client_crashed` after too many crashes.
   */
  instance(): Promise<Instance> {
    return (this.#instance ??= this.#start());
  }

  async #start(): Promise<Instance> {
    try {
      this.#crashes = this.#crashes.filter((at) => at > performance.now() - CRASH_WINDOW_MS);
      if (this.#crashes.length >= CRASHES) throw crash(`it did so ${CRASHES} times within ${CRASH_WINDOW_MS / 1000} s`);
      const { scope, exports } = await this.#instantiate();
      const users: Instance["users"] = new Set();
      let dead: unknown;
      scope.begin(
        guard(exports, (cause) => {
          this.#instance = undefined;
          this.#crashes.push(performance.now());
          dead = crash("a new one takes its place", cause);
          reported(dead);
          for (const user of users) user(cause);
        }),
      );
      if (dead) throw dead;
      return { Session: scope.Session, users };
    } catch (error) {
      this.#instance = undefined;
      throw error;
    }
  }
}

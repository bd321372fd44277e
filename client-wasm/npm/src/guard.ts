// What stands between JavaScript and an instance of the module: a trap goes no further, and nothing enters an instance that has trapped.

import { TabagentError } from "./errors.js";

/** What an instance that is dead answers: nothing, in whatever way the glue takes it apart. */
const NOTHING: readonly never[] = Object.freeze([]);

/**
 * The exports of an instance, until one of them throws. Whatever it throws, a trap, no more stack, an exception of JavaScript's that went
 * through it: what it was about to do is half done, its stack was not unwound, and nothing that it holds can be trusted. From then on each
 * of them does nothing. `crashed` is called once, in a microtask: nothing of the instance is under way by then.
 */
export function guard(exports: WebAssembly.Exports, crashed: (cause: unknown) => void): WebAssembly.Exports {
  let state: "alive" | "dead" | "told" = "alive";
  let cause: unknown;
  const guarded = (run: Function) => (...args: unknown[]) => {
    if (state === "alive") {
      try {
        return run(...args);
      } catch (thrown) {
        // What called it may be the instance as well, and throw in its turn.
        if (state === "alive") [state, cause] = ["dead", thrown];
      }
    }
    if (state === "dead") tell();
    return NOTHING;
  };
  const tell = () => {
    try {
      queueMicrotask(() => crashed(cause));
      state = "told";
    } catch {
      // There is no stack left even for this. A timer or a transport of the instance will call again.
    }
  };
  return Object.fromEntries(Object.entries(exports).map(([name, each]) => [name, typeof each === "function" ? guarded(each) : each]));
}

/** What becomes of everything that a crashed instance was about to do. */
export function crash(why: string, cause?: unknown): TabagentError {
  return new TabagentError({ code: "client_crashed", status: 500, message: `the client's WebAssembly instance crashed: ${why}`, cause });
}

// What a page lives through: sleep, the back-forward cache, other networks. Its transports may have died meanwhile unnoticed.

type Watch = (target: Partial<EventTarget> | undefined, type: string, listener: (event: Event) => void) => void;

/** Calls `wake` when the page is looked at again after it may have slept, and, with `network`, when its way to the server may have changed. */
export function onWake(watch: Watch, wake: (network: boolean) => void): void {
  const { document, navigator } = globalThis as { document?: Document; navigator?: Navigator & { connection?: EventTarget } };
  for (const type of ["online", "offline"]) watch(globalThis, type, () => wake(true));
  watch(navigator?.connection, "change", () => wake(true));
  watch(globalThis, "pageshow", () => wake(false));
  for (const type of ["resume", "visibilitychange"]) watch(document, type, () => document?.visibilityState === "hidden" || wake(false));
}

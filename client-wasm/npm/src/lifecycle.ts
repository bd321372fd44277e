// What a page lives through: sleep, the back-forward cache, other networks. Its transports may have died meanwhile unnoticed.

type Watch = (target: Partial<EventTarget> | undefined, type: string, listener: (event: Event) => void) => void;

/** What Chromium says of the network; the kind is known on some systems only. */
type Connection = EventTarget & { type?: string };

/** Calls `wake` when the page is looked at again after it may have slept, and, with `network`, when its way to the server may have changed. */
export function onWake(watch: Watch, wake: (network: boolean) => void): void {
  const { document, navigator } = globalThis as { document?: Document; navigator?: Navigator & { connection?: Connection } };
  const connection = navigator?.connection;
  let kind = connection?.type;
  watch(globalThis, "online", () => wake(true));
  // It also changes with every new estimate of the network's speed.
  watch(connection, "change", () => kind !== (kind = connection?.type) && wake(true));
  for (const type of ["offline", "pageshow"]) watch(globalThis, type, () => wake(false));
  for (const type of ["resume", "visibilitychange"]) watch(document, type, () => document?.visibilityState === "hidden" || wake(false));
}

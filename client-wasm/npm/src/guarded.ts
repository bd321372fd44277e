// What an application's functions throw goes no further, and is not lost either.

/** Calls a function of the application; what it throws is its own affair, and is reported as such. */
export function guarded(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    reported(error);
  }
}

/** Reports what nobody waits for, like an exception that nobody caught. */
export function reported(error: unknown): void {
  // Node has no such function.
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}

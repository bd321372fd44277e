// What is no socket of the browser's, but is heard by `onopen`, `onmessage` and `onclose` as those are.

/** Keeps the handlers among its listeners: one of a kind, the last that was given. */
export class HandledSocket extends EventTarget {
  constructor() {
    super();
    for (const type of ["open", "message", "close"]) {
      let current: EventListener | null = null;
      const set = (handler: EventListener | null) => {
        this.removeEventListener(type, current);
        current = handler;
        if (handler) this.addEventListener(type, handler);
      };
      Object.defineProperty(this, `on${type}`, { configurable: true, set });
    }
  }
}

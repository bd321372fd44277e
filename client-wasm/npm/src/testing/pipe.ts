// One pipe of a transport, a data channel or a WebSocket, with faults in it: between the pipe and whoever uses it.

/** What may happen to each message. */
export interface Conditions {
  /** Milliseconds that each message is under way, and up to how many more. */
  delay: number;
  jitter: number;
  /** Of how many messages one is lost, or comes twice: 0 none, 1 all. */
  drop: number;
  duplicate: number;
  /** Numbers below 1. */
  random(): number;
}

/** Bytes that a pipe may hold back. What a network cannot hold either breaks the transport. */
const HELD_BYTES = 16 * 1024 * 1024;

/** A message on its way, one way or the other. */
interface Held {
  due: number;
  bytes: number;
  go(): void;
}

/** Both directions of a pipe. */
export class Pipe {
  #target: RTCDataChannel | WebSocket;
  #conditions: Conditions;
  /** Breaks the whole transport. */
  #overflow: () => void;
  #up = new Way();
  #down = new Way();
  #frozen = false;
  #cut = false;
  /** An event of ours, on its way to who listens. */
  #passing: Event | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Before any handler of its user's is attached. */
  constructor(target: RTCDataChannel | WebSocket, conditions: Conditions, overflow: () => void) {
    this.#target = target;
    this.#conditions = conditions;
    this.#overflow = overflow;
    for (const type of ["open", "message", "close"]) target.addEventListener(type, (event) => this.#arrive(event));
    const send = target.send.bind(target) as (data: unknown) => void;
    target.send = (data: unknown) => this.#leave(data, send);
    // What is held back fills the buffer, so that its user waits as for a slow network.
    const own = () => Reflect.get(Object.getPrototypeOf(target) as object, "bufferedAmount", target) as number;
    Object.defineProperty(target, "bufferedAmount", { configurable: true, get: () => own() + this.#up.bytes });
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    this.#release();
  }

  /** Nothing passes any more; its user hears that it has closed. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#up.clear();
    this.#down.clear();
    clearTimeout(this.#timer);
    queueMicrotask(() => this.#pass(Object.assign(new Event("close"), { code: 1006, reason: "", wasClean: false })));
  }

  #arrive(event: Event): void {
    if (event === this.#passing) return;
    const data = event.type === "message" ? (event as MessageEvent<unknown>).data : undefined;
    const copies = this.#cut ? 0 : this.#copies(event.type);
    if (copies === 1 && this.#open(this.#down)) return;
    event.stopImmediatePropagation();
    for (let n = 0; n < copies; n++) {
      const copy = event.type === "message" ? new MessageEvent("message", { data }) : new Event(event.type);
      this.#hold(this.#down, size(data), () => this.#pass(copy));
    }
  }

  #leave(data: unknown, send: (data: unknown) => void): void {
    if (this.#cut) return;
    const copies = this.#copies("message");
    if (this.#open(this.#up)) {
      for (let n = 0; n < copies; n++) send(data);
      return;
    }
    // Its user may write over it as soon as this returns.
    const kept = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() : data;
    for (let n = 0; n < copies; n++) this.#hold(this.#up, size(kept), () => isOpen(this.#target) && send(kept));
  }

  /** Whether what comes now may pass at once: nothing is to be held back, and nothing before it is. */
  #open(way: Way): boolean {
    return !this.#frozen && this.#conditions.delay + this.#conditions.jitter === 0 && way.isEmpty;
  }

  #copies(type: string): number {
    const { drop, duplicate, random } = this.#conditions;
    if (type !== "message") return 1;
    if (drop > 0 && random() < drop) return 0;
    return duplicate > 0 && random() < duplicate ? 2 : 1;
  }

  #hold(way: Way, bytes: number, go: () => void): void {
    const { delay, jitter, random } = this.#conditions;
    way.hold(performance.now() + delay + (jitter > 0 ? jitter * random() : 0), bytes, go);
    if (this.#up.bytes + this.#down.bytes > HELD_BYTES) return this.#overflow();
    this.#release();
  }

  #release(): void {
    if (this.#frozen || this.#cut) return;
    clearTimeout(this.#timer);
    const before = this.#target.bufferedAmount;
    const due = [this.#down.release(), this.#up.release()].filter((due) => due !== undefined);
    if (due.length > 0) this.#timer = setTimeout(() => this.#release(), Math.min(...due) - performance.now());
    // The browser says so only of what it holds itself.
    const low = "bufferedAmountLowThreshold" in this.#target ? this.#target.bufferedAmountLowThreshold : 0;
    if (before > low && this.#target.bufferedAmount <= low) this.#pass(new Event("bufferedamountlow"));
  }

  #pass(event: Event): void {
    this.#passing = event;
    this.#target.dispatchEvent(event);
    this.#passing = undefined;
  }
}

/** Whether something can be sent: on a WebSocket, on a data channel. */
const isOpen = ({ readyState }: RTCDataChannel | WebSocket): boolean => readyState === 1 || readyState === "open";

/** One direction: everything in its order. */
class Way {
  #held: Held[] = [];
  /** Held back. */
  bytes = 0;
  #last = 0;

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  hold(due: number, bytes: number, go: () => void): void {
    // Nothing overtakes: these are ordered pipes.
    this.#last = Math.max(this.#last, due);
    this.#held.push({ due: this.#last, bytes, go });
    this.bytes += bytes;
  }

  /** Lets go what is due; when the next is. */
  release(): number | undefined {
    for (let first = this.#held[0]; first; first = this.#held[0]) {
      if (first.due > performance.now()) return first.due;
      this.#held.shift();
      this.bytes -= first.bytes;
      first.go();
    }
    return undefined;
  }

  clear(): void {
    this.#held = [];
    this.bytes = 0;
  }
}

function size(data: unknown): number {
  if (typeof data === "string") return data.length;
  return (data as ArrayBuffer | undefined)?.byteLength ?? 0;
}

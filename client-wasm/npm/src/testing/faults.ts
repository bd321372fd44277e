// Faults in real transports: wraps the constructors that `connect()` is given.

import type { Constructors } from "../transports.js";
import type { TransportName } from "../types.js";
import type { Conditions } from "./pipe.js";
import { FaultyTransport } from "./transport.js";

/** Transports that are remembered; a test that makes more has no use for the first. */
const REMEMBERED = 1_000;

/** How faults are chosen. */
export interface FaultOptions {
  /** The same seed draws the same numbers. Default: a random one. */
  seed?: number;
}

/** A constructor of transports. */
type Constructor = new (...args: any[]) => WebSocket | RTCPeerConnection;

/**
 * Breaks the transports of clients on command, or by chance.
 *
 * ```js
 * const faults = new Faults({ seed: 7 });
 * const agent = await connect(url, faults.options);
 * faults.cut();
 * ```
 */
export class Faults {
  /** What chance was begun with: print it, so that a failure can be repeated. */
  readonly seed: number;
  /** Every transport that was made, the newest last. */
  readonly transports: FaultyTransport[] = [];
  #conditions: Conditions;
  #forbidden = new Set<FaultyTransport["kind"]>();
  #frozen = false;

  constructor({ seed = Math.floor(Math.random() * 2 ** 32) }: FaultOptions = {}) {
    this.seed = seed;
    this.#conditions = { delay: 0, jitter: 0, drop: 0, duplicate: 0, random: mulberry32(seed) };
  }

  /** Options for `connect()`: this environment's own transports, with these faults. */
  get options(): Constructors {
    const { WebSocket, RTCPeerConnection } = globalThis;
    return { WebSocket: WebSocket && this.wrap(WebSocket), RTCPeerConnection: RTCPeerConnection && this.wrap(RTCPeerConnection) };
  }

  /** A constructor that makes what the given one makes, with these faults: of a `WebSocket` or an `RTCPeerConnection`. */
  wrap<C extends Constructor>(constructor: C): C {
    const faults = this;
    if ("createDataChannel" in (constructor.prototype as object)) {
      return class extends (constructor as new (...args: any[]) => RTCPeerConnection) {
        #faulty: FaultyTransport;
        constructor(...args: any[]) {
          if (faults.#forbidden.has("webrtc")) throw new DOMException("forbidden by the test", "NotSupportedError");
          super(...args);
          this.#faulty = faults.#adopt(new FaultyTransport("webrtc", this, faults.#conditions));
          this.addEventListener("datachannel", ({ channel }) => this.#faulty.pipe(channel));
        }
        override createDataChannel(...args: Parameters<RTCPeerConnection["createDataChannel"]>): RTCDataChannel {
          return this.#faulty.pipe(super.createDataChannel(...args));
        }
      } as unknown as C;
    }
    return class extends (constructor as new (...args: any[]) => WebSocket) {
      constructor(...args: any[]) {
        super(...args);
        const faulty = faults.#adopt(new FaultyTransport("websocket", this, faults.#conditions));
        faulty.pipe(this);
        if (faults.#forbidden.has("websocket")) faulty.cut();
      }
    } as unknown as C;
  }

  /** A number below 1, by the seed. */
  random(): number {
    return this.#conditions.random();
  }

  /** Breaks every transport: what is under way is lost, and both ends notice at once. */
  cut(): void {
    for (const transport of this.transports) transport.cut();
  }

  /** Every message takes so many milliseconds, and up to `jitterMs` more; their order stays. */
  delay(ms: number, jitterMs = 0): void {
    Object.assign(this.#conditions, { delay: ms, jitter: jitterMs });
  }

  /**
   * Of all messages this part is lost: 0 none, 1 all. A session notices the gap, and goes on over another transport; that its first
   * words on one are lost it notices after five seconds.
   */
  drop(rate: number): void {
    this.#conditions.drop = rate;
  }

  /** Of all messages this part comes twice. */
  duplicate(rate: number): void {
    this.#conditions.duplicate = rate;
  }

  /** Nothing passes and nobody says so, on the transports there are and on later ones, until {@link Faults.thaw}. */
  freeze(): void {
    this.#frozen = true;
    for (const transport of this.transports) transport.freeze();
  }

  /** Everything goes on with what was held back. */
  thaw(): void {
    this.#frozen = false;
    for (const transport of this.transports) transport.thaw();
  }

  /** No transport of this kind can be opened until {@link Faults.permit}: there is no WebRTC, nobody answers WebSockets. */
  forbid(kind: FaultyTransport["kind"]): void {
    this.#forbidden.add(kind);
  }

  permit(kind: FaultyTransport["kind"]): void {
    this.#forbidden.delete(kind);
  }

  #adopt(transport: FaultyTransport): FaultyTransport {
    if (this.#frozen) transport.freeze();
    if (this.transports.push(transport) > REMEMBERED) this.transports.shift();
    return transport;
  }
}

/** What {@link reached} looks at: a client. */
interface Client extends EventTarget {
  readonly transport: TransportName | undefined;
}

/** Waits until the client is on this transport; on any, when none is named. */
export function reached(client: Client, transport?: TransportName): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (transport ? client.transport !== transport : !client.transport) return;
      client.removeEventListener("transportchange", look);
      resolve();
    };
    client.addEventListener("transportchange", look);
    look();
  });
}

/** Numbers below 1, the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

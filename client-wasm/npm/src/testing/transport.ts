// A transport that can be broken: a peer connection with its data channels, or a WebSocket.

import { type Conditions, Pipe } from "./pipe.js";

/** One transport that was made with faults. */
export class FaultyTransport {
  readonly kind: "webrtc" | "websocket";
  /** When, by `performance.now()`. */
  readonly made: number;
  /** The transport itself. */
  readonly real: RTCPeerConnection | WebSocket;
  #conditions: Conditions;
  #pipes: Pipe[] = [];
  #frozen = false;

  /** @internal */
  constructor(kind: "webrtc" | "websocket", real: RTCPeerConnection | WebSocket, conditions: Conditions) {
    this.kind = kind;
    this.made = performance.now();
    this.real = real;
    this.#conditions = conditions;
  }

  /** @internal */
  pipe<P extends RTCDataChannel | WebSocket>(target: P): P {
    const pipe = new Pipe(target, this.#conditions, () => this.cut());
    if (this.#frozen) pipe.freeze();
    this.#pipes.push(pipe);
    return target;
  }

  /** Breaks it, as a network does: what is under way is lost, and both ends notice at once. */
  cut(): void {
    for (const pipe of this.#pipes) pipe.cut();
    this.real.close();
  }

  /** Nothing passes, and nobody says so, until {@link FaultyTransport.thaw}: what is sent meanwhile comes then. */
  freeze(): void {
    this.#frozen = true;
    for (const pipe of this.#pipes) pipe.freeze();
  }

  /** Goes on with what was held back. */
  thaw(): void {
    this.#frozen = false;
    for (const pipe of this.#pipes) pipe.thaw();
  }
}

// WebSockets whose other end is in memory: what the client opens when it asks for a server that is no server.

import { HandledSocket } from "../handlers.js";

/** The end that a server in memory has of a socket. */
export interface Peer {
  /** A socket was opened. It may be closed at once. */
  opened(socket: MemorySocket): void;
  packet(socket: MemorySocket, bytes: Uint8Array): void;
  closed(socket: MemorySocket): void;
}

/** Later, in a task of its own: as from a network, and everything in its order. */
const later: (run: () => void) => void =
  (globalThis as { setImmediate?: (run: () => void) => void }).setImmediate ??
  ((run) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      run();
    };
    port2.postMessage(null);
  });

/** As much of a `WebSocket` as clients use. */
export abstract class MemorySocket extends HandledSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly bufferedAmount = 0;
  binaryType = "arraybuffer";
  readyState = MemorySocket.CONNECTING;
  #peer: Peer;

  constructor(peer: Peer) {
    super();
    this.#peer = peer;
    later(() => {
      if (this.readyState !== MemorySocket.CONNECTING) return;
      this.readyState = MemorySocket.OPEN;
      peer.opened(this);
      this.dispatchEvent(new Event("open"));
    });
  }

  send(bytes: Uint8Array): void {
    if (this.readyState !== MemorySocket.OPEN) throw new DOMException("the socket is not open", "InvalidStateError");
    const copy = bytes.slice();
    later(() => this.#peer.packet(this, copy));
  }

  /** Either end may. What was sent before still arrives. */
  close(): void {
    if (this.readyState >= MemorySocket.CLOSING) return;
    this.readyState = MemorySocket.CLOSING;
    later(() => {
      this.readyState = MemorySocket.CLOSED;
      this.#peer.closed(this);
      this.dispatchEvent(new Event("close"));
    });
  }

  /** From the other end. */
  receive(packet: Uint8Array): void {
    later(() => this.readyState !== MemorySocket.CLOSED && this.dispatchEvent(new MessageEvent("message", { data: packet.buffer })));
  }
}

/** The constructor of sockets to this peer, wherever they are addressed. */
export const socketsTo = (peer: Peer): new (url: string, protocols: string) => WebSocket =>
  class extends MemorySocket {
    constructor() {
      super(peer);
    }
  } as unknown as new () => WebSocket;

// The door for Node: peer connections of a library, as `connect()` takes them. Node has none of its own.

import type { Constructors } from "./transports.js";

/** What a library has: like a browser's, but for its events. */
type Library = new (configuration: any) => object;
/** An object of a library: a connection or a channel. */
type Foreign = Record<string | symbol, any>;
/** What a library tells a handler: an event with some of its parts, or nothing at all. */
type Told = { candidate?: object | null; data?: unknown; channel?: object } | undefined;

/**
 * Makes the peer connections of a library such as `werift` fit: `connect(url, { RTCPeerConnection: peerConnections(RTCPeerConnection) })`.
 *
 * Libraries differ from browsers in what they tell: events without a type, without a target, bytes in a pool's buffer. Here each handler
 * gets what it would get in a browser. `configuration` is added to that of each connection, for settings of the library's own.
 */
export function peerConnections(library: Library, configuration: object = {}): NonNullable<Constructors["RTCPeerConnection"]> {
  // A function that returns an object is a constructor of it.
  return function (asked: object) {
    return fitted(new library({ ...asked, ...configuration }));
  } as unknown as NonNullable<Constructors["RTCPeerConnection"]>;
}

function fitted(foreign: Foreign): object {
  const proxy: object = new Proxy(foreign, {
    get(_, name) {
      const value = foreign[name];
      if (typeof value !== "function") return value;
      if (name === "createDataChannel") return (...args: unknown[]) => fitted(value.apply(foreign, args));
      // It may be sent later, and the memory that it lies in is used again at once.
      if (name === "send") return (data: unknown) => value.call(foreign, ArrayBuffer.isView(data) ? copyOf(data) : data);
      return value.bind(foreign);
    },
    set(_, name, value) {
      if (typeof name === "string" && name.startsWith("on")) handle(foreign, name, value, proxy);
      else foreign[name] = value;
      return true;
    },
  });
  return proxy;
}

/** Attaches a handler, or takes it away. */
function handle(foreign: Foreign, name: string, handler: ((event: object) => void) | null, target: object): void {
  const type = name.slice(2);
  const told = handler && ((event: Told) => handler({ type, target, candidate: event?.candidate ?? null, data: bytesOf(event?.data), channel: event?.channel && fitted(event.channel) }));
  // werift tells of this in its own way only; a channel gets one handler, when it is made.
  if (type === "bufferedamountlow" && told) foreign.bufferedAmountLow?.subscribe(() => told(undefined));
  foreign[name] = told ?? undefined;
}

const copyOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array => new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength));

/** As `binaryType: "arraybuffer"` gives it. */
const bytesOf = (data: unknown): unknown => (ArrayBuffer.isView(data) ? copyOf(data).buffer : data);

// A WebSocket that carries both lanes, or what has its shape over native messaging: the only file that makes them. One packet per message.

/** @typedef {import("./server.js").Server} Server */

/**
 * Hears what happens, as `transport/mod.rs` numbers it.
 * @typedef {(happened: number, number: number, value?: unknown) => void} Hear
 */

// What `Hear` says.
const PACKET = 0;
const STEP = 1;
const WRITABLE = 2;
const CLOSED = 3;
const FAILED = 4;

// What `send` answers.
const READY = 0;
const FULL = 1;
const GONE = 2;

/** The step that is done when the socket is open. */
const CHANNEL = 3;

/**
 * Bytes in the send buffer above which it wants no more: what lies there cannot be overtaken by what is urgent, and a browser takes all it
 * is given.
 */
const HIGH_WATER = 256 * 1024;
/** Bytes below which it wants more: enough to keep sending until that is noticed. */
const LOW_WATER = 64 * 1024;
/**
 * Milliseconds between two looks at a full buffer, for which there is no event. The peer's acknowledgements make us look too, so this is for
 * the moment when nothing comes.
 */
const LOOK_MS = 20;

/** One `WebSocket`, or a `NativeSocket` of the application's. */
class Socket {
  #hear;
  /** None when it could not be made. @type {WebSocket | undefined} */
  #socket;
  /** The buffer was above its mark. */
  #full = false;
  /** The timer of the next look. @type {ReturnType<typeof setTimeout> | undefined} */
  #look;

  /** @param {Hear} hear @param {Server} server @param {"WebSocket" | "NativeSocket"} constructor @param {string} protocol */
  constructor(hear, server, constructor, protocol) {
    this.#hear = hear;
    // `http` becomes `ws`, and `https` becomes `wss`.
    const url = `${server.address.replace(/^(http)?/, "ws")}/v1/ws`;
    try {
      const socket = (this.#socket = new (server.constructors[constructor] ?? /** @type {any} */ (globalThis)[constructor])(url, protocol));
      socket.binaryType = "arraybuffer";
      socket.onopen = () => hear(STEP, CHANNEL);
      socket.onclose = () => hear(CLOSED, 0, { why: "the socket closed" });
      socket.onmessage = (/** @type {MessageEvent} */ { data }) => {
        if (typeof data === "string") return hear(FAILED, 0, server.read(data));
        hear(PACKET, 0, data);
        // What it acknowledges has left the buffer.
        this.#drained();
      };
    } catch (thrown) {
      const error = /** @type {Error} */ (thrown);
      hear(FAILED, 0, error.name === "SyntaxError" ? server.noAddress(url) : server.refused("not_supported", constructor, error));
    }
  }

  /** Sends a packet of either lane. @param {number} _lane @param {Uint8Array<ArrayBuffer>} packet */
  send(_lane, packet) {
    const socket = this.#socket;
    // While it closes it takes what it will never send.
    if (socket?.readyState !== 1) return GONE;
    try {
      socket.send(packet);
    } catch {
      return GONE;
    }
    if (socket.bufferedAmount < HIGH_WATER) return READY;
    this.#full = true;
    this.#later();
    return FULL;
  }

  /** Starts to close. What was sent before goes first. */
  close() {
    clearTimeout(this.#look);
    const socket = this.#socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** The same: what was sent before needs nobody to wait for it. */
  finish() {
    this.close();
    return false;
  }

  /** Bytes in the send buffer. */
  buffered() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** There are no statistics of it. */
  report() {}

  /** Says so, when a buffer that was full has room again. */
  #drained() {
    if (!this.#full || this.buffered() >= LOW_WATER) return;
    this.#full = false;
    this.#hear(WRITABLE, 0);
    this.#hear(WRITABLE, 1);
  }

  /** There is one timer at a time. */
  #later() {
    clearTimeout(this.#look);
    this.#look = setTimeout(() => {
      this.#drained();
      if (this.#full) this.#later();
    }, LOOK_MS);
  }
}

/**
 * Opens a socket to a server.
 * @param {Hear} hear @param {Server} server @param {"WebSocket" | "NativeSocket"} constructor @param {string} protocol
 */
export const openSocket = (hear, server, constructor, protocol) => new Socket(hear, server, constructor, protocol);

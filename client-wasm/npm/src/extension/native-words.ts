// What a socket over native messaging and the service worker say to each other, through a link of their own.
//
//   socket  ask, with a port ──▶ worker     there: it has heard                 (it opens a port of the browser's and knocks)
//   socket  ◀────────────── open worker     the host and its server have answered
//   socket  packet* ◀────────▶ worker       goodbye: the socket closes
//   socket  ◀───────────── ended worker     why there is no port, or no longer
//
// Packets are bytes here, and `{ "p": base64 }` between browser and host; an empty one is the knock and its answer.

/** Asks the worker for a port of the browser's, in a message with a port for the answer. */
export interface Ask {
  type: typeof ASK;
  /** Names the link. */
  id: string;
  /** The host's name. */
  name: string;
}

export const ASK = "tabagent native";

/** A failure as the server writes it: what a session takes for one in place of a packet. */
export interface Failure {
  code: string;
  message: string;
  details?: object;
}

interface Packet {
  type: "packet";
  packet: ArrayBuffer;
}

export type FromSocket = Packet | { type: "goodbye" };
export type FromWorker = Packet | { type: "there" | "open" } | { type: "ended"; failure: Failure };

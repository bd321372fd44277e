// The door of existing code that speaks native messaging: a port of the same shape, carried by the connection of the bridge.

import { type Agent, connect } from "./extension.js";
import { SessionPort } from "./connect-native/port.js";

export type { NativePort, PortEvent } from "./connect-native/port.js";

/** How to make a port. */
export interface ConnectNativeOptions {
  /** The session that carries it. Default: the bridge's, by a client of the port's own. */
  agent?: Agent<any> | undefined;
}

/**
 * In place of `runtime.connectNative(name)`, in any context of an extension, content scripts too: the same messages in the same
 * envelopes, over the connection that the offscreen document holds, whatever carries it.
 *
 * What differs: nothing is started, so `name` only names the port; a lost connection is not the end of the port; an answer is one message,
 * however long; and as `runtime.lastError` is Chrome's alone, {@link NativePort.error} says why a port was disconnected.
 */
export function connectNative(name = "", { agent }: ConnectNativeOptions = {}): SessionPort {
  return new SessionPort(name, agent ? Promise.resolve(agent) : connect(), !agent);
}

// The service worker's part in native messaging: it alone may open the browser's ports, so it opens them for the extension's other contexts and
// moves packets both ways. An open port keeps the worker alive.

import { base64, bytesOf } from "./base64.js";
import { connectNative, extensionId, lastError } from "./chrome.js";
import { portLink } from "./link.js";
import { ASK, type Ask, type Failure, type FromSocket, type FromWorker } from "./native-words.js";

/** In the service worker, in its first turn: opens native-messaging ports for `nativeMessaging()` in other contexts. */
export function nativeRelay(): void {
  globalThis.addEventListener("message", (event) => {
    const { data, ports } = event as MessageEvent<Ask>;
    const [port] = ports;
    // It is kept awake until there is a port, and by that from then on.
    if (data?.type === ASK && port) (event as unknown as { waitUntil(done: Promise<void>): void }).waitUntil(relay(port, data));
  });
}

/** Moves packets between a socket's port and the host of this name, until either is gone. */
export async function relay(port: MessagePort, { id, name }: Ask): Promise<void> {
  const link = await portLink<FromWorker, FromSocket>(port, id, "host");
  link.send({ type: "there" });
  const native = connectNative(name);
  // The socket closes the link: whatever is said before that arrives.
  if (!native) return link.send({ type: "ended", failure: FORBIDDEN });
  let [open, knocked] = [true, true];
  native.onMessage.addListener((message) => {
    const { p } = message as { p?: unknown };
    // Plain JSON belongs to nobody here.
    if (typeof p !== "string") return;
    if (!knocked) {
      const packet = bytesOf(p);
      return link.send({ type: "packet", packet }, [packet]);
    }
    knocked = false;
    link.send({ type: "open" });
  });
  native.onDisconnect.addListener(() => {
    open = false;
    link.send({ type: "ended", failure: ended(name, lastError()) });
  });
  link.listen((said) => {
    // What comes before the socket has heard of the end is lost with the port.
    if (said.type === "packet") return open ? native.postMessage({ p: base64(said.packet) }) : undefined;
    native.disconnect();
    link.close();
  });
  void link.closed.then(() => native.disconnect());
  native.postMessage({ p: "" });
}

const MISSING = 'the permission "nativeMessaging" in manifest.json';
/** It would be the same the next time. */
const FORBIDDEN: Failure = { code: "not_supported", message: `the extension lacks ${MISSING}`, details: { missing: [MISSING] } };

/** What a browser says when it cannot start the host, or may not, or knows none. */
const NOT_THERE = /not found|forbidden|failed to start/i;

/** Why a port ended, and what to do about it. */
function ended(name: string, said = "it was closed"): Failure {
  const install = `tabagent-server native-host install --extension-id ${extensionId()}`;
  if (NOT_THERE.test(said)) {
    const message = `the native-messaging host ${name} is not installed for this extension (${said}): run \`${install}\`, with --browser for another than Chrome`;
    return { code: "transport_failed", message, details: { host: name, install } };
  }
  return { code: "transport_failed", message: `the native-messaging host ended (${said}): is tabagent-server running, with the data folder that the host was installed for?` };
}

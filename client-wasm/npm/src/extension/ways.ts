// How a context reaches the offscreen document: by a port that the service worker hands on, or by the extension's messaging.

import { TabagentError } from "../errors.js";
import { type Introduction, type Refused, inWorker, introduce } from "./broker.js";
import { askForHost, chromeVersion, fileUrl, manifest, runtimeLink } from "./chrome.js";
import { type Link, portLink } from "./link.js";
import type { FromClient, FromHost } from "./messages.js";
import { require } from "./requirements.js";

/** Milliseconds for the first word of the offscreen document. It says it before it connects; a slow machine wakes a worker and loads a page in that. */
const ANSWER_MS = 5_000;
/** Ways that are tried. One is lost when the document dies while it is handed the port. */
const TRIES = 3;

type Way = Link<FromClient, FromHost>;

/** Opens a way from this context. */
export async function open(): Promise<Way> {
  require(manifest(), chromeVersion());
  for (let tried = 1; ; tried++) {
    const link = await (isExtensionPage() || inWorker() ? byPort() : byMessaging());
    const first = await firstWord(link);
    if (first) return first;
    link.close();
    const message = "the offscreen document does not answer: its script must call host() while it is loaded";
    if (tried === TRIES) throw new TabagentError({ code: "transport_failed", status: 503, message });
  }
}

/** Whether this is a document of the extension's own origin, and not a content script. */
const isExtensionPage = (): boolean => globalThis.location?.origin === new URL(fileUrl("")).origin;

async function byPort(): Promise<Way> {
  const { port1, port2 } = new MessageChannel();
  const id = crypto.randomUUID();
  const link = await portLink<FromClient, FromHost>(port1, id, "client");
  if (inWorker()) {
    await introduce(port2, id).catch((error) => (link.close(), Promise.reject(error)));
    return link;
  }
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage({ type: "tabagent introduce", id } satisfies Introduction, [port2]);
  return link;
}

async function byMessaging(): Promise<Way> {
  const answer = await askForHost()?.catch(() => undefined);
  if (answer === true) return runtimeLink();
  const message = "no service worker of the extension answers: it must call broker() while it starts";
  throw new TabagentError({ code: "not_supported", status: 501, message, ...(answer as object | undefined) });
}

/** A link once its other end has spoken, which nothing is lost of; undefined when it does not. @throws what it was refused with. */
function firstWord(link: Way): Promise<Way | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ANSWER_MS);
    let hear: ((message: FromHost) => void) | undefined;
    const heard: FromHost[] = [];
    void link.closed.then(() => (clearTimeout(timer), resolve(undefined)));
    link.listen((message: FromHost | Refused) => {
      clearTimeout(timer);
      if (message.type === "tabagent refused") return link.close(), reject(new TabagentError(message.error));
      if (hear) return hear(message);
      heard.push(message);
      resolve({ ...link, listen: (listener) => ((hear = listener), heard.splice(0).forEach(listener)) });
    });
  });
}

// How a context reaches the offscreen document: by a port that the service worker hands on, or by the extension's messaging.

import { TabagentError } from "../errors.js";
import { type FromBroker, type Introduction, handOn, inWorker } from "./broker.js";
import { askForHost, chromeVersion, fileUrl, manifest, runtimeLink } from "./chrome.js";
import { type Link, portLink } from "./link.js";
import type { FromClient, FromHost } from "./messages.js";
import { require } from "./requirements.js";

/** Milliseconds for one try. The offscreen document answers before it connects; a slow machine wakes a worker and loads a page in that. */
const ANSWER_MS = 5_000;
/** Milliseconds after which a try is the last: a document may call `host()` late, or die while it is handed a port. */
const PATIENCE_MS = 10_000;
/** Milliseconds between the first two tries; each time twice as many. */
const PAUSE_MS = 50;

/** Who is waited for, and what to look at when it is in vain. */
const WORKER = "the service worker does not answer: its script must call broker() at once, and the settings come";
const DOCUMENT = "the offscreen document does not answer: its script must call host()";

type Way = Link<FromClient, FromHost>;

/** Opens a way from this context. */
export async function open(): Promise<Way> {
  const end = performance.now() + PATIENCE_MS;
  for (let pause = PAUSE_MS; ; pause *= 2) {
    // Every time: an extension may be gone by now.
    require(manifest(), chromeVersion());
    const way = await attempt();
    if (typeof way === "object") return way;
    if (performance.now() > end) throw new TabagentError({ code: "transport_failed", status: 503, message: way });
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** One try: a way whose other end has spoken, which nothing is lost of, or what to look at. @throws what it was refused with. */
function attempt(): Promise<Way | string> {
  return new Promise((resolve, reject) => {
    let check = WORKER;
    let link: Way | undefined;
    let over = false;
    const settle = (way?: Way) => {
      clearTimeout(timer);
      over = true;
      if (!way) link?.close();
      resolve(way ?? check);
    };
    const timer = setTimeout(settle, ANSWER_MS);
    const refuse = (error: unknown) => (reject(error), settle());
    const passed = (): void => void (check = DOCUMENT);
    (isOfExtension() ? byPort() : byMessaging(passed)).then((opened) => {
      link = opened;
      if (over || !link) return settle();
      void link.closed.then(() => settle());
      const heard: FromHost[] = [];
      let hear = (message: FromHost): void => void heard.push(message);
      link.listen((message: FromHost | FromBroker) => {
        if (message.type === "tabagent passed") return passed();
        if (message.type === "tabagent refused") return refuse(new TabagentError(message.error));
        hear(message);
        if (!over) settle({ ...opened!, listen: (listener) => ((hear = listener), heard.forEach(listener)) });
      });
    }, refuse);
  });
}

/** Whether this is a page or the worker of the extension, and not a content script. */
const isOfExtension = (): boolean => fileUrl("").startsWith(location.origin);

async function byPort(): Promise<Way> {
  const { port1, port2 } = new MessageChannel();
  const id = crypto.randomUUID();
  const link = await portLink<FromClient, FromHost>(port1, id, "client", ({ type }) => type === "state");
  if (inWorker()) void handOn(port2, id);
  else (await navigator.serviceWorker.ready).active?.postMessage({ type: "tabagent introduce", id } satisfies Introduction, [port2]);
  return link;
}

async function byMessaging(passed: () => void): Promise<Way | undefined> {
  const answer = await askForHost();
  if (!answer) return undefined;
  if (answer !== true) throw new TabagentError(answer);
  passed();
  return runtimeLink();
}

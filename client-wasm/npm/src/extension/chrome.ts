// All that the bridge uses of `chrome.*`: the manifest, the offscreen document, messages from and to content scripts, ports to native hosts.

import type { FailureParts } from "../errors.js";
import { portOver } from "./runtime-port.js";
import type { Link } from "./link.js";

/** What the bridge reads of a manifest. */
export interface Manifest {
  manifest_version?: number;
  permissions?: string[];
  background?: { service_worker?: string };
  content_security_policy?: { extension_pages?: string };
  message_serialization?: string;
}

/** A port of `runtime.connect`, as far as it is used. */
export interface RuntimePort {
  readonly name: string;
  postMessage(message: unknown): void;
  disconnect(): void;
  onMessage: Heard<[message: unknown]>;
  onDisconnect: Heard<[]>;
}

interface Heard<Args extends unknown[]> {
  addListener(listener: (...args: Args) => unknown): void;
}

interface Chrome {
  runtime?: {
    id?: string;
    getManifest(): Manifest;
    getURL(path: string): string;
    getContexts(filter: { contextTypes: string[] }): Promise<unknown[]>;
    connect(options: { name: string }): RuntimePort;
    connectNative?(name: string): RuntimePort;
    lastError?: { message?: string };
    sendMessage(message: unknown): Promise<unknown>;
    onConnect: Heard<[port: RuntimePort]>;
    onMessage: Heard<[message: unknown, sender: unknown, reply: (answer: unknown) => void]>;
  };
  offscreen?: { createDocument(options: { url: string; reasons: string[]; justification: string }): Promise<void> };
}

const { chrome } = globalThis as { chrome?: Chrome };

/** Names our ports and messages among the extension's own. */
const OURS = "tabagent bridge";
/** The same for ports whose messages are cloned. An offscreen document cannot read the manifest, so it is told. */
const OURS_CLONING = `${OURS}, cloning`;

/** What the context is part of; undefined outside of an extension. */
export const manifest = (): Manifest | undefined => (chrome?.runtime?.id ? chrome.runtime.getManifest() : undefined);

/** The address of a file of the extension. */
export const fileUrl = (path: string): string => chrome?.runtime?.getURL(path) ?? path;

/** Creates the offscreen document unless there is one. */
export async function createOffscreen(url: string): Promise<void> {
  const there = async () => (await chrome!.runtime!.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] })).length > 0;
  if (await there()) return;
  try {
    await chrome!.offscreen!.createDocument({ url, reasons: ["WEB_RTC"], justification: "It holds the extension's connection." });
  } catch (error) {
    // Somebody else has created it meanwhile.
    if (!(await there())) throw error;
  }
}

/** In a content script: asks the service worker for the offscreen document: it is there, or why not; undefined when nobody answers. */
export async function askForHost(): Promise<true | FailureParts | undefined> {
  try {
    return (await chrome!.runtime!.sendMessage({ type: OURS })) as true | FailureParts | undefined;
  } catch (error) {
    if (/end does not exist/.test(String(error))) return undefined;
    throw error;
  }
}

/** In the service worker: answers that. */
export function onAskedForHost(answer: () => Promise<true | FailureParts>): void {
  chrome?.runtime?.onMessage.addListener((message, _sender, reply) => {
    if ((message as { type?: unknown } | undefined)?.type !== OURS) return undefined;
    void answer().then(reply);
    return true;
  });
}

/** In a content script: a way to the offscreen document, which must be there. */
export function runtimeLink<Sent, Received>(): Link<Sent, Received> {
  const whole = clones();
  const link = portOver<Sent, Received>(chrome!.runtime!.connect({ name: whole ? OURS_CLONING : OURS }), whole);
  // Chrome takes the port from a page that is put aside, and does not tell it.
  const back = ({ persisted }: PageTransitionEvent) => persisted && link.close();
  addEventListener("pageshow", back);
  void link.closed.then(() => removeEventListener("pageshow", back));
  return link;
}

/** In the offscreen document: hears of each content script that opens a way. */
export function onRuntimeLink<Sent, Received>(welcome: (link: Link<Sent, Received>) => void): void {
  chrome?.runtime?.onConnect.addListener((port) => {
    if (port.name === OURS || port.name === OURS_CLONING) welcome(portOver(port, port.name === OURS_CLONING));
  });
}

const clones = () => chrome?.runtime?.getManifest().message_serialization === "structured_clone" && chromeVersion() >= CLONES_SINCE;

/** The first Chrome whose `message_serialization` counts. */
const CLONES_SINCE = 148;

/** In the service worker: a port to a native-messaging host; undefined without the permission for it. */
export const connectNative = (name: string): RuntimePort | undefined => chrome?.runtime?.connectNative?.(name);

/** Why a port was closed, while its `onDisconnect` is told. */
export const lastError = (): string | undefined => chrome?.runtime?.lastError?.message;

/** The id of this extension. */
export const extensionId = (): string => chrome?.runtime?.id ?? "";

/** The major version of this browser; 0 if it does not say. */
export const chromeVersion = (): number => Number(/Chrom(?:e|ium)\/(\d+)/.exec(navigator.userAgent)?.[1] ?? 0);

// A link over a port of the extension's messaging: where it is JSON, raw bytes travel as base64.

import { TabagentError } from "../errors.js";
import type { RuntimePort } from "./chrome.js";
import type { Link } from "./link.js";

/** How bytes are marked. */
const BYTES = "tabagent bytes";

/** A link over such a port, at either end. */
export function portOver<Sent, Received>(port: RuntimePort, clones: boolean): Link<Sent, Received> {
  let open = true;
  let closed!: () => void;
  const over = () => ((open = false), closed());
  const link: Link<Sent, Received> = {
    closed: new Promise((resolve) => (closed = resolve)),
    send: (message, [first] = []) => {
      // Bytes are copied; a stream can only be moved.
      if (first instanceof ReadableStream) throw stays("a stream");
      if (open) port.postMessage(clones ? message : packed(message));
    },
    listen: (hear) => port.onMessage.addListener((message) => hear((clones ? message : unpacked(message)) as Received)),
    close: () => (port.disconnect(), over()),
  };
  port.onDisconnect.addListener(over);
  return link;
}

const stays = (what: string): TabagentError =>
  new TabagentError({
    code: "not_supported",
    status: 501,
    message: `a content script cannot send ${what}: send bytes, or a Blob and "message_serialization": "structured_clone" in manifest.json (Chrome 148)`,
  });

function packed(value: unknown): unknown {
  if (value instanceof Blob) throw stays("a Blob");
  if (value instanceof ArrayBuffer) return packed(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) {
    let text = "";
    for (const byte of new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) text += String.fromCharCode(byte);
    return { [BYTES]: btoa(text) };
  }
  return mapped(value, packed);
}

function unpacked(value: unknown): unknown {
  const text = (value as { [BYTES]?: unknown } | undefined | null)?.[BYTES];
  return typeof text === "string" ? Uint8Array.from(atob(text), (char) => char.charCodeAt(0)) : mapped(value, unpacked);
}

function mapped(value: unknown, each: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(each);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, each(value)]));
}

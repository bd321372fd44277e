// Whether an extension lacks what a pairing would give it.

import { origin } from "./blocked.js";
import type { Trouble } from "./findings.js";
import type { Server } from "./server.js";

/**
 * What an extension that the server refuses lacks, where a code would let it in. Asks the address of pairing without a code, which is no
 * attempt at one. Undefined for pages, and for a server that pairs nobody.
 */
export async function unpaired(server: Server, key: string | undefined): Promise<Trouble | undefined> {
  if (!/^(chrome|moz)-extension:/.test(origin())) return undefined;
  const reply = await server.ask("/v1/pair", { method: "POST", body: {}, keyless: true }).catch(() => undefined);
  if (reply?.body?.["code"] !== "validation_failed") return undefined;
  const advice = "Run `tabagent-server pair` where the server runs, and type the code that it prints into the extension's options.";
  if (key === undefined) return { code: "not_paired", message: `This extension is not paired with the server at ${server.url.host}.`, advice };
  const message = `The server at ${server.url.host} does not take this token: its pairing was revoked, or it is another server's or another extension's.`;
  return { code: "token_refused", message, advice };
}

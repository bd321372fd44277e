// From the page to the server over HTTP, and why not: nobody there, forbidden by the browser, refused by the server.

import { PolicyWatch, localNetwork, mixedContent, origin, silent } from "./blocked.js";
import type { Findings } from "./findings.js";
import { unpaired } from "./pairing.js";
import type { Reply, Server } from "./server.js";

/** What the server refuses with for a reason of the caller; `not_found` comes behind the door, where HTTP actions are switched off. */
const CALLERS = new Set(["origin_refused", "unauthorized", "not_found"]);

/** Asks after the server's health: whether it is reached, lets this page in, and knows the key. */
export async function reach(findings: Findings, server: Server, key: string | undefined): Promise<boolean> {
  if (key !== undefined && !/^[!-~]+$/.test(key)) {
    const advice = "Look for a blank, a line break or an accented letter in it: copy it anew.";
    return findings.bad("key", { code: "unauthorized", message: "The key has characters that no key has.", advice });
  }
  const policy = new PolicyWatch();
  try {
    return await read(findings, server, key, await server.ask("/v1/health"));
  } catch (thrown) {
    return await unreached(findings, server, key, policy, thrown);
  } finally {
    policy.end();
  }
}

/** The page got no answer: is there none, or may it not have it? */
async function unreached(findings: Findings, server: Server, key: string | undefined, policy: PolicyWatch, thrown: unknown): Promise<boolean> {
  const forbidden = await policy.forbade(server.url);
  if (forbidden !== undefined) return findings.bad("server", forbidden);
  if (await server.answers()) {
    findings.good("server", `Somebody answers at ${server.url.host}.`);
    const lacking = await unpaired(server, key);
    if (lacking) return findings.bad("key", lacking);
    return findings.bad("origin", {
      code: "origin_refused",
      message: `The answer is not for pages of ${origin()}: the server does not list this origin, or another program has that port.`,
      advice: originAdvice(),
    });
  }
  return findings.bad("server", (await localNetwork(server.url)) ?? mixedContent(server.url) ?? silent(server.url, thrown));
}

/** The page got an answer. Whose, and what does it say? */
async function read(findings: Findings, server: Server, key: string | undefined, { status, body }: Reply): Promise<boolean> {
  const [code, type] = [word(body?.["code"]), word(body?.["type"])];
  const said = word(body?.["message"]) ?? "";
  if (code === undefined && type !== "health_response") {
    return findings.bad("server", {
      code: "not_a_server",
      message: `${server.url.host} answered with HTTP status ${status}, and not as a tabagent server does.`,
      advice: "Another program has that port, or a proxy stands between: look at the server's first line for its address.",
    });
  }
  if (code !== undefined && !CALLERS.has(code)) {
    return findings.bad("server", { code, message: `The server refuses: ${said}.`, advice: "Its log says more; try again later." });
  }
  findings.good("server", `A tabagent server answers at ${server.url.host}.`);
  if (status === 421) {
    const advice = `Use 127.0.0.1 or localhost with the server's port, or start the server with --allow-host ${server.url.host}.`;
    return findings.bad("origin", { code: "host_refused", message: `The server goes by other names: ${said}.`, advice });
  }
  if (code === "origin_refused") {
    return findings.bad("origin", { code, message: `The server refuses this page: ${said}.`, advice: originAdvice() });
  }
  const lacking = code === "unauthorized" ? await unpaired(server, key) : undefined;
  if (lacking) return findings.bad("key", lacking);
  findings.good("origin", `Pages of ${origin()} may talk to it.`);
  if (code === "unauthorized") {
    return findings.bad("key", {
      code,
      message: `The server wants a key that it knows: ${said}.`,
      advice:
        "Pass `key`; the server takes keys with --key, --key-file or TABAGENT_KEY. Without one it lets in only its own page on this machine, with --allow-local.",
    });
  }
  findings.good("key", "The server knows the caller.");
  const version = word(body?.["version"]);
  return findings.good("version", version ? `The server is of version ${version}.` : "The server serves no actions over HTTP, and told no version.");
}

function originAdvice(): string {
  const pairing = origin().includes("extension:") ? "Pair the extension by a code of `tabagent-server pair`, or start" : "Start";
  return `${pairing} the server with --allow-origin ${origin()}. Pages that the server serves itself need nothing, at the very address it printed.`;
}

const word = (value: unknown): string | undefined => (typeof value === "string" ? value.replace(/\.$/, "") : undefined);


// From the page to the server over HTTP, and why not: nobody there, forbidden by the browser, refused by the server.

import { isAsNear, nearness, permissions } from "./address.js";
import { type Findings, type Trouble, text } from "./findings.js";

/** Milliseconds in which the browser reports what the page's policy forbade; it does so right behind the failure. */
const REPORTED = 100;

/** What the server refuses with for a reason of the caller; `not_found` comes behind the door, where HTTP actions are switched off. */
const CALLERS = new Set(["origin_refused", "unauthorized", "not_found"]);

/** What the server said. */
export interface Reply {
  status: number;
  /** The parsed body; undefined when it is no JSON object. */
  body: Record<string, unknown> | undefined;
}

/** The server's HTTP side, as a page sees it. */
export class Server {
  /** Where the API's paths begin. */
  readonly base: string;
  readonly url: URL;
  #key: string | undefined;
  #patience: number;
  #signal: AbortSignal | undefined;

  /** @throws when the address is none. */
  constructor(url: string, key: string | undefined, patience: number, signal: AbortSignal | undefined) {
    this.url = new URL(url, typeof location === "undefined" ? undefined : location.href);
    if (!/^https?:$/.test(this.url.protocol)) throw new TypeError("it begins neither with http: nor with https:");
    this.base = this.url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
    this.#key = key;
    this.#patience = patience;
    this.#signal = signal;
  }

  /** Asks the API. Rejects when no answer comes, or none that the page may read. */
  async ask(path: string, init: { method?: string; body?: unknown } = {}): Promise<Reply> {
    const headers: Record<string, string> = init.body === undefined ? {} : { "content-type": "application/json" };
    if (this.#key !== undefined) headers["authorization"] = `Bearer ${this.#key}`;
    const body = init.body === undefined ? null : JSON.stringify(init.body);
    const reply = await this.#fetch(path, { method: init.method ?? "GET", headers, body });
    return { status: reply.status, body: objectOf(await reply.text()) };
  }

  /** Whether anybody answers at all, even if the page may not read what. */
  answers(): Promise<boolean> {
    return this.#fetch("/v1/health", { mode: "no-cors" }).then(
      () => true,
      () => false,
    );
  }

  /** The address of the WebSocket door. */
  socket(): string {
    return `${this.base.replace(/^http/, "ws")}/v1/ws`;
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const late = AbortSignal.timeout(this.#patience);
    const signal = this.#signal ? AbortSignal.any([this.#signal, late]) : late;
    return fetch(this.base + path, { cache: "no-store", ...init, signal });
  }
}

/** Asks after the server's health: whether it is reached, lets this page in, and knows the key. */
export async function reach(findings: Findings, server: Server, key: string | undefined): Promise<boolean> {
  if (key !== undefined && !/^[!-~]+$/.test(key)) {
    const advice = "Look for a blank, a line break or an accented letter in it: copy it anew.";
    return findings.bad("key", { code: "unauthorized", message: "The key has characters that no key has.", advice });
  }
  const policy = new PolicyWatch();
  try {
    return read(findings, server, await server.ask("/v1/health"));
  } catch (thrown) {
    return await unreached(findings, server, policy, thrown);
  } finally {
    policy.end();
  }
}

/** The page got no answer: is there none, or may it not have it? */
async function unreached(findings: Findings, server: Server, policy: PolicyWatch, thrown: unknown): Promise<boolean> {
  const forbidden = await policy.forbade(server.url);
  if (forbidden !== undefined) return findings.bad("server", forbidden);
  if (await server.answers()) {
    findings.good("server", `Somebody answers at ${server.url.host}.`);
    return findings.bad("origin", {
      code: "origin_refused",
      message: `The answer is not for pages of ${origin()}: the server does not list this origin, or another program has that port.`,
      advice: originAdvice(),
    });
  }
  return findings.bad("server", (await localNetwork(server.url)) ?? mixedContent(server.url) ?? silent(server.url, thrown));
}

/** The page got an answer. Whose, and what does it say? */
function read(findings: Findings, server: Server, { status, body }: Reply): boolean {
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

/** Hears what the page's Content-Security-Policy forbids. */
class PolicyWatch {
  #seen: string[] = [];
  #hear = (event: Event) => {
    const { effectiveDirective, blockedURI } = event as SecurityPolicyViolationEvent;
    if (effectiveDirective === "connect-src") this.#seen.push(blockedURI);
  };

  constructor() {
    globalThis.addEventListener?.("securitypolicyviolation", this.#hear);
  }

  /** Waits for the report of a request to this address that has just failed. */
  async forbade(url: URL): Promise<Trouble | undefined> {
    const end = performance.now() + REPORTED;
    while (!this.#about(url) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve));
    if (!this.#about(url)) return undefined;
    return {
      code: "csp_blocked",
      message: `The page's own Content-Security-Policy forbids ${url.origin}: the request never left the browser.`,
      advice: `Add ${url.origin} to the connect-src of the page's policy.`,
    };
  }

  end(): void {
    globalThis.removeEventListener?.("securitypolicyviolation", this.#hear);
  }

  #about(url: URL): boolean {
    return this.#seen.some((blocked) => blocked.startsWith(url.origin));
  }
}

/** Whether the browser keeps pages away from this machine and its network. */
async function localNetwork(url: URL): Promise<Trouble | undefined> {
  const [from, to] = [nearness(globalThis.location?.hostname ?? ""), nearness(url.hostname)];
  const states = await Promise.all(permissions(to).map(permissionState));
  if (!states.includes("denied")) return undefined;
  if (globalThis.isSecureContext) {
    return {
      code: "local_network_denied",
      message: `The browser does not let pages of ${origin()} reach ${to === "loopback" ? "this machine" : "the local network"}: the permission was denied.`,
      advice: "Click the icon left of the address, allow access to apps on this device and to the local network, and reload the page.",
    };
  }
  // Such a page is denied always; among its like it needs no permission.
  if (isAsNear(from, to)) return undefined;
  return {
    code: "insecure_context",
    message: "Only pages that came over https (or from this machine) may ask for permission to reach this machine or the local network.",
    advice: "Serve the page over https, or from localhost.",
  };
}

async function permissionState(name: string): Promise<string | undefined> {
  // Browsers that do not know the name throw.
  return navigator.permissions?.query({ name: name as PermissionName }).then(
    ({ state }) => state,
    () => undefined,
  );
}

function mixedContent(url: URL): Trouble | undefined {
  const secure = globalThis.location?.protocol === "https:";
  if (!secure || url.protocol === "https:" || nearness(url.hostname) === "loopback") return undefined;
  return {
    code: "mixed_content",
    message: "A page that came over https may ask no http address but those of this machine.",
    advice: "Use http://127.0.0.1 where the server is on this machine; elsewhere put https in front of the server.",
  };
}

function silent(url: URL, thrown: unknown): Trouble {
  const late = thrown instanceof Error && thrown.name === "TimeoutError";
  const certificate = url.protocol === "https:" ? " Open the address in a tab: the browser may distrust its certificate." : "";
  return {
    code: "unreachable",
    message: late ? `${url.host} did not answer in time.` : `Nobody answers at ${url.host} (${text(thrown)}).`,
    advice: `Is the server running, on this port? \`tabagent-server doctor\` says what is there; from elsewhere a firewall may be in between.${certificate}`,
  };
}

function originAdvice(): string {
  const extension = origin().includes("extension:") ? ", and give the extension the host permission for its address" : "";
  return `Start the server with --allow-origin ${origin()}${extension}. Pages that the server serves itself need nothing, at the very address it printed.`;
}

/** As the server sees it in the header of that name. */
const origin = (): string => globalThis.origin ?? "null";

const word = (value: unknown): string | undefined => (typeof value === "string" ? value.replace(/\.$/, "") : undefined);

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

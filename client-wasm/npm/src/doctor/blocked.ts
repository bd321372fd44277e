// Why a request got no answer: what the page's policy, the browser's permissions and its rules forbid, or nobody being there.

import { isAsNear, nearness, permissions } from "./address.js";
import { type Trouble, text } from "./findings.js";

/** Milliseconds in which the browser reports what the page's policy forbade; it does so right behind the failure. */
const REPORTED = 100;

/** The page's origin, as the server sees it in the header of that name. */
export const origin = (): string => globalThis.origin ?? "null";

/** Hears what the page's Content-Security-Policy forbids. */
export class PolicyWatch {
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
      advice: `Add ${url.origin} to the connect-src of the page's policy, and the same address with ws: for WebSockets.`,
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
export async function localNetwork(url: URL): Promise<Trouble | undefined> {
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

/** Whether the page is too secure for the address. */
export function mixedContent(url: URL): Trouble | undefined {
  const secure = globalThis.location?.protocol === "https:";
  if (!secure || url.protocol === "https:" || nearness(url.hostname) === "loopback") return undefined;
  return {
    code: "mixed_content",
    message: "A page that came over https may ask no http address but those of this machine.",
    advice: "Use http://127.0.0.1 where the server is on this machine; elsewhere put https in front of the server.",
  };
}

/** Nobody answers: all that can be said when the browser forbids nothing. */
export function silent(url: URL, thrown: unknown): Trouble {
  const late = thrown instanceof Error && thrown.name === "TimeoutError";
  const certificate = url.protocol === "https:" ? " Open the address in a tab: the browser may distrust its certificate." : "";
  return {
    code: "unreachable",
    message: late ? `${url.host} did not answer in time.` : `Nobody answers at ${url.host} (${text(thrown)}).`,
    advice: `Is the server running, on this port? \`tabagent-server doctor\` says what is there; from elsewhere a firewall may be in between.${certificate}`,
  };
}

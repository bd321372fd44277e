// Where an address leads: to this machine, to its network, or beyond. Decides which permission a page needs for it.

/** How near a host is: the browser protects what is nearer than the page itself. */
export type Nearness = "loopback" | "local" | "public" | "unknown";

/** Tells by the text alone; the addresses behind a name are the browser's secret. */
export function nearness(host: string): Nearness {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127\.\d+\.\d+\.\d+$/.test(name)) return "loopback";
  if (/^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(name) && /^[\d.]+$/.test(name)) return "local";
  if (/^(f[cd]|fe[89ab])[0-9a-f]*:/.test(name) || name.endsWith(".local")) return "local";
  return /^[\d.]+$|:/.test(name) ? "public" : "unknown";
}

/** Whether a page at `from` is at least as near as `to`, so that the browser asks nobody. */
export function isAsNear(from: Nearness, to: Nearness): boolean {
  const rank = { loopback: 2, local: 1, public: 0, unknown: 0 };
  return rank[from] >= rank[to] && to !== "unknown";
}

/** Names of the permission for a host, newest first; browsers know some or none of them. */
export function permissions(to: Nearness): string[] {
  if (to === "public") return [];
  const own = { loopback: ["loopback-network"], local: ["local-network"], unknown: ["local-network", "loopback-network"] }[to];
  return [...own, "local-network-access"];
}

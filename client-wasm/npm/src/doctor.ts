// Why a connection cannot work: each step is looked at by itself, and the first that fails is named with its cause and cure.
// Needs nothing of the module, so that it also works where that cannot be loaded.

import { webassembly, webrtc } from "./doctor/browser.js";
import { connection } from "./doctor/connection.js";
import { type Check, type Diagnosis, Findings, text } from "./doctor/findings.js";
import { isPossible } from "./doctor/peer.js";
import { reach } from "./doctor/reach.js";
import { Server } from "./doctor/server.js";
import { websocket } from "./doctor/websocket.js";
import type { ConnectOptions } from "./types.js";

export type { Check, CheckName, Diagnosis } from "./doctor/findings.js";

/** Milliseconds for each step unless said otherwise. */
const PATIENCE = 10_000;

/** How to look. `key`, `iceServers` and `iceTransportPolicy` as for `connect()`. */
export interface DoctorOptions extends Pick<ConnectOptions, "key" | "iceServers" | "iceTransportPolicy" | "signal"> {
  /** The `connect` of `@tabagent/client`, for a last check with the client itself. Default: none, and nothing of it is loaded. */
  connect?: ((url: string, options: ConnectOptions) => Promise<{ readonly transport?: string | undefined; close(): void }>) | undefined;
  /** Milliseconds for each step. Default: 10000. */
  timeoutMs?: number | undefined;
  /** Hears each check as it is made. */
  onCheck?: ((check: Check) => void) | undefined;
}

/**
 * Finds out why a page cannot connect to the server at `http://host:port`, or that it can. Makes a connection and ends it.
 *
 * @throws only the reason of an aborted `signal`; everything else is told in the checks.
 */
export async function doctor(url: string | URL, options: DoctorOptions = {}): Promise<Diagnosis> {
  options.signal?.throwIfAborted();
  const findings = new Findings(options.onCheck);
  await Promise.race([examine(findings, String(url), options), aborted(options.signal)]);
  return diagnosis(findings);
}

async function examine(findings: Findings, url: string, options: DoctorOptions): Promise<void> {
  const { key, signal, timeoutMs: patience = PATIENCE, iceServers = [], iceTransportPolicy } = options;
  const isLoadable = webassembly(findings);
  const isCapable = webrtc(findings, isPossible());
  let server: Server;
  try {
    server = new Server(url, key, patience, signal ?? undefined);
  } catch (thrown) {
    const advice = "Write it as http://127.0.0.1:9000.";
    findings.bad("address", { code: "bad_address", message: `${JSON.stringify(url)} is no address to connect to: ${text(thrown)}.`, advice });
    return;
  }
  if (!(await reach(findings, server, key))) return;
  await websocket(findings, server, patience);
  signal?.throwIfAborted();
  if (isCapable) await connection(findings, server, { iceServers, relayOnly: iceTransportPolicy === "relay", patience });
  signal?.throwIfAborted();
  if (options.connect && isLoadable) await session(findings, url, options, patience);
}

/** The client itself: what it says of a failure is what a user would see. */
async function session(findings: Findings, url: string, options: DoctorOptions, patience: number): Promise<void> {
  const { connect, key, iceServers, iceTransportPolicy, signal } = options;
  try {
    const agent = await connect?.(url, { key, iceServers, iceTransportPolicy, signal, connectTimeoutMs: patience });
    findings.good("session", `The client has a session${agent?.transport ? ` over ${agent.transport}` : ""}.`);
    agent?.close();
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code;
    const advice =
      code === "version_mismatch"
        ? "Update the older of the two: the page's copy of the client, or the server."
        : "The first check above that fails says why; where none does, the server's log has the rest.";
    findings.bad("session", { code: typeof code === "string" ? code : "transport_failed", message: `connect() failed: ${text(thrown)}`, advice });
  }
}

function diagnosis({ checks }: Findings): Diagnosis {
  const failed = checks.find(({ ok }) => !ok);
  const isWell = failed === undefined;
  const works = (name: string) => checks.some((check) => check.name === name && check.ok);
  const spared = !isWell && works("websocket") && !works("round_trip") ? " Sessions can run over the WebSocket meanwhile." : "";
  const path = checks.find(({ name }) => name === "path")?.message ?? "";
  return { ok: isWell, checks, summary: isWell ? `Everything works. ${path}`.trim() : `${failed.message}${spared} ${failed.advice ?? ""}`.trim() };
}

/** Rejects when the signal says so; never resolves. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

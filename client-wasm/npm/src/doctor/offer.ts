// Offer and answer, and the candidates behind them, over the server's signaling API.

import { type Findings, type Trouble, text } from "./findings.js";
import type { Peer } from "./peer.js";
import type { Reply, Server } from "./server.js";

/** Candidates told to the server; it takes no more. */
const MAX_CANDIDATES = 64;
/** Milliseconds for which candidates may still come. */
const GATHERING = 30_000;

/** What the server answered the offer with. */
export interface Answer {
  id: string;
  sdp: string;
  iceServers: RTCIceServer[];
}

/** Exchanges descriptions with the server, the browser offering. */
export async function signaling(findings: Findings, server: Server, { type, sdp }: RTCSessionDescription): Promise<Answer | undefined> {
  let reply: Reply;
  try {
    reply = await server.ask("/v1/webrtc/sessions", { method: "POST", body: { offer: { type, sdp } } });
  } catch (thrown) {
    const advice = "The server answered a moment ago. Something in between may let GET pass and nothing else.";
    findings.bad("signaling", { code: "unreachable", message: `The offer got no answer (${text(thrown)}).`, advice });
    return undefined;
  }
  const { status, body = {} } = reply;
  const answer = body["answer"] as { sdp?: string } | undefined;
  const [id, iceServers] = [body["session_id"], body["ice_servers"]];
  if (typeof answer?.sdp === "string" && typeof id === "string") {
    findings.good("signaling", "Offer and answer were exchanged.");
    return { id, sdp: answer.sdp, iceServers: Array.isArray(iceServers) ? iceServers : [] };
  }
  findings.bad("signaling", refusedOffer(status, body));
  return undefined;
}

function refusedOffer(status: number, body: Record<string, unknown>): Trouble {
  const code = String(body["code"] ?? "not_a_server");
  const message = `The server refuses the offer: ${body["message"] ?? `HTTP status ${status}`}`;
  if (code === "not_found") return { code: "webrtc_off", message, advice: "It runs with --mode http: leave that out, or use its HTTP addresses." };
  const full = code === "limit_reached" || code === "rate_limited";
  return { code, message, advice: full ? "Close other pages that are connected, wait, or raise the limit that is named, with --limit." : "The server's log says more." };
}

/** Tells the server of our candidates as they come. It also finds us by our packets, so that failures do not matter. */
export function tell(server: Server, peer: Peer, id: string): void {
  let told = 0;
  const next = async (): Promise<void> => {
    while (told < MAX_CANDIDATES && (await peer.until(() => peer.candidates.length > told, GATHERING))) {
      const candidates = peer.candidates.slice(told, MAX_CANDIDATES);
      told += candidates.length;
      await server.ask("/v1/webrtc/ice", { method: "POST", body: { session_id: id, candidates } }).catch(() => {});
    }
  };
  void next();
}

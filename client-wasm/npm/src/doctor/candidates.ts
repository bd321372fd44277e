// The addresses that ICE may try: the browser's own, and what STUN and TURN servers add to them.

import type { Findings, Trouble } from "./findings.js";
import { type Peer, type ServerAnswer, ask } from "./peer.js";
import type { Plan } from "./plan.js";

/** STUN and TURN servers that are asked one by one. */
const MAX_SERVERS = 8;
/** Milliseconds that each of them gets. */
const SERVER_PATIENCE = 5_000;

/** Whether there is an address to try. */
export function candidates(findings: Findings, { relayOnly, iceServers }: Plan, peer: Peer, asked: ServerAnswer[]): boolean {
  if (!peer.isStranded(relayOnly)) {
    const message = peer.found > 0 ? `The browser found ${peer.found} of its addresses.` : "The browser tells no address, and needs none here.";
    return findings.good("candidates", message, undefined, peer.times.candidate);
  }
  const isOnline = navigator.onLine !== false;
  if (relayOnly && isOnline && !iceServers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)))) {
    return findings.bad("candidates", {
      code: "no_turn",
      message: "The path may lead over TURN servers only (`iceTransportPolicy: \"relay\"`), and none is given.",
      advice: "Pass a TURN server in `iceServers`, or leave the policy out.",
    });
  }
  if (relayOnly && isOnline) return (iceServersFailed(findings, asked), false);
  return findings.bad("candidates", {
    code: "no_candidates",
    message: `The browser has no network interface to use WebRTC on${isOnline ? "" : ", and says that it is offline"}. The loopback interface alone is none to it.`,
    advice: "Connect any network, even one without internet; in a container, give it one interface besides lo. A browser policy or an extension that forbids non-proxied UDP has the same effect.",
  });
}

/** Whether the STUN and TURN servers do what they are for. One that is silent matters only where nothing else works. */
export function iceServers(findings: Findings, plan: Plan, peer: Peer, asked: ServerAnswer[]): boolean {
  const [first] = asked.filter(({ state }) => state === "refused").concat(asked.filter(({ state }) => state === "silent"));
  if (asked.length === 0) return true;
  const ms = Math.max(...asked.map((each) => each.ms));
  if (first === undefined) return findings.good("ice_servers", `All of them answer: ${asked.map(({ url }) => url).join(", ")}.`, undefined, ms);
  const trouble = serverTrouble(first);
  const spared = first.state === "silent" && peer.hasPath && !plan.relayOnly;
  return spared ? findings.good("ice_servers", trouble.message, { code: trouble.code, advice: trouble.advice }, ms) : findings.bad("ice_servers", trouble, ms);
}

function iceServersFailed(findings: Findings, asked: ServerAnswer[]): void {
  const turn = asked.filter((each) => each.turn && each.state !== "answers");
  const first = turn.find(({ state }) => state === "refused") ?? turn[0];
  findings.bad("ice_servers", first ? serverTrouble(first) : { code: "turn_unreachable", message: "No TURN server gave an address in time.", advice: TURN_ADVICE });
}

const TURN_ADVICE = "Is it running at this address and port, and may UDP (or, with ?transport=tcp, TCP) reach it? A firewall may need turns: on port 443.";

function serverTrouble({ url, turn, state, said }: ServerAnswer): Trouble {
  if (state === "refused") {
    return {
      code: "turn_refused",
      message: `The TURN server ${url} refuses: ${said}.`,
      advice: "401 means that `username` or `credential` are wrong or have expired; 486 that the user has all the relays it may have; 403 that the server forbids the peer's address.",
    };
  }
  const code = turn ? "turn_unreachable" : "stun_unreachable";
  const advice = turn ? TURN_ADVICE : "Is it running at this address and port, and may UDP reach it? Within one network no STUN server is needed.";
  return { code, message: `The ${turn ? "TURN" : "STUN"} server ${url} does not answer${said ? ` (${said})` : ""}.`, advice };
}

/** Asks each of them by itself. */
export function askServers(servers: readonly RTCIceServer[], patience: number): Promise<ServerAnswer[]> {
  const each = servers.flatMap((server) => [server.urls].flat().map((url) => ({ server, url })));
  return Promise.all(each.slice(0, MAX_SERVERS).map(({ server, url }) => ask(server, url, Math.min(patience, SERVER_PATIENCE))));
}

// From signaling to the first answer over a data channel: one connection is made, and each step of it is a check.

import { nearness } from "./address.js";
import { type Findings, type Trouble, text } from "./findings.js";
import { type Pair, Peer, type ServerAnswer, ask } from "./peer.js";
import type { Reply, Server } from "./reach.js";

/** STUN and TURN servers that are asked one by one. */
const MAX_SERVERS = 8;
/** Milliseconds that each of them gets. */
const SERVER_PATIENCE = 5_000;
/** Milliseconds that ICE gets to move without a single candidate. Where it can work without, it needs 10. */
const STRANDED_AFTER = 1_000;
/** Candidates told to the server; it takes no more. */
const MAX_CANDIDATES = 64;

/** Milliseconds for which candidates may still come. */
const GATHERING = 30_000;

/** How a connection is to be made. */
export interface Plan {
  iceServers: readonly RTCIceServer[];
  relayOnly: boolean;
  /** Milliseconds for each step. */
  patience: number;
}

/** Makes one connection and a call over it. */
export async function connection(findings: Findings, server: Server, plan: Plan): Promise<boolean> {
  const configuration: RTCConfiguration = { iceServers: [...plan.iceServers], iceTransportPolicy: plan.relayOnly ? "relay" : "all" };
  let peer: Peer;
  try {
    peer = new Peer(configuration);
  } catch (thrown) {
    const advice = "Look at `iceServers`: a turn: address needs `username` and `credential`, and nothing may follow a stun: address.";
    return findings.bad("ice_servers", { code: "bad_ice_servers", message: `The browser refuses this configuration: ${text(thrown)}.`, advice });
  }
  let id: string | undefined;
  try {
    const offer = await peer.offer();
    const reply = await signaling(findings, server, offer);
    if (reply === undefined) return false;
    ({ id } = reply);
    await peer.answer(reply.sdp);
    tell(server, peer, reply.id);
    return await established(findings, server, plan, peer, reply);
  } catch (thrown) {
    const advice = "Look for a browser policy or an extension that meddles with WebRTC.";
    return findings.bad("signaling", { code: "transport_failed", message: `The browser refuses: ${text(thrown)}.`, advice });
  } finally {
    peer.close();
    // The server would notice by itself, later.
    if (id) server.ask(`/v1/webrtc/session/${id}`, { method: "DELETE" }).catch(() => {});
  }
}

/** What the server answered the offer with. */
interface Answer {
  id: string;
  sdp: string;
  iceServers: RTCIceServer[];
}

async function signaling(findings: Findings, server: Server, { type, sdp }: RTCSessionDescription): Promise<Answer | undefined> {
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
function tell(server: Server, peer: Peer, id: string): void {
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

async function established(findings: Findings, server: Server, plan: Plan, peer: Peer, answer: Answer): Promise<boolean> {
  const [asked] = await Promise.all([askServers(plan.iceServers, plan.patience), settle(peer, plan)]);
  if (!candidates(findings, plan, peer, asked)) return false;
  const pairs = await peer.pairs();
  const servers = iceServers(findings, plan, peer, asked);
  if (!peer.hasPath) {
    const offered = plan.iceServers.length === 0 ? await askServers(answer.iceServers, plan.patience) : [];
    return findings.bad("path", noPath(server, answer, plan, peer, pairs, offered), peer.age);
  }
  findings.good("path", foundPath(pairs), undefined, peer.times.path);
  return (await call(findings, plan, peer)) && servers;
}

/** Waits until ICE has a path, or will not have one. */
async function settle(peer: Peer, { relayOnly, patience }: Plan): Promise<void> {
  const over = () => peer.hasPath || peer.hasFailed;
  // Relays take their time to answer: there only the end of gathering counts.
  const moved = () => over() || peer.found > 0 || (relayOnly ? peer.hasGathered : !peer.isStranded(false));
  await peer.until(moved, relayOnly ? patience : STRANDED_AFTER);
  if (!peer.isStranded(relayOnly)) await peer.until(over, patience);
}

/** Whether there is an address to try. */
function candidates(findings: Findings, { relayOnly, iceServers }: Plan, peer: Peer, asked: ServerAnswer[]): boolean {
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
function iceServers(findings: Findings, plan: Plan, peer: Peer, asked: ServerAnswer[]): boolean {
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

function askServers(servers: readonly RTCIceServer[], patience: number): Promise<ServerAnswer[]> {
  const each = servers.flatMap((server) => [server.urls].flat().map((url) => ({ server, url })));
  return Promise.all(each.slice(0, MAX_SERVERS).map(({ server, url }) => ask(server, url, Math.min(patience, SERVER_PATIENCE))));
}

function foundPath(pairs: Pair[]): string {
  const pair = pairs.find(({ selected }) => selected);
  if (!pair) return "There is a path.";
  const way = pair.local.startsWith("relay") ? "path over a TURN server" : "direct path";
  const time = pair.ms === undefined ? "" : `, ${pair.ms.toFixed(1)} ms there and back`;
  return `There is a ${way}: ${pair.local} to ${pair.remote}${time}.`;
}

/** Why no pair of addresses works. */
function noPath(server: Server, { sdp }: Answer, { relayOnly }: Plan, peer: Peer, pairs: Pair[], offered: ServerAnswer[]): Trouble {
  const remote = [...sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+)/gim)].map(([, protocol = "", address = "", port = ""]) => ({ protocol, address, port }));
  const told = remote.map(({ protocol, address, port }) => `${protocol.toLowerCase()} ${address}:${port}`).join(", ") || "none";
  const working = offered.find(({ turn, state }) => turn && state === "answers");
  const hint = working ? ` The server names the TURN server ${working.url}, which answers: pass it in \`iceServers\`.` : "";
  if (remote.length > 0 && remote.every(({ address }) => nearness(address) === "loopback") && nearness(server.url.hostname) !== "loopback") {
    return {
      code: "server_udp_loopback",
      message: `The server is on another machine and offers only addresses of its own loopback interface (${told}).`,
      advice: `Start it with --udp-bind and the address of its network interface, as with --host.${hint}`,
    };
  }
  const sum = (of: (pair: Pair) => number) => pairs.reduce((total, pair) => total + of(pair), 0);
  const [sent, answered] = [sum((pair) => pair.sent), sum((pair) => pair.answered)];
  if (relayOnly) {
    return {
      code: "relay_blocked",
      message: `The TURN server lends an address, and nothing comes back through it from those of the server (${told}).`,
      advice: "The TURN server must reach one of them and be allowed to (coturn: allowed-peer-ip, denied-peer-ip); --udp-bind gives the server another.",
    };
  }
  // Chromium counts packets too that this machine had no way to send, as those to IPv6 addresses where there is no IPv6.
  const isForeign = remote.every(({ address }) => address.includes(":")) && !server.url.hostname.startsWith("[");
  if (sent === 0 || answered > 0 || isForeign) {
    return {
      code: "no_pair",
      message: `Among the addresses of the browser and those of the server (${told}) are no two that fit together${answered > 0 ? " for long" : ""}.`,
      advice: `Both need an address of one family, IPv4 or IPv6, that the other can reach: --udp-bind gives the server another. Between networks both need a TURN server.${hint}`,
    };
  }
  return {
    code: "udp_blocked",
    message: `HTTP reaches the server and UDP does not: of ${sent} packets to its addresses (${told}) none was answered${peer.isRelayed ? ", nor over the TURN server" : ""}.`,
    advice: `Allow UDP in the firewall (--udp-port pins the port), switch a VPN off for a try. Where UDP stays blocked, or between networks, give both ends a TURN server: \`iceServers\` here, --ice-server there.${hint}`,
  };
}

/** From keys to the first answer. */
async function call(findings: Findings, { patience }: Plan, peer: Peer): Promise<boolean> {
  if (!(await peer.until(() => peer.isEncrypted || peer.hasFailed, patience)) || !peer.isEncrypted) {
    return findings.bad("encryption", {
      code: "dtls_failed",
      message: "Packets find their way, and no keys were agreed on.",
      advice: "Something on the way drops larger UDP packets (a VPN with a small MTU), or the two clocks are far apart.",
    });
  }
  findings.good("encryption", "Keys were agreed on.");
  if (!(await peer.until(() => peer.isOpen || peer.channel.readyState === "closed", patience)) || !peer.isOpen) {
    const advice = "The server's log names the connection and the step it stopped at.";
    return findings.bad("channel", { code: "channel_failed", message: "The data channel does not open.", advice });
  }
  findings.good("channel", "The data channel is open.");
  peer.channel.send(JSON.stringify({ action: "health" }));
  await peer.until(() => peer.messages.length > 0 || !peer.isOpen, patience);
  const [answer] = peer.messages;
  if (answer?.includes('"health_response"')) return findings.good("round_trip", "The server answered a call over it.");
  const message = answer === undefined ? "A call over the data channel got no answer." : `A call over the data channel was refused: ${answer.slice(0, 200)}`;
  return findings.bad("round_trip", { code: "no_answer", message, advice: "The server's log says more; is it busy, or is another program at the other end?" });
}

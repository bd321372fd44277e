// From signaling to the first answer over a data channel: one connection is made, and each step of it is a check.

import { askServers, candidates, iceServers } from "./candidates.js";
import { type Findings, text } from "./findings.js";
import { type Answer, signaling, tell } from "./offer.js";
import { foundPath, noPath } from "./path.js";
import { Peer } from "./peer.js";
import type { Plan } from "./plan.js";
import type { Server } from "./server.js";

/** Milliseconds that ICE gets to move without a single candidate. Where it can work without, it needs 10. */
const STRANDED_AFTER = 2_000;

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

/** From keys to the first answer. */
async function call(findings: Findings, { patience }: Plan, peer: Peer): Promise<boolean> {
  if (!(await peer.until(() => peer.isEncrypted || peer.hasFailed, patience)) || !peer.isEncrypted) {
    return findings.bad("encryption", {
      code: "dtls_failed",
      message: "Packets find their way, and no keys were agreed on.",
      advice: "Something on the way drops larger UDP packets (a VPN with a small MTU): try without it.",
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

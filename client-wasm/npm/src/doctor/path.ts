// The way between the two ends: which one it is, or why there is none.

import { nearness } from "./address.js";
import type { Trouble } from "./findings.js";
import type { Answer } from "./offer.js";
import type { Pair, Peer, ServerAnswer } from "./peer.js";
import type { Plan } from "./plan.js";
import type { Server } from "./server.js";

/** The pair of addresses that works. */
export function foundPath(pairs: Pair[]): string {
  const pair = pairs.find(({ selected }) => selected);
  if (!pair) return "There is a path.";
  const way = pair.local.startsWith("relay") ? "path over a TURN server" : "direct path";
  const time = pair.ms === undefined ? "" : `, ${pair.ms.toFixed(1)} ms there and back`;
  return `There is a ${way}: ${pair.local} to ${pair.remote}${time}.`;
}

/** Why no pair of addresses works. */
export function noPath(server: Server, { sdp }: Answer, { relayOnly }: Plan, peer: Peer, pairs: Pair[], offered: ServerAnswer[]): Trouble {
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

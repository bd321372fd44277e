// Networks of a test's own: namespaces that a script runs in, and that are gone when it ends.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** An offline laptop. */
export const LOOPBACK = ["ip link set lo up"];
/** One interface that leads nowhere; enough for WebRTC on this machine. */
export const INTERFACE = [
  ...LOOPBACK,
  "ip link add va type veth peer name vb",
  "ip address add 192.0.2.2/24 dev va",
  "ip link set va up",
  "ip link set vb up",
];
/** The same, and a firewall that drops UDP. */
export const WITHOUT_UDP = [...INTERFACE, "nft 'table inet t { chain arriving { type filter hook input priority 0; meta l4proto udp drop; }; }'"];
/**
 * Three machines: `brow` (10.1.0.2, without IPv6), where the script runs, and `srv` (10.2.0.2, 10.2.0.3, fd00::2), on either side of `turn`
 * (10.1.0.1, 10.2.0.1), which passes on TCP and drops UDP.
 */
export const ROUTED = [
  "for n in brow turn srv; do ip netns add $n && ip -n $n link set lo up; done",
  "ip netns exec brow sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
  "ip link add b0 netns brow type veth peer name t0 netns turn",
  "ip link add s0 netns srv type veth peer name t1 netns turn",
  "ip -n brow address add 10.1.0.2/24 dev b0 && ip -n turn address add 10.1.0.1/24 dev t0",
  "ip -n srv address add 10.2.0.2/24 dev s0 && ip -n srv address add 10.2.0.3/24 dev s0 && ip -n srv address add fd00::2/64 dev s0 nodad && ip -n turn address add 10.2.0.1/24 dev t1",
  "ip -n brow link set b0 up && ip -n turn link set t0 up && ip -n turn link set t1 up && ip -n srv link set s0 up",
  "ip -n brow route add default via 10.1.0.1 && ip -n srv route add default via 10.2.0.1",
  "ip netns exec turn sysctl -qw net.ipv4.ip_forward=1",
  "ip netns exec turn nft 'table inet t { chain passing { type filter hook forward priority 0; meta l4proto udp drop; }; }'",
];
const ENTER = new Map([[ROUTED, "ip netns exec brow"]]);

/** Where Debian keeps these programs, whatever the PATH of a plain user says. */
const PATH = [process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter);

/**
 * Runs a script of this folder in such a network, gives it a value as JSON, and answers with the JSON of its last line. Its namespaces of
 * networks and mounts are its own: nothing of it is left, however it ends.
 */
export function inNetwork(network, script, given, patienceMs = 120_000) {
  for (const program of ["unshare", "ip", "nft", "turnserver"]) {
    const found = PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
    assert.ok(found, `\`${program}\` is missing: \`npm test -- --only e2e\` installs it, or run \`apt-get install iproute2 nftables coturn\`.`);
  }
  const path = fileURLToPath(new URL(script, import.meta.url));
  const user = process.getuid() === 0 ? [] : ["--user", "--map-root-user"];
  const lines = ["set -e", "mount -t tmpfs tmpfs /run", ...network, `exec ${ENTER.get(network) ?? ""} "$0" "$@"`];
  const args = [...user, "--net", "--mount", "sh", "-c", lines.join("\n"), process.execPath, path, JSON.stringify(given)];
  const run = spawnSync("unshare", args, { encoding: "utf8", timeout: patienceMs, env: { ...process.env, PATH } });
  assert.equal(run.status, 0, `${run.error ?? ""}${run.stderr}${run.stdout}`);
  return JSON.parse(run.stdout.trim().split("\n").at(-1));
}

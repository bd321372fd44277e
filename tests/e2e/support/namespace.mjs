// Network namespaces of their own for scripts: what happens to a network there happens to nobody else.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Shell commands that bring up the loopback, and an interface that leads nowhere. */
export const loopback = "ip link set lo up";
export const interfaceUp = "ip link add va type veth peer name vb && ip addr add 192.0.2.2/24 dev va && ip link set va up && ip link set vb up";

/** Milliseconds that a script may take: more than any of them waits. */
const patienceMs = 180_000;

/** Runs a script of this folder in a namespace prepared by a shell command, and answers the JSON of its last line. */
export function inNamespace(script, prepare, ...args) {
  const user = process.getuid() === 0 ? [] : ["--user", "--map-root-user"];
  const inner = fileURLToPath(new URL(script, import.meta.url));
  const shell = ["sh", "-c", `${prepare} && exec "$0" "$@"`, process.execPath, inner, ...args];
  const run = spawnSync("unshare", [...user, "--net", ...shell], { encoding: "utf8", timeout: patienceMs });
  if (run.status !== 0) throw new Error(`${script} ended with ${run.status}: ${run.error ?? ""}${run.stderr}`);
  return JSON.parse(run.stdout.trim().split("\n").at(-1));
}

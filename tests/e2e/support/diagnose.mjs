// Run inside a network of its own: servers, perhaps a TURN server, one Chromium; the last line printed holds what doctor() said in each case.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { launch, open } from "./chromium.mjs";
import { binary, root, startServer } from "./server.mjs";

/**
 * `servers`: flags by name. `cases`: which server, and how doctor() is asked. `examined`: flags for the server's own doctor, by name. `at`: the
 * namespace of the servers. `turn`: where and how a TURN server runs.
 */
const { servers, cases, examined = {}, at, turn, browserFlags = [] } = JSON.parse(process.argv[2]);
const stops = [];
/** The server's program where the servers are. */
const there = (args) => (at ? ["ip", "netns", "exec", at, binary, ...args] : [binary, ...args]);

try {
  if (turn) await startTurn(turn);
  const urls = {};
  for (const [name, flags] of Object.entries(servers)) urls[name] = await start(flags);
  const browser = await launch(...browserFlags);
  stops.push(() => browser.close());
  const seen = {};
  // Side by side: most of them wait for what does not come.
  await Promise.all(
    Object.entries(cases).map(async ([name, { server, options }]) => {
      const page = await open(browser, urls[server]);
      seen[name] = await page.evaluate(diagnose, options);
    }),
  );
  for (const [name, flags] of Object.entries(examined)) seen[name] = examine(flags);
  console.log(JSON.stringify(seen));
} finally {
  for (const stop of stops.reverse()) await stop();
}

/** In the page. `client`: with the client itself as the last check. */
async function diagnose({ client, ...options }) {
  const { doctor } = await import("/client/doctor.js");
  const { connect } = client ? await import("/client/index.js") : {};
  // WebRTC or nothing: a session over another transport would say nothing of the path.
  return doctor(location.origin, { ...options, ...(client && { connect: (url, wish) => connect(url, { ...wish, strict: true }) }) });
}

/** What the server's own doctor says. */
function examine(flags) {
  const [program, ...args] = there(["doctor", "--json", "--port", "0", "--data-dir", join(tmpdir(), "tabagent-none"), ...flags]);
  return JSON.parse(spawnSync(program, args, { encoding: "utf8", timeout: 30_000 }).stdout);
}

async function start(flags) {
  const [program, ...args] = there(["--port", "0", "--www", `${root}/www`, ...flags]);
  const server = await startServer({ program, args });
  stops.push(() => server.stop());
  return server.url;
}

/** coturn on both of its addresses, with one user, that relays to one address of the server's. */
async function startTurn({ at, listen, relay, user, peer }) {
  const data = mkdtempSync(join(tmpdir(), "tabagent-turn-"));
  const options = [
    ...listen.map((ip) => `--listening-ip=${ip}`), `--relay-ip=${relay}`, "--listening-port=3478", "--realm=tabagent.test", "--lt-cred-mech",
    `--user=${user}`, "--denied-peer-ip=0.0.0.0-255.255.255.255", `--allowed-peer-ip=${peer}`, "--no-cli", "--no-tls", "--no-dtls",
    "--log-file=stdout", "--simple-log", `--pidfile=${data}/pid`, `--userdb=${data}/db`, "--no-rfc5780",
  ];
  const child = spawn("ip", ["netns", "exec", at, "turnserver", "-n", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  stops.push(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(data, { recursive: true, force: true });
  });
  const log = [];
  const ready = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.push(line);
      // The last thing it does before it serves.
      if (/Total auth threads|Total General servers/.test(line)) resolve(true);
    });
  });
  if (!(await Promise.race([ready, ended.then(() => false)]))) throw new Error(`turnserver ended:\n${log.join("\n")}`);
}

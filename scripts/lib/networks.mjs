// What the tests need for networks of their own: namespaces, a firewall, a TURN server. Found, or installed where this user may.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { Stop } from "./say.mjs";
import { advice, installPackages, onPath } from "./system.mjs";

/** Each program, and the package that has it. */
const PROGRAMS = { unshare: "util-linux", ip: "iproute2", nft: "nftables", turnserver: "coturn" };
/** Where Debian keeps some of them, whatever the PATH of a plain user says. */
const SYSTEM = ["/usr/sbin", "/sbin"];

/** Looks for the programs, or installs those that are missing. */
export async function networks() {
  const missing = absent();
  if (missing.length === 0) return;
  if (process.platform !== "linux") throw new Stop("The tests in a browser need network namespaces, which only Linux has: run them in a Linux container.");
  const packages = missing.map((name) => PROGRAMS[name]);
  const installed = await installPackages("network tools, for the tests", packages, `install ${packages.join(", ")}`);
  if (installed && absent().length === 0) return;
  throw new Stop(`${missing.join(", ")} missing: ${advice(packages, "", packages.join(", "))}, then run the same command again.`);
}

const absent = () => Object.keys(PROGRAMS).filter((name) => onPath(name).length === 0 && !SYSTEM.some((folder) => existsSync(join(folder, name))));

// Packages of the operating system that only the tests need: installed where this user may, else named in one sentence.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { run } from "./children.mjs";
import { failed, step } from "./say.mjs";

/** Installs packages of Debian's where this user may. Answers whether it did; `otherwise` is what to do if it fails. */
export async function installPackages(title, packages, otherwise) {
  const [command, ...rest] = await administrator();
  if (command === undefined) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => run(command, [...rest, "apt-get", ...args], { env });
  return step(title, async () => {
    await apt("update");
    const installed = await apt("install", "-y", "--no-install-recommends", ...packages);
    if (!installed.ok) throw failed(`\`${aptLine(packages)}\` failed: run it by hand, or ${otherwise}.`, installed.output);
    return true;
  });
}

/** What a person is told to run: the Debian line, the Homebrew line, or the plain names. */
export function advice(packages, brew, names) {
  if (process.platform === "darwin") return `run \`${brew}\``;
  return onPath("apt-get").length > 0 ? `run \`sudo ${aptLine(packages)}\`` : `install ${names} with your package manager`;
}

/** Every program of this name on the PATH, the first one first. */
export function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, name)).filter(existsSync);
}

const aptLine = (packages) => `apt-get install -y --no-install-recommends ${packages.join(" ")}`;

/** What to put before `apt-get`: `env` for root, `sudo -n` for one who needs no password, nothing where it is not ours to install. */
async function administrator() {
  if (onPath("apt-get").length === 0) return [];
  if (process.getuid?.() === 0) return ["env"];
  const sudo = await run("sudo", ["-n", "true"]).catch(() => ({ ok: false }));
  return sudo.ok ? ["sudo", "-n"] : [];
}

// A project of a stranger: a copy outside this tree, with its own pinned tools and the package as npm packs it.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { packed } from "../../../scripts/lib/packed.mjs";

const run = promisify(execFile);

/** What an install may take where nothing is in npm's cache, in milliseconds. */
const INSTALL_MS = 4 * 60_000;
/** Answers nothing that a test would wait for. */
const QUIET = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];

/** The packed package: what the lane has packed, or what is built. */
export const tarball = async (t) => process.env.TABAGENT_TARBALL ?? (await packed(await temporary(t, "packed"))).path;

/** The project of this name, installed. Answers its folder, and a runner of its tools. */
export async function consumer(t, name) {
  const folder = await temporary(t, name);
  await cp(fileURLToPath(new URL(`../${name}`, import.meta.url)), folder, { recursive: true });
  if (existsSync(join(folder, "package-lock.json"))) await npm(folder, ["ci", ...QUIET]);
  await npm(folder, ["install", "--no-save", ...QUIET, await tarball(t)]);
  return {
    at: (...path) => join(folder, ...path),
    tool: (command, ...args) => told(command, run(join(folder, "node_modules", ".bin", command), args, { cwd: folder })),
    node: (...args) => told(args[0], run(process.execPath, args, { cwd: folder })),
  };
}

/** The same for all tests of a file; it is there when they run. */
export function shared(name) {
  const project = {};
  const cleanups = [];
  before(async () => Object.assign(project, await consumer({ after: (cleanup) => cleanups.push(cleanup) }, name)));
  after(() => Promise.all(cleanups.map((cleanup) => cleanup())));
  return project;
}

/** A folder that goes with the test. */
export async function temporary(t, name) {
  const folder = await mkdtemp(join(tmpdir(), `tabagent-${name}-`));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

const npm = (cwd, args) => told("npm", run("npm", args, { cwd, timeout: INSTALL_MS }));

/** What a tool says is why it failed. */
const told = (command, running) =>
  running.catch(({ code, stdout, stderr }) => {
    throw new Error(`${command} ended with ${code}:\n${stdout}${stderr}`);
  });

// Child processes: each leads its own process group, and none outlives the script that started it.
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

import { ROOT } from "./paths.mjs";
import { Stop } from "./say.mjs";

/** How long a child may take to end after being asked, before it is killed, in milliseconds. The server drains its connections in this time. */
const PATIENCE = 8_000;
/** How often to look whether a process group is empty, in milliseconds. Only its leader's end is told to us. */
const LOOK_AGAIN = 20;
/** How long output may still arrive after a child has exited; a stray grandchild that holds the pipe must not hold the script, in milliseconds. */
const LAST_WORDS = 1_000;
/** How often to look whether the npm that started this script is still there, in milliseconds. */
const ORPHAN_CHECK = 1_000;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** Children that have not exited yet. A child adds itself in `start` and leaves at its `exit`. */
const living = new Set();
let following = false;
let ending = false;

/** Starts a program in the tree's root, in its own process group: a Ctrl-C reaches it once, through this script, and its own children can be ended with it. */
export function start(command, args = [], options = {}) {
  followSignals();
  const child = spawn(command, args, { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"], ...options });
  living.add(child);
  child.exited = new Promise((settle, fail) => {
    child.once("error", (error) => (living.delete(child), fail(notStarted(command, error))));
    // While everything is being ended, a child's end is no news that the script should act on.
    child.once("exit", (code, signal) => (living.delete(child), ending || settle({ code, signal })));
  });
  child.exited.catch(() => {}); // Whoever waits for it hears of it; nobody has to.
  child.closed = new Promise((settle) => child.once("close", settle));
  return child;
}

/** Starts a program and waits for its end. `onText` hears its output (both streams) as it comes; the result holds all of it. */
export async function run(command, args = [], { onText = () => {}, ...options } = {}) {
  const child = start(command, args, options);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => {
      output += text;
      onText(text);
    });
  }
  const { code, signal } = await child.exited;
  await Promise.race([child.closed, sleep(LAST_WORDS, undefined, { ref: false })]);
  return { code, signal, ok: code === 0, output };
}

/**
 * Ends a child and whatever it started: asks, waits until the whole group is gone, then kills. Asks as Ctrl-C does, whatever this script
 * was told: Playwright closes its browsers at both signals, but ends only at this one.
 */
export async function stop(child) {
  const end = performance.now() + PATIENCE;
  toGroup(child, "SIGINT");
  while (toGroup(child, 0) && performance.now() < end) await sleep(LOOK_AGAIN);
  toGroup(child, "SIGKILL");
}

/** From the first child on, a signal to this script ends the children first, and a second signal ends them at once. */
function followSignals() {
  if (following) return;
  following = true;
  for (const signal of Object.keys(SIGNALS)) process.on(signal, () => end(signal));
  process.on("exit", () => living.forEach((child) => toGroup(child, "SIGKILL")));
  if (process.env.npm_lifecycle_event === undefined) return;
  // npm killed outright forwards nothing: its scripts would run on without an owner.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    end("SIGTERM");
  }, ORPHAN_CHECK).unref();
}

async function end(signal) {
  if (!ending) {
    ending = true;
    await Promise.all([...living].map(stop));
  }
  process.exit(process.exitCode ?? 128 + SIGNALS[signal]);
}

/** Sends a signal to all processes of a child's group; with 0 it only asks. Answers whether there is any. */
function toGroup(child, signal) {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH" && error.code !== "EPERM") throw error;
    return false; // Gone already, which was the aim.
  }
}

function notStarted(command, error) {
  return error.code === "ENOENT" ? new Stop(`\`${command}\` is not installed, or not on the PATH.`) : error;
}

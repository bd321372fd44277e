// The offscreen document: holds the one connection, and answers what the server asks the browser.

import { TabagentError, connect } from "@tabagent/client";
import { host } from "@tabagent/client/extension";
import { nativeMessaging } from "@tabagent/client/native";

import { ASK_MS, type ActionName, type Decision, actionNames, hear, tell } from "./actions.js";
import type { Settings } from "./settings.js";

host(async ({ url, token, transport, native }: Settings & { native: boolean }) => {
  const agent = await connect(url, {
    key: token,
    ...(transport !== "auto" && { transports: [transport] }),
    ...(native && { NativeSocket: nativeMessaging() }),
  });
  agent.serve(Object.fromEntries(actionNames.map((action) => [action, (_: object, { signal }: { signal: AbortSignal }) => asked(action, signal)])));
  return agent;
});

/** Questions that wait for the user. */
const waiting = new Map<string, (decision: Decision) => void>();

hear("offscreen", ({ id, decision }) => (waiting.get(id)?.(decision), undefined));

async function asked(action: ActionName, signal: AbortSignal): Promise<unknown> {
  const about = { to: "worker", id: crypto.randomUUID(), action } as const;
  const may = result(await tell({ ...about, type: "may" }));
  if (may !== "yes") {
    const decision = await decided(about.id, signal);
    await tell({ ...about, type: "settled" });
    if (decision === "no") throw failure("forbidden", `the user did not allow ${action}`);
  }
  return result(await tell({ ...about, type: "do" }));
}

/** What the user says; no, when nothing is said or the server no longer waits. */
function decided(id: string, signal: AbortSignal): Promise<Decision> {
  return new Promise<Decision>((decide) => {
    waiting.set(id, decide);
    signal.addEventListener("abort", () => decide("no"));
    if (signal.aborted) decide("no");
    setTimeout(() => decide("no"), ASK_MS);
  }).finally(() => waiting.delete(id));
}

function result(told: { value?: unknown; error?: { code: string; message: string } } | undefined): unknown {
  if (!told) throw failure("not_supported", "the service worker did not answer");
  if (told.error) throw failure(told.error.code, told.error.message);
  return told.value;
}

const failure = (code: string, message: string) => new TabagentError({ code, status: 403, message });

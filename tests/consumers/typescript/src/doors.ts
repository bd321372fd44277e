// Every door of the package, typed. Compiled and never run.
import type { Agent, ChatDelta } from "@tabagent/client";
import { type Diagnosis, doctor } from "@tabagent/client/doctor";
import { type BridgedClient, MINIMUM_CHROME, broker, connect as bridged, host } from "@tabagent/client/extension";
import { readFile } from "@tabagent/client/files";
import { peerConnections } from "@tabagent/client/node";
import { useAgent, useStream } from "@tabagent/client/react";
import { Faults, type MemoryServer, memoryServer } from "@tabagent/client/testing";

import { count } from "./count.js";

/** What a server of one's own says of itself. */
interface Own {
  actions: { add: { request: { a: number; b: number }; response: { sum: number }; item: never } };
}

export const counted = async (): Promise<string> => count(await bridged(), MINIMUM_CHROME);
export const sum = async (client: BridgedClient<Own>): Promise<number> => (await client.request({ action: "add", a: 1, b: 2 })).sum;
export const begin = (open: () => Promise<Agent>): void => (broker({ document: "offscreen.html" }), host(open));
export const diagnose = (url: string): Promise<Diagnosis> => doctor(url);
export const load = (agent: Agent): Promise<Blob> => readFile(agent, "notes/today.md");
export const tested = (): Promise<MemoryServer<Own>> => memoryServer<Own>({ actions: { add: ({ a, b }) => ({ sum: a + b }) } });
export const faults = new Faults({ seed: 1 });
export const fitting = peerConnections(class {});

export function Chat({ url }: { url: string }): string {
  const { agent, state } = useAgent(url);
  const chat = useStream(agent, "chat");
  const last: ChatDelta | undefined = chat.items.at(-1);
  // @ts-expect-error: a field has the wrong type
  chat.start({ model: "default", messages: "hello" });
  // @ts-expect-error: an action that has no items
  useStream(agent, "health");
  return `${state} ${chat.status} ${last?.delta ?? ""}`;
}

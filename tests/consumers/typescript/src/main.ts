// Every door of the package, typed; the page runs what `main` does.
import { type Agent, type ChatDelta, TabagentError, connect } from "@tabagent/client";
import type { BridgedClient } from "@tabagent/client/extension";
import { type Diagnosis, doctor } from "@tabagent/client/doctor";
import { readFile } from "@tabagent/client/files";
import { useAgent, useStream } from "@tabagent/client/react";
import { Faults, type MemoryServer, memoryServer } from "@tabagent/client/testing";

/** What a server of one's own says of itself. */
interface Own {
  actions: { add: { request: { a: number; b: number }; response: { sum: number }; item: never } };
}

/** Works with the client, and with the bridge of an extension. */
async function count(agent: Agent, to: number): Promise<string> {
  const stream = agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${to}` }] });
  let text = "";
  for await (const { delta } of stream) text += delta;
  const whole: string = (await stream.response).response;
  return whole === text ? text : `"${text}" is not "${whole}"`;
}

export const bridged = (client: BridgedClient): Promise<string> => count(client, 3);
export const diagnose = (url: string): Promise<Diagnosis> => doctor(url);
export const load = (agent: Agent): Promise<Blob> => readFile(agent, "notes/today.md");
export const tested = (): Promise<MemoryServer<Own>> => memoryServer<Own>({ actions: { add: ({ a, b }) => ({ sum: a + b }) } });
export const faults = new Faults({ seed: 1 });

export function Chat({ url }: { url: string }): string {
  const { agent, state } = useAgent(url);
  const chat = useStream(agent, "chat");
  const last: ChatDelta | undefined = chat.items.at(-1);
  // @ts-expect-error: a field has the wrong type
  chat.start({ model: "default", messages: "hello" });
  return `${state} ${chat.status} ${last?.delta ?? ""}`;
}

try {
  using agent = await connect(location.origin, { strict: true });
  // @ts-expect-error: no such action
  void agent.request({ action: "haelth" }).catch(() => {});
  document.querySelector("output")!.textContent = `${agent.transport}:${await count(agent, 5)}`;
} catch (error) {
  document.querySelector("output")!.textContent = error instanceof TabagentError ? error.code : String(error);
}

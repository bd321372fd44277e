// A call that works with the client, and with the bridge of an extension.
import type { Agent } from "@tabagent/client";

export async function count(agent: Agent, to: number): Promise<string> {
  const stream = agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${to}` }] });
  let text = "";
  for await (const { delta } of stream) text += delta;
  const whole: string = (await stream.response).response;
  return whole === text ? text : `"${text}" is not "${whole}"`;
}

// What the popup and the content script ask.
import { connect } from "@tabagent/client/extension";

export async function count(): Promise<string> {
  const agent = await connect();
  const stream = agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5" }] });
  let text = `${agent.transport} ${agent.connectionId}:`;
  for await (const { delta } of stream) text += delta;
  return text;
}

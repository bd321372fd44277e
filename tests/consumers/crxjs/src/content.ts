// Shows the answer in whatever page it runs in.
import { type ChatDelta, connect } from "@tabagent/client/extension";

import { question, shown } from "./question";

const output = document.body.appendChild(document.createElement("output"));

async function ask(): Promise<string> {
  const agent = await connect();
  const items: ChatDelta[] = [];
  for await (const item of agent.stream({ action: "chat", ...question })) items.push(item);
  return shown(agent, items);
}

ask().then(
  (text) => (output.textContent = text),
  (error) => (output.textContent = String(error)),
);

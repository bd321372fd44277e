// What the popup and the content script ask, and how they show the answer.
import type { Agent, ChatDelta, ChatMessage } from "@tabagent/client/extension";

const messages: ChatMessage[] = [{ role: "user", content: "Count to 5" }];

export const question = { model: "default", messages };

export const shown = (agent: Agent, items: readonly ChatDelta[]): string => `${agent.transport} ${agent.connectionId}:${items.map(({ delta }) => delta).join("")}`;

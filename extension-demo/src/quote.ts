// The text that the user wants to ask about, on its way from a tab into the conversation.

import type { ChatMessage } from "@tabagent/client";

import { type Quote, QUOTE_CHARS } from "./reading.js";
import { type Kept, kept } from "./settings.js";

/** What waits in the side panel for a question about it. */
export const asking: Kept<Quote | { unreadable: string } | null> = kept<Quote | { unreadable: string } | null>("session", "asking", null);

/** Marks messages that are texts of a tab. */
const NAME = "page";

/** A message that carries it, before the question. */
export const asMessage = ({ part, title, url, text }: Quote): ChatMessage => ({
  role: "user",
  name: NAME,
  content: `${part === "page" ? "The page" : "Selected on"} “${title}” (${url}):\n\n${text}`,
});

/** The heading and the text of such a message; undefined for others. */
export function fromMessage({ name, content }: { name?: string; content: string }): { heading: string; text: string } | undefined {
  if (name !== NAME) return undefined;
  const [heading = "", ...paragraphs] = content.split("\n\n");
  return { heading: heading.replace(/ \(\S+\):$/, ""), text: paragraphs.join("\n\n") };
}

/** How much of it there is, in words. */
export function extent({ text, length }: Quote): string {
  const count = (number: number) => number.toLocaleString("en");
  return length > text.length ? `the first ${count(QUOTE_CHARS)} of ${count(length)} characters` : `${count(length)} characters`;
}

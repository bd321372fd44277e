// Conversations: their messages are on the server; which there are, and what they are called, is kept here, as the server does not list them.

import type { BridgedClient } from "@tabagent/client/extension";
import type { ChatMessage, StoredMessage } from "@tabagent/client";

import { kept } from "./settings.js";

/** Conversations that are listed. The oldest fall off: a title is some 100 bytes, and storage.local has 10 MB. */
const MAX_LISTED = 500;
/** Characters of a title. */
const TITLE_CHARS = 80;
/** Messages of a conversation that are shown when it is opened. */
const SHOWN_MESSAGES = 200;
/** Results of a search: as many as one looks through. */
const FOUND = 30;

/** A conversation in the list. */
export interface Listed {
  id: string;
  title: string;
  /** When something was last said. */
  time: number;
}

/** A call that outlives the side panel. */
export interface Pending {
  conversation: string;
  request: { action: "chat"; model: string; messages: ChatMessage[] };
  /** Makes a repeat the same call. A server that was started anew does not know it, and answers anew. */
  idempotencyKey: string;
}

/** A conversation that a search found, with the message that answers best. */
export interface Found extends Listed {
  snippet: string;
}

const list = kept<Listed[]>("local", "conversations", []);
/** The one in the side panel; empty for a new one. */
export const current = kept<string>("session", "conversation", "");
/** The question that is being answered: the same call, made again by the next side panel, goes on where this one was. */
export const pending = kept<Pending | null>("session", "pending", null);
/** What is written and not sent. */
export const draft = kept<string>("session", "draft", "");

/** The newest first. */
export const listed = (): Promise<Listed[]> => list.read();

/** A first message becomes the title, any later one moves its conversation to the top. */
export async function touch(id: string, text: string): Promise<Listed> {
  const others = await list.read();
  const known = others.find((conversation) => conversation.id === id);
  // One that begins with a text of a page is called by the question that follows.
  const title = known?.title || text.trim().replace(/\s+/g, " ").slice(0, TITLE_CHARS);
  const touched = { id, title, time: Date.now() };
  await list.write([touched, ...others.filter((conversation) => conversation.id !== id)].slice(0, MAX_LISTED));
  return touched;
}

/** Takes a conversation off the list; its messages stay on the server, which has no action to delete them. */
export async function remove(id: string): Promise<void> {
  await list.write((await list.read()).filter((conversation) => conversation.id !== id));
}

/** Puts one back to its place. */
export async function restore(conversation: Listed): Promise<void> {
  await list.write([...(await list.read()), conversation].sort((a, b) => b.time - a.time));
}

/** The listed conversations in which something like `query` was said, the best first. */
export async function search(agent: BridgedClient, query: string): Promise<Found[]> {
  const known = new Map((await list.read()).map((conversation) => [conversation.id, conversation]));
  const { results } = await agent.request({ action: "rag_query", query, top_k: FOUND });
  const found = new Map<string, Found>();
  for (const { content, metadata } of results) {
    const conversation = known.get(String(metadata?.session_id));
    if (conversation && !found.has(conversation.id)) found.set(conversation.id, { ...conversation, snippet: content });
  }
  return [...found.values()];
}

/** The newest messages of a conversation. */
export async function messages(agent: BridgedClient, id: string): Promise<StoredMessage[]> {
  return (await agent.request({ action: "chat_history", session_id: id, limit: SHOWN_MESSAGES })).messages;
}

/** Keeps a message on the server. */
export async function save(agent: BridgedClient, id: string, message: ChatMessage): Promise<void> {
  await agent.request({ action: "save_message", session_id: id, message });
}

// The conversation in the side panel: asks, shows the answer while it comes, keeps both on the server.

import type { ChatMessage, TabagentError, TabagentStream } from "@tabagent/client";

import type { Connection } from "./connection.js";
import { type Pending, current, messages, pending, save, touch } from "./conversations.js";
import { button, byId, el, followResize, following } from "./dom.js";
import { Answer, pastAnswer, quoteMessage, userMessage } from "./message.js";
import { asMessage, fromMessage } from "./quote.js";
import type { Quote } from "./reading.js";
import { failureBox } from "./status.js";

/** Messages that are sent along with a question: what a model remembers of a conversation. */
const REMEMBERED = 40;

/** Dispatches `change` when it begins or ends to answer, and when another conversation is shown. */
export class Chat extends EventTarget {
  #connection: Connection;
  #list = byId("messages");
  /** Empty until the first question. */
  #id = "";
  #said: ChatMessage[] = [];
  #running: TabagentStream<{ delta: string }, unknown> | undefined;
  /** The conversation that is shown is still on its way. */
  #opening = false;
  /** Messages are kept one after the other: their order is the conversation. */
  #saving: Promise<void> = Promise.resolve();
  title = "";
  /** The model that is asked. */
  model = "default";

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
    followResize(this.#list);
  }

  get isAnswering(): boolean {
    return this.#running !== undefined;
  }

  get isEmpty(): boolean {
    return this.#said.length === 0;
  }

  /** Asks; false when that is not possible now. */
  send(text: string, quote: Quote | undefined): boolean {
    if (!this.#connection.agent || this.#running || this.#opening || !text.trim()) return false;
    this.#id ||= crypto.randomUUID();
    void current.write(this.#id);
    for (const message of [...(quote ? [asMessage(quote)] : []), { role: "user", content: text } as const]) {
      this.#say(message);
      this.#keep(message);
    }
    this.#list.scrollTop = this.#list.scrollHeight;
    void this.#answer();
    return true;
  }

  /** Ends the answer that is coming, on the server too. What there is of it stays. */
  stop(): void {
    this.#running?.cancel();
  }

  /** Begins a new conversation. */
  begin(): void {
    this.#show("", "");
  }

  /** Shows a conversation of the past. @throws TabagentError when its messages cannot be had. */
  async open(id: string, title: string): Promise<void> {
    this.#show(id, title);
    const { agent } = this.#connection;
    if (!agent) return;
    const said = this.#said;
    this.#opening = true;
    this.#list.ariaBusy = "true";
    try {
      const past = await messages(agent, id);
      // Another is shown meanwhile, or the same once more.
      if (this.#said !== said) return;
      for (const { role, content, name } of past) this.#say({ role, content, ...(name && { name }) });
      const under = await pending.read();
      if (this.#said !== said) return;
      if (under?.conversation === id) void this.#answer(under);
      else if (past.at(-1)?.role === "user") this.#offer("This was not answered.");
    } catch (error) {
      if (this.#said === said) throw error;
    } finally {
      if (this.#said === said) this.#settled();
    }
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#changed();
  }

  #show(id: string, title: string): void {
    this.stop();
    [this.#id, this.title, this.#said] = [id, title, []];
    void current.write(id);
    this.#list.replaceChildren();
    this.#settled();
    this.#changed();
  }

  /** Nothing is on its way any more. */
  #settled(): void {
    this.#opening = false;
    this.#list.ariaBusy = "false";
  }

  /** Adds a message to what was said, and to what is seen. */
  #say(message: ChatMessage): void {
    this.#said.push(message);
    const quote = fromMessage(message);
    const isAnswer = message.role === "assistant";
    this.#list.append(quote ? quoteMessage(quote) : isAnswer ? pastAnswer(this.#list, message.content) : userMessage(message.content));
  }

  /** Asks, or goes on with what was asked before the panel was closed: such an answer comes again from its beginning. */
  async #answer(before?: Pending): Promise<void> {
    const { agent } = this.#connection;
    if (!agent) return;
    const said = this.#said;
    const { request, idempotencyKey } = before ?? {
      request: { action: "chat", model: this.model, messages: said.slice(-REMEMBERED) } as const,
      idempotencyKey: crypto.randomUUID(),
    };
    void pending.write({ conversation: this.#id, request, idempotencyKey });
    const answer = new Answer(this.#list);
    following(this.#list, () => this.#list.append(answer.element));
    const stream = agent.stream(request, { idempotencyKey });
    this.#running = stream;
    this.#changed();
    try {
      for await (const { delta } of stream) answer.say(delta);
      const { finish_reason } = await stream.response;
      answer.close(finish_reason === "length" ? "Cut at the limit of tokens" : "");
    } catch (error) {
      const failed = error as TabagentError;
      answer.close(failed.code === "cancelled" ? "Stopped" : "Broken off");
      if (failed.code !== "cancelled" && said === this.#said) this.#fail(failed, () => void this.#answer());
    }
    this.#running = undefined;
    void pending.write(null);
    if (answer.text) {
      const message = { role: "assistant", content: answer.text } as const;
      said.push(message);
      if (said === this.#said) this.#keep(message);
    }
    this.#changed();
  }

  /** Keeps a message on the server and its conversation in the list. */
  #keep(message: ChatMessage): void {
    const id = this.#id;
    const isTitle = message.role === "user" && !message.name;
    this.#saving = this.#saving.then(async () => {
      try {
        const { title } = await touch(id, isTitle ? message.content : "");
        if (this.#id === id && this.title !== title) [this.title] = [title, this.#changed()];
        if (this.#connection.agent) await save(this.#connection.agent, id, message);
      } catch (error) {
        if (this.#id === id) this.#fail(error as TabagentError);
      }
    });
  }

  #fail(error: TabagentError, again?: () => void): void {
    const box: HTMLElement = failureBox(error, again && (() => (box.remove(), again())));
    following(this.#list, () => this.#list.append(box));
  }

  #offer(text: string): void {
    const line = el("p", { class: "unanswered" }, text, button("Ask again", () => (line.remove(), void this.#answer()), { icon: "again" }));
    this.#list.append(line);
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

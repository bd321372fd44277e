// One message of the conversation, and the line of figures below an answer.

import { button, copy, duration, el, following } from "./dom.js";
import { Markdown } from "./markdown.js";

/** What the user wrote. */
export const userMessage = (text: string): HTMLElement => el("article", { class: "message user", "aria-label": "You" }, el("p", { class: "text" }, text));

/** A text of a tab, folded. */
export function quoteMessage({ heading, text }: { heading: string; text: string }): HTMLElement {
  const summary = el("summary", { "data-icon": "page" }, el("span", {}, heading));
  return el("details", { class: "quoted" }, summary, el("p", { class: "text", tabindex: "0" }, text));
}

/** An answer: it grows by `say` until it is closed. */
export class Answer {
  readonly element: HTMLElement;
  text = "";
  #list: HTMLElement;
  #markdown: Markdown;
  #begun = performance.now();
  #first = 0;
  #count = 0;
  #painting = false;

  constructor(list: HTMLElement) {
    const body = el("div", { class: "text" });
    this.#list = list;
    this.#markdown = new Markdown(body);
    this.element = el("article", { class: "message answer waiting", "aria-label": "Answer", "aria-busy": "true" }, body);
  }

  /** A piece more; painted with the next frame, as a fast model sends hundreds in one. */
  say(delta: string): void {
    this.#first ||= performance.now();
    this.#count += 1;
    this.text += delta;
    if (this.#painting) return;
    this.#painting = true;
    requestAnimationFrame(() => this.#paint());
  }

  /** The last of it. `note` says how it ended, when that was not by itself. */
  close(note = ""): void {
    this.#paint();
    this.element.ariaBusy = "false";
    this.element.dataset.deltas = String(this.#count);
    const { text } = this;
    const figures = this.#figures();
    const press = button("Copy answer", (pressed) => void copy(text, pressed), { icon: "copy", look: "icon small" });
    const foot = el("footer", {}, ...(text ? [press] : []), ...(note ? [el("span", { class: "note" }, note)] : []), ...(figures ? [el("span", {}, figures)] : []));
    following(this.#list, () => this.element.append(foot));
  }

  #paint(): void {
    this.#painting = false;
    if (this.text) this.element.classList.remove("waiting");
    following(this.#list, () => this.#markdown.show(this.text));
  }

  #figures(): string {
    if (this.#count === 0) return "";
    const seconds = (performance.now() - this.#first) / 1000;
    const pace = this.#count > 1 && seconds > 0 ? ` · ${Math.round((this.#count - 1) / seconds).toLocaleString("en")}/s` : "";
    return `${this.#count.toLocaleString("en")} tokens${pace} · first after ${duration(this.#first - this.#begun)}`;
  }
}

/** An answer from the history. */
export function pastAnswer(list: HTMLElement, text: string): HTMLElement {
  const answer = new Answer(list);
  answer.text = text;
  answer.close();
  return answer.element;
}

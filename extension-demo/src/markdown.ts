// What a model writes, shown as Markdown. `marked` reads it; the elements are made here, one by one, so nothing in a text becomes HTML,
// loads an image or runs.

import { Lexer, type MarkedToken, type Token, type Tokens } from "marked";

import { button, copy, el } from "./dom.js";

/** Where links may lead. */
const SCHEMES = /^(https?|mailto):/i;

/** A line that begins more blocks within each other than anybody reads: each is parsed once for every one around it, and laid out. */
const TOO_DEEP = /^[ \t]*(?:>[ \t]*|(?:[*+-]|\d+[.)])[ \t]+){64}/m;

/** A text that grows. Blocks that are complete stay as they are: a selection in them does, too. */
export class Markdown {
  #into: HTMLElement;
  #shown: string[] = [];

  constructor(into: HTMLElement) {
    this.#into = into;
  }

  show(text: string): void {
    if (!TOO_DEEP.test(text)) {
      try {
        return this.#show(text);
      } catch {
        // What else is nested deeper than the stack is.
      }
    }
    // It is shown as it was written.
    this.#into.replaceChildren(el("p", {}, text));
    this.#shown = [];
  }

  #show(text: string): void {
    const tokens = Lexer.lex(text).filter(({ type }) => type !== "space" && type !== "def");
    const raws = tokens.map(({ raw }) => raw);
    const changed = raws.findIndex((raw, index) => raw !== this.#shown[index]);
    const same = changed < 0 ? tokens.length : changed;
    while (this.#into.childElementCount > same) this.#into.lastElementChild?.remove();
    this.#into.append(...tokens.slice(same).map((token) => block(token)));
    this.#shown = raws;
  }
}

function block(any: Token): HTMLElement {
  const token = any as MarkedToken;
  switch (token.type) {
    case "heading":
      // Below the headings of the page.
      return el("p", { class: "heading", role: "heading", "aria-level": String(Math.min(token.depth + 2, 6)) }, ...inline(token.tokens));
    case "code":
      return code(token);
    case "blockquote":
      return el("blockquote", {}, ...token.tokens.filter(({ type }) => type !== "space").map(block));
    case "list":
      return el(token.ordered ? "ol" : "ul", token.ordered ? { start: String(token.start || 1) } : {}, ...token.items.map(item));
    case "table":
      return table(token);
    case "hr":
      return el("hr");
    case "paragraph":
      return el("p", {}, ...inline(token.tokens));
    default:
      return el("p", {}, token.raw);
  }
}

const item = ({ tokens, task, checked }: Tokens.ListItem) =>
  el("li", {}, ...(task ? [checked ? "☑ " : "☐ "] : []), ...tokens.flatMap((token) => (token.type === "text" ? inline([token]) : token.type === "space" ? [] : [block(token)])));

function code({ text, lang }: Tokens.Code): HTMLElement {
  const press = button("Copy code", (pressed) => void copy(text, pressed), { icon: "copy", look: "icon small" });
  const name = lang || "code";
  return el("figure", { class: "code" }, el("figcaption", {}, name, press), el("pre", { tabindex: "0", "aria-label": name }, el("code", {}, text)));
}

function table({ header, rows }: Tokens.Table): HTMLElement {
  const row = (tag: "th" | "td", cells: Tokens.TableCell[]) => el("tr", {}, ...cells.map(({ tokens }) => el(tag, {}, ...inline(tokens))));
  const body = el("tbody", {}, ...rows.map((cells) => row("td", cells)));
  return el("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" }, el("table", {}, el("thead", {}, row("th", header)), body));
}

function inline(tokens: Token[] = []): (Node | string)[] {
  return tokens.map((any) => {
    const token = any as MarkedToken;
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return el(token.type, {}, ...inline(token.tokens));
      case "codespan":
        return el("code", {}, token.text);
      case "br":
        return el("br");
      case "link":
      case "image":
        return link(token);
      case "text":
        return token.tokens ? el("span", {}, ...inline(token.tokens)) : unescaped(token.text);
      case "escape":
        return token.text;
      default:
        return token.raw;
    }
  });
}

/** Images too: loading one would tell its server that, and when, somebody reads this. */
const link = ({ href, text }: Tokens.Link | Tokens.Image) => (SCHEMES.test(href) ? el("a", { href, target: "_blank", rel: "noreferrer" }, unescaped(text || href)) : text);

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
const unescaped = (text: string) => text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);

// JSON in colours, as text nodes and spans: nothing of an answer is ever read as HTML.

import { el } from "./dom.js";

/** Above this many characters the text stays plain: thousands of spans would only make the page slow. */
const COLORED_CHARS = 40_000;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Nodes that show `text`, which is JSON. */
export function colored(text) {
  if (text.length > COLORED_CHARS) return [text];
  const nodes = [];
  let done = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon] = match;
    const kind = colon ? "key" : string ? "string" : /^[tfn]/.test(whole) ? "word" : "number";
    nodes.push(text.slice(done, match.index), el("span", { class: `json-${kind}` }, string ?? whole), colon ?? "");
    done = match.index + whole.length;
  }
  return [...nodes, text.slice(done)];
}

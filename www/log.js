// The event log: the last few hundred things that happened, newest at the end, ready to be pasted into a bug report.

import { byId, duration, el, following } from "./dom.js";

/** Lines kept; a page left open over night must not grow. */
const KEPT = 300;

/** Owns the log card. `add(kind, text)`: kinds are state, debug, call, event and error. */
export function createLog() {
  const list = byId("log");

  byId("log-clear").addEventListener("click", () => (list.replaceChildren(), showEmpty()));
  byId("log-copy").addEventListener("click", copy);
  showEmpty();
  return { add };

  function add(kind, text) {
    const line = el("li", { "data-kind": kind },
      el("time", {}, duration(performance.now())), el("span", { class: "kind" }, kind), el("span", { class: "text" }, text));
    following(list, () => list.append(line));
    while (list.children.length > KEPT) list.firstChild.remove();
    showEmpty();
  }

  async function copy() {
    const text = Array.from(list.children, (line) => Array.from(line.children, (part) => part.textContent).join("\t")).join("\n");
    try {
      await navigator.clipboard.writeText(text);
      byId("log-copy").textContent = "Copied";
    } catch {
      byId("log-copy").textContent = "Not allowed";
    }
    setTimeout(() => (byId("log-copy").textContent = "Copy"), 1500);
  }

  function showEmpty() {
    byId("log-empty").hidden = list.children.length > 0;
    list.hidden = list.children.length === 0;
  }
}

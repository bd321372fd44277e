// Three helpers for the page's own elements, and how numbers are written. Nothing here knows the SDK.

/** The element with this id. A page without it is broken, and says so at once. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`this page has no #${id}`);
  return element;
}

/** A new element: `el("span", { class: "hint" }, "text", otherElement)`. Text is never read as HTML. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Lets `change` add to a scrolling list and keeps its end in sight, unless the reader has scrolled up to look at something. */
export function following(list, change) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  change();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Milliseconds with as many digits as a reader can use: 0.42 ms, 8.3 ms, 214 ms, 3.10 s. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 1 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** Bytes for people: 312 B, 4.1 kB, 2.0 MB. */
export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

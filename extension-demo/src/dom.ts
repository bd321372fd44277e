// Small helpers for the pages' own elements, and how numbers are written. Nothing here knows the server.

/** The element with this id. A page without it is broken, and says so at once. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`this page has no #${id}`);
  return element as E;
}

/** A new element: `el("p", { class: "hint" }, "text", otherElement)`. Text is never read as HTML. */
export function el<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Record<string, string> = {}, ...children: (Node | string)[]) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A button with words, or with an icon whose words are read out and shown as its tip. */
export function button(words: string, press: (button: HTMLButtonElement) => void, { icon, look = "" }: { icon?: string; look?: string } = {}) {
  const made = el("button", { type: "button", class: look, ...(icon && { "data-icon": icon }) });
  if (icon && look.includes("icon")) Object.assign(made, { title: words, ariaLabel: words });
  else made.append(words);
  made.addEventListener("click", () => press(made));
  return made;
}

/** Shows for a moment that something was copied. */
export async function copy(text: string, from: HTMLButtonElement): Promise<void> {
  await navigator.clipboard.writeText(text);
  from.dataset.icon = "done";
  from.ariaLabel = "Copied";
  setTimeout(() => {
    from.dataset.icon = "copy";
    from.ariaLabel = from.title;
  }, 1500);
}

/** Lets `change` add to a scrolling element and keeps its end in sight, unless the reader has scrolled up to look at something. */
export function following(list: HTMLElement, change: () => void): void {
  const was = isAtEnd(list);
  change();
  if (was) list.scrollTop = list.scrollHeight;
}

/** The same where the element itself becomes smaller. */
export function followResize(list: HTMLElement): void {
  let was = true;
  list.addEventListener("scroll", () => (was = isAtEnd(list)));
  new ResizeObserver(() => was && (list.scrollTop = list.scrollHeight)).observe(list);
}

const isAtEnd = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement) => scrollHeight - scrollTop - clientHeight < 48;

/** Milliseconds with as many digits as a reader can use: 0.42 ms, 8.3 ms, 214 ms, 3.10 s. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 1 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** When something was, as one would say it. */
export function when(time: number): string {
  const age = Date.now() - time;
  const date = new Date(time);
  if (age < 24 * 3600_000) return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleDateString([], { day: "numeric", month: "short" });
}

// The list of conversations: a drawer over the side panel. Opens, searches, removes.

import type { Connection } from "./connection.js";
import { type Found, type Listed, listed, remove, restore, search } from "./conversations.js";
import { button, byId, el, when } from "./dom.js";

/** Milliseconds of rest after which what was typed is looked for. */
const REST_MS = 200;

/** Fills the drawer; `open` is called with the conversation that was chosen. */
export function createHistory(connection: Connection, open: (chosen: Listed) => void): void {
  const [drawer, query, list, note] = [byId<HTMLDialogElement>("history"), byId<HTMLInputElement>("search"), byId("conversations"), byId("history-note")];
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts searches: what an older one finds is not shown any more. */
  let searches = 0;

  byId("history-open").addEventListener("click", () => {
    query.value = "";
    drawer.showModal();
    void fill();
  });
  byId("history-close").addEventListener("click", () => drawer.close());
  // The drawer does not cover all of a wide panel: a click beside it closes it.
  drawer.addEventListener("click", ({ target }) => target === drawer && drawer.close());
  query.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void fill(), REST_MS);
  });

  async function fill(): Promise<void> {
    const mine = ++searches;
    const wanted = query.value.trim();
    const all = await listed();
    const byTitle = all.filter(({ title }) => title.toLowerCase().includes(wanted.toLowerCase()));
    show(byTitle, wanted ? "Searching…" : all.length === 0 ? "Conversations show here once you have had one." : "");
    if (!wanted) return;
    try {
      const found = connection.agent ? await search(connection.agent, wanted) : [];
      if (mine !== searches) return;
      const more = found.filter(({ id }) => !byTitle.some((conversation) => conversation.id === id));
      show([...byTitle, ...more], byTitle.length + more.length === 0 ? `Nothing was said about “${wanted}”.` : "");
    } catch {
      if (mine === searches) show(byTitle, "Only titles were searched: the server does not answer.");
    }
  }

  function show(conversations: (Listed | Found)[], text: string): void {
    list.replaceChildren(...conversations.map(row));
    note.textContent = text;
  }

  function row(conversation: Listed | Found): HTMLElement {
    const { title, time } = conversation;
    const choose = el("button", { type: "button", class: "conversation" }, el("span", { class: "title" }, title), el("time", {}, when(time)));
    if ("snippet" in conversation) choose.append(el("span", { class: "snippet" }, conversation.snippet.replace(/[`*#>|]+/g, "")));
    choose.addEventListener("click", () => (drawer.close(), open(conversation)));
    const item = el("li", {}, choose, button(`Remove “${title}”`, () => void away(), { icon: "remove", look: "icon small" }));
    return item;

    async function away(): Promise<void> {
      await remove(conversation.id);
      const undo = button("Undo", () => void restore({ id: conversation.id, title, time }).then(fill), { look: "quiet" });
      item.replaceChildren(el("span", { class: "removed" }, "Removed"), undo);
      undo.focus();
    }
  }
}

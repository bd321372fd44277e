// Questions of the agent, in the side panel: what it wants, and three answers.

import { ASK_MS, type Ask, type Decision, allowed, asks, tell, words } from "./actions.js";
import { button, byId, el } from "./dom.js";

/** Shows the questions that wait, in `#asks`. */
export function createConsent(): void {
  chrome.storage.session.onChanged.addListener(() => void fill());
  // Those that nobody answered in time are not asked any more.
  setInterval(() => void fill(), ASK_MS / 4);
  void fill();
}

async function fill(): Promise<void> {
  const waiting = await asks();
  const shown = [...byId("asks").children] as HTMLElement[];
  for (const card of shown) if (!waiting.some(({ id }) => id === card.dataset.id)) card.remove();
  byId("asks").append(...waiting.filter(({ id }) => !shown.some((card) => card.dataset.id === id)).map(card));
}

function card({ id, action }: Ask): HTMLElement {
  const { wants } = words(action);
  const answer = (decision: Decision) => () => void decide(id, action, decision);
  return el("section", { class: "ask", role: "group", "aria-label": "Question of the agent", "data-id": id },
    el("p", {}, "The agent wants to ", el("strong", {}, wants), "."),
    el("div", { class: "actions" },
      button("Allow once", answer("once"), { look: "primary" }),
      button("Always allow", answer("always")),
      button("No", answer("no"), { look: "quiet" })));
}

async function decide(id: string, action: Ask["action"], decision: Decision): Promise<void> {
  const { permission } = words(action);
  // Chrome asks in its own words, and only within the click: before anything else is waited for.
  const given = decision === "no" || !permission || (await chrome.permissions.request({ permissions: [permission] }));
  if (given && decision === "always") await allowed.write([...new Set([...(await allowed.read()), action])]);
  await tell({ to: "offscreen", type: "decide", id, decision: given ? decision : "no" });
  // The document that asked may be gone, and says so to nobody.
  await tell({ to: "worker", type: "settled", id, action });
}

// The side panel: puts connection, conversation, composer and questions of the agent together. Read this one first.

import { Chat } from "./chat.js";
import { Connection } from "./connection.js";
import { createConsent } from "./consent.js";
import { current, draft, listed } from "./conversations.js";
import { button, byId, el } from "./dom.js";
import { createHistory } from "./history.js";
import { createPairing } from "./pairing.js";
import { asking, extent } from "./quote.js";
import type { Quote } from "./reading.js";
import { kept } from "./settings.js";
import { type Failure, failureBox, showStatus } from "./status.js";

const connection = new Connection();
const chat = new Chat(connection);
const [prompt, model] = [byId<HTMLTextAreaElement>("prompt"), byId<HTMLSelectElement>("model")];
const chosenModel = kept<string>("local", "model", "default");

/** The text of a tab that the next question is about. */
let quote: Quote | undefined;
/** A conversation from before the panel was closed, until it is shown. */
let unopened = "";

createHistory(connection, ({ id, title }) => void open(id, title));
createConsent();
createPairing(byId("pairing"));

connection.addEventListener("change", () => void onConnection());
chat.addEventListener("change", show);
byId("new").addEventListener("click", begin);
byId("settings").addEventListener("click", () => void chrome.runtime.openOptionsPage());
byId("suggestions").addEventListener("click", ({ target }) => target instanceof HTMLButtonElement && send(target.textContent));
byId("composer").addEventListener("submit", (event) => (event.preventDefault(), chat.isAnswering ? chat.stop() : send(prompt.value)));
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send(prompt.value);
});
prompt.addEventListener("input", () => (void draft.write(prompt.value), show()));
// In an open drawer, Escape is the drawer's.
document.addEventListener("keydown", ({ key }) => key === "Escape" && !byId<HTMLDialogElement>("history").open && chat.stop());
model.addEventListener("change", () => ((chat.model = model.value), void chosenModel.write(model.value)));
asking.watch(showQuote);

prompt.value = await draft.read();
showQuote(await asking.read());
unopened = await current.read();
// It may have connected meanwhile.
await onConnection();

function begin(): void {
  unopened = "";
  chat.begin();
  prompt.focus();
}

async function open(id: string, title: string): Promise<void> {
  // Without a connection it is opened by the next.
  unopened = connection.agent ? "" : id;
  try {
    await chat.open(id, title);
  } catch (error) {
    byId("messages").replaceChildren(failureBox(error as Failure, () => void open(id, title)));
  }
  prompt.focus();
}

function send(text: string): void {
  if (!chat.send(text, quote)) return;
  prompt.value = "";
  void draft.write("");
  void asking.write(null);
  show();
}

async function onConnection(): Promise<void> {
  const { state, agent, error } = connection;
  showStatus(byId("status"), connection);
  byId("trouble").replaceChildren(...(state === "closed" && error ? [failureBox(error, () => connection.retry())] : []));
  show();
  if (state !== "connected" || !agent) return;
  if (unopened) {
    const id = unopened;
    // Not by the next change as well, which may come at once.
    unopened = "";
    await open(id, (await listed()).find((conversation) => conversation.id === id)?.title ?? "");
  }
  await offerModels();
}

/** The models that can chat now; the one chosen last stays chosen while there is one of that name. */
async function offerModels(): Promise<void> {
  const answer = await connection.agent?.request({ action: "list_models", filter: "chat" }).catch(() => undefined);
  if (!answer) return;
  const ready = answer.models.filter(({ loaded }) => loaded);
  model.replaceChildren(new Option("Default model", "default"), ...ready.map(({ id, name }) => new Option(name, id)));
  model.value = await chosenModel.read();
  if (model.selectedIndex < 0) model.selectedIndex = 0;
  chat.model = model.value;
}

function showQuote(asked: Quote | { unreadable: string } | null): void {
  quote = asked && "text" in asked ? asked : undefined;
  byId("quote").hidden = asked === null;
  if (!asked) return;
  const words = "text" in asked ? [el("strong", {}, asked.title || asked.url), el("span", {}, `${asked.part === "page" ? "Page" : "Selection"}, ${extent(asked)}`)] : [el("span", {}, asked.unreadable)];
  byId("quote").replaceChildren(el("p", { "data-icon": quote ? "page" : "warning" }, ...words), button("Do not ask about it", () => void asking.write(null), { icon: "close", look: "icon small" }));
  prompt.focus();
}

/** Everything that follows from where connection and conversation stand. */
function show(): void {
  const isUnpaired = connection.state === "unpaired";
  byId("title").textContent = chat.title || "New chat";
  byId("setup").hidden = !isUnpaired;
  byId("empty").hidden = isUnpaired || !chat.isEmpty || Boolean(unopened);
  byId("composer").hidden = isUnpaired;
  const press = byId<HTMLButtonElement>("send");
  Object.assign(press, chat.isAnswering ? { ariaLabel: "Stop", title: "Stop (Esc)" } : { ariaLabel: "Send", title: "Send (Enter)" });
  press.dataset.icon = chat.isAnswering ? "stop" : "send";
  press.disabled = !chat.isAnswering && (!connection.agent || prompt.value.trim() === "");
}

// The options page: the server, what carries the connection, what the agent may do unasked, shortcuts.

import { actionNames, allowed, words } from "./actions.js";
import { Connection } from "./connection.js";
import { button, byId, el } from "./dom.js";
import { createPairing } from "./pairing.js";
import { NATIVE, type TransportChoice, change, settings } from "./settings.js";
import { showStatus } from "./status.js";

const connection = new Connection();
connection.addEventListener("change", () => void showServer());
createPairing(byId("pairing"));

byId("forget").addEventListener("click", () => void change({ token: "" }).then(() => byId("code").focus()));
byId("chat").addEventListener("click", () => void openPanel());
byId("shortcuts").addEventListener("click", () => void chrome.tabs.create({ url: "chrome://extensions/shortcuts" }));
byId("transports").addEventListener("change", ({ target }) => void choose((target as HTMLInputElement).value as TransportChoice));
allowed.watch(() => void showConsents());

const { transport } = await settings();
const { id: windowId } = await chrome.windows.getCurrent();
byId<HTMLInputElement>(`transport-${transport}`).checked = true;
byId("install").textContent = `tabagent-server native-host install --extension-id ${chrome.runtime.id}`;
await showConsents();

async function showServer(): Promise<void> {
  showStatus(byId("status"), connection);
  const { url } = await settings();
  const isPaired = connection.state !== "unpaired";
  byId("paired").hidden = !isPaired;
  byId("pairing").hidden = isPaired;
  byId("server").textContent = url;
}

function openPanel(): Promise<void> | undefined {
  return windowId === undefined ? undefined : chrome.sidePanel.open({ windowId });
}

/** Chrome asks for native messaging itself, within the click; where it is refused, nothing is chosen. */
async function choose(transport: TransportChoice): Promise<void> {
  if (transport === "native" && !(await chrome.permissions.request(NATIVE))) {
    byId<HTMLInputElement>(`transport-${(await settings()).transport}`).checked = true;
    return;
  }
  await change({ transport });
  // What runs already never gets an API of a permission that came later.
  if (transport === "native" && !chrome.runtime.connectNative) chrome.runtime.reload();
}

async function showConsents(): Promise<void> {
  const always = await allowed.read();
  byId("consents").replaceChildren(
    ...actionNames.map((action) => {
      const { title, wants } = words(action);
      const isAllowed = always.includes(action);
      const revoke = button("Revoke", () => void allowed.write(always.filter((name) => name !== action)));
      revoke.ariaLabel = `Revoke: ${title}`;
      const state = isAllowed ? revoke : el("span", { class: "hint" }, "Asks every time");
      return el("li", {}, el("div", {}, el("p", {}, el("strong", {}, title)), el("p", { class: "hint" }, `The agent may ${isAllowed ? "always " : "ask to "}${wants}.`)), state);
    }),
  );
}

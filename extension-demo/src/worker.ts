// The service worker: lets the offscreen document be found, puts the menu up, and does what the agent was allowed to ask for.

import { broker } from "@tabagent/client/extension";
import { nativeRelay } from "@tabagent/client/native";

import { type ActionName, MAX_ASKS, type Told, allowed, asks, forget, hear, remember } from "./actions.js";
import { asking } from "./quote.js";
import { QUOTE_CHARS, read } from "./reading.js";
import { NATIVE, onSettings, settings } from "./settings.js";

broker({ document: "offscreen.html", settings: async () => ({ ...(await settings()), native: await chrome.permissions.contains(NATIVE) }) });
nativeRelay();

// The token is in it. Chrome would let scripts in tabs read it too, and so a page that has taken over the process that they share.
void chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" });

// Without the document there is no connection; whoever needs one makes another, with the settings of then.
onSettings(() => void chrome.offscreen.closeDocument().catch(() => undefined));

chrome.runtime.onInstalled.addListener(async ({ reason }) => {
  if (reason === "install") void chrome.runtime.openOptionsPage();
  // Those of the version before are still there.
  await chrome.contextMenus.removeAll();
  chrome.contextMenus.create({ id: "selection", title: "Ask about this selection", contexts: ["selection"] });
  chrome.contextMenus.create({ id: "page", title: "Ask about this page", contexts: ["page"] });
});

chrome.contextMenus.onClicked.addListener(({ menuItemId, selectionText }, tab) => void ask(tab, menuItemId as "selection" | "page", selectionText));
chrome.commands.onCommand.addListener((_, tab) => void ask(tab, "either"));

/** Opens the side panel with a text of the tab. `known` is what Chrome says of a selection, where it lets nobody read: in frames and its own viewers. */
async function ask(tab: chrome.tabs.Tab | undefined, part: "selection" | "page" | "either", known = ""): Promise<void> {
  if (!tab?.id) return;
  // Before anything is waited for: Chrome opens it for the user's gesture only.
  const opened = chrome.sidePanel.open({ windowId: tab.windowId });
  const { title = "", url = "" } = tab;
  const quote = await read(tab.id, part).catch(() => undefined);
  if (quote?.text) await asking.write(quote);
  else if (known) await asking.write({ part: "selection", title, url, text: known.slice(0, QUOTE_CHARS), length: known.length });
  else await asking.write({ unreadable: "Chrome lets no extension read this page, or there is no text." });
  await opened;
}

hear("worker", ({ type, id, action }) => {
  if (type === "do") return perform(action);
  return (type === "may" ? may(id, action) : forget(id).then(() => ({}))).finally(badge);
});

/** Whether it is always allowed; else the user is asked. */
async function may(id: string, action: ActionName): Promise<Told> {
  if ((await allowed.read()).includes(action)) return { value: "yes" };
  if ((await asks()).length >= MAX_ASKS) return { error: { code: "limit_reached", message: `${MAX_ASKS} questions wait for the user already` } };
  await remember({ id, action, since: Date.now() });
  return { value: "wait" };
}

/** Says on the icon that the user is waited for: the panel may be closed. */
async function badge(): Promise<void> {
  const { length } = await asks();
  await chrome.action.setBadgeBackgroundColor({ color: "#0d6b52" });
  await chrome.action.setBadgeText({ text: length > 0 ? "?" : "" });
}

async function perform(action: ActionName): Promise<Told> {
  try {
    return { value: await does[action]() };
  } catch (error) {
    return { error: { code: "forbidden", message: String((error as Error).message) } };
  }
}

/** What is done; its failures are for the agent and, through it, for the user. */
const does: Record<ActionName, () => Promise<object>> = {
  async read_selection() {
    const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
    const quote = tab?.id === undefined ? undefined : await read(tab.id, "selection").catch(() => undefined);
    if (!quote) throw new Error("Chrome has not lent this tab to the extension: its user has to click the icon there first");
    return quote;
  },
  async list_tabs() {
    if (!(await chrome.permissions.contains({ permissions: ["tabs"] }))) throw new Error("Chrome's permission to see tabs was not given");
    const tabs = await chrome.tabs.query({ lastFocusedWindow: true });
    return { tabs: tabs.map(({ title = "", url = "", active }) => ({ title, url, active })) };
  },
};

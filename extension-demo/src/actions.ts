// What the agent may ask the browser for, in the words that the user reads before saying yes, and the messages that this takes.
//
//   server ─▶ offscreen document ─ may ─▶ worker      remembers the question in storage.session; "yes" if it is always allowed
//                       panel ── decide ─▶ offscreen   the user has chosen
//             offscreen document ─ do ──▶ worker      does it
//
// The offscreen document waits, because it is the one that lives long enough: the worker sleeps after 30 seconds.

import { type Kept, kept } from "./settings.js";

/** An action, for people. */
interface Words {
  /** In a list of what may be allowed. */
  title: string;
  /** Behind "The agent wants to". */
  wants: string;
  /** What Chrome has to be asked for as well, by the same click. */
  permission?: chrome.runtime.ManifestOptionalPermission;
}

/** The actions that the server may call. */
export const ACTIONS = {
  read_selection: { title: "Read the selection", wants: "read the text that you have selected in the active tab" },
  list_tabs: { title: "List the tabs", wants: "see the titles and addresses of your open tabs", permission: "tabs" },
} satisfies Record<string, Words>;

export type ActionName = keyof typeof ACTIONS;
export const words = (action: ActionName): Words => ACTIONS[action];
export const actionNames = Object.keys(ACTIONS) as ActionName[];

/** What the user may say. `always` is for this action and can be taken back on the options page. */
export type Decision = "once" | "always" | "no";

/** The actions that are always allowed. */
export const allowed: Kept<ActionName[]> = kept<ActionName[]>("local", "allowed", []);

/** Milliseconds for which a question waits for the user; then the answer is no. An agent that waits is worse than one that knows. */
export const ASK_MS = 60_000;
/** Questions that wait at a time: more than one reads. Further ones are refused. */
export const MAX_ASKS = 5;

/** A question that waits for the user. */
export interface Ask {
  id: string;
  action: ActionName;
  /** When it was asked. */
  since: number;
}

/** What the contexts say to each other about it. */
export type Said =
  | { to: "worker"; type: "may" | "do" | "settled"; id: string; action: ActionName }
  | { to: "offscreen"; type: "decide"; id: string; decision: Decision };

/** An answer of the worker: what came out, or a failure by its code. */
export interface Told {
  value?: unknown;
  error?: { code: string; message: string };
}

/** Says it to the context that it names, and gives its answer. */
export const tell = (said: Said): Promise<Told | undefined> => chrome.runtime.sendMessage(said);

/** Hears what is said to this context, by pages of the extension and not by content scripts, which a site may have broken into. */
export function hear<To extends Said["to"]>(to: To, answer: (said: Said & { to: To }) => Promise<Told> | undefined): void {
  chrome.runtime.onMessage.addListener((said: Said, sender, reply) => {
    if (said?.to !== to || sender.id !== chrome.runtime.id || sender.origin !== location.origin) return undefined;
    const answered = answer(said as Said & { to: To });
    void answered?.then(reply);
    return answered && true;
  });
}

/** A key of its own for each, so that two writers do not undo each other. */
const ASK = "ask ";
export const remember = (ask: Ask): Promise<void> => chrome.storage.session.set({ [ASK + ask.id]: ask });
export const forget = (id: string): Promise<void> => chrome.storage.session.remove(ASK + id);

/** The questions that wait, the oldest first. */
export async function asks(): Promise<Ask[]> {
  const all = Object.entries(await chrome.storage.session.get<Record<string, Ask>>()).filter(([name]) => name.startsWith(ASK));
  return all.map(([, ask]) => ask).filter(({ since }) => Date.now() - since < ASK_MS).sort((a, b) => a.since - b.since);
}

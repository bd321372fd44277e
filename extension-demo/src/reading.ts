// Reads the page or its selection, by a function that Chrome runs in the tab: a content script that is there only when it is asked for.

/** Characters of a page that are handed on, some 3000 tokens: a model with a small context still has room to answer. */
export const QUOTE_CHARS = 12_000;

/** A text of a tab. */
export interface Quote {
  /** What it is of its page. */
  part: "selection" | "page";
  title: string;
  url: string;
  text: string;
  /** Characters that it has, of which `text` may have fewer. */
  length: number;
}

/**
 * Reads the selection, or else the page where that is wanted.
 *
 * @throws Error where Chrome has not lent the tab: `activeTab` does so when the user invokes the extension there.
 */
export async function read(tabId: number, part: "selection" | "page" | "either"): Promise<Quote> {
  const [frame] = await chrome.scripting.executeScript({ target: { tabId }, func: inTab, args: [part, QUOTE_CHARS] });
  if (!frame?.result) throw new Error("the page did not answer");
  return frame.result;
}

/** Runs in the tab, alone: nothing outside of it is there. */
function inTab(part: "selection" | "page" | "either", limit: number): Quote {
  const { activeElement: field, title } = document;
  const typed = field instanceof HTMLTextAreaElement ? field.value.slice(field.selectionStart, field.selectionEnd) : "";
  const selected = (typed || String(getSelection() ?? "")).trim();
  const isSelection = part === "selection" || (part === "either" && selected !== "");
  const text = isSelection ? selected : document.body.innerText.replace(/\n{3,}/g, "\n\n").trim();
  return { part: isSelection ? "selection" : "page", title, url: location.href, text: text.slice(0, limit), length: text.length };
}

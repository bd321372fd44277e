// The form that pairs the extension with a server: an address, and the code that the server shows. On the options page and in the panel.

import { TabagentError } from "@tabagent/client";

import { button, el } from "./dom.js";
import { change, settings } from "./settings.js";
import { failureBox } from "./status.js";

/** Puts the form into an element. */
export function createPairing(into: HTMLElement): void {
  const url = el("input", { id: "url", name: "url", type: "url", required: "", spellcheck: "false", autocomplete: "off" });
  const code = el("input", { id: "code", name: "code", required: "", spellcheck: "false", autocomplete: "off", "aria-describedby": "code-hint" });
  const press = button("Pair", () => undefined, { look: "primary" });
  press.type = "submit";
  const trouble = el("div");
  const form = el("form", { class: "pairing" },
    el("label", { for: "url" }, "Server address"), url,
    el("label", { for: "code" }, "Pairing code"), code,
    el("p", { class: "hint", id: "code-hint" }, "The server prints it when it starts."),
    press, trouble);
  into.replaceChildren(form);
  void settings().then((now) => (url.value = now.url));
  form.addEventListener("submit", (event) => (event.preventDefault(), void submit()));

  async function submit(): Promise<void> {
    trouble.replaceChildren();
    form.ariaBusy = "true";
    press.disabled = true;
    try {
      const { origin } = new URL(url.value);
      await change({ url: origin, token: await exchange(origin, code.value.trim()) });
      code.value = "";
    } catch (error) {
      trouble.replaceChildren(failureBox(error as TabagentError));
      code.focus();
    }
    form.ariaBusy = "false";
    press.disabled = false;
  }
}

async function exchange(url: string, code: string): Promise<string> {
  const reply = await fetch(`${url}/v1/pair`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ code, name: "TabAgent extension" }) });
  const body = await reply.json();
  if (!reply.ok) throw new TabagentError(body);
  return body.token;
}

// The form that pairs the extension with a server: an address, and the code that the server shows. On the options page and in the panel.

import { pair } from "@tabagent/client/pair";

import { button, el } from "./dom.js";
import { change, settings } from "./settings.js";
import { type Failure, failureBox } from "./status.js";

/** Puts the form into an element. */
export function createPairing(into: HTMLElement): void {
  const url = el("input", { id: "url", name: "url", type: "url", required: "", spellcheck: "false", autocomplete: "off" });
  const code = el("input", { id: "code", name: "code", required: "", pattern: " *[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4} *", title: "Eight letters and digits", spellcheck: "false", autocomplete: "off", "aria-describedby": "code-hint" });
  const press = button("Pair", () => undefined, { look: "primary" });
  press.type = "submit";
  const trouble = el("div");
  const form = el("form", { class: "pairing" },
    el("p", {}, "Start ", el("code", {}, "tabagent-server"), " on this machine and type in the code that it prints."),
    el("label", { for: "url" }, "Server address"), url,
    el("label", { for: "code" }, "Pairing code"), code,
    el("p", { class: "hint", id: "code-hint" }, "It works once. ", el("code", {}, "tabagent-server pair"), " prints another."),
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
      const { token } = await pair(origin, code.value.trim(), { name: "TabAgent extension" });
      await change({ url: origin, token });
      code.value = "";
    } catch (error) {
      trouble.replaceChildren(failureBox(error as Failure));
      code.focus();
    }
    form.ariaBusy = "false";
    press.disabled = false;
  }
}

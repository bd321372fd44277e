// Why a connection does not come about: the SDK's doctor looks at each step, and what it finds shows here while it looks.

import { connect } from "./client/index.js";
import { byId, duration, el } from "./dom.js";
import { hideFailure } from "./failure.js";

/** How a check went: its sign, and the word for those who do not see it. */
const VERDICTS = { good: ["✓", "works"], note: ["!", "works, but"], bad: ["✗", "fails"] };

/** Writes into #diagnosis; `asked` gives address and key, each check is also told to `log`. */
export function createDiagnosis(asked, log) {
  const button = byId("diagnose");
  /** Ends a diagnosis under way; null when none is. */
  let running = null;

  button.addEventListener("click", () => (running ? running.abort() : diagnose()));

  async function diagnose() {
    running = new AbortController();
    begin();
    try {
      // Loaded only when it is asked for.
      const { doctor } = await import("./client/doctor.js");
      const { url, ...options } = asked();
      const { ok, summary } = await doctor(url, { ...options, signal: running.signal, connect: strictly, onCheck });
      end(ok ? "good" : "bad", summary);
    } catch (error) {
      end("note", running.signal.aborted ? "Cancelled." : error.message);
    }
    running = null;
    button.textContent = "Diagnose";
  }

  function begin() {
    button.textContent = "Stop looking";
    // What connect() said of it is said better in a moment.
    hideFailure();
    byId("checks").replaceChildren();
    byId("diagnosis").hidden = false;
    byId("diagnosis").scrollIntoView({ block: "nearest" });
    say("", "Looking at each step …");
  }

  function end(verdict, summary) {
    say(verdict, summary);
    byId("verdict").scrollIntoView({ block: "nearest" });
    log(`diagnosis: ${summary}`);
  }

  function onCheck(check) {
    byId("checks").append(row(check));
    log(`${check.ok ? "ok" : "failed"} ${[check.name, check.code].filter(Boolean).join(" ")}: ${check.message}`);
  }
}

/** WebRTC or a failure: a session over another transport would hide why there is none over this. */
const strictly = (url, options) => connect(url, { ...options, strict: true });

/** Announced to those who cannot see it, when it is said. */
function say(verdict, text) {
  byId("verdict").dataset.verdict = verdict;
  byId("verdict").textContent = text;
}

function row({ name, ok, code, message, advice, ms }) {
  const verdict = !ok ? "bad" : code ? "note" : "good";
  const [sign, word] = VERDICTS[verdict];
  return el("li", { "data-verdict": verdict },
    el("span", { class: "sign" }, el("span", { "aria-hidden": "true" }, sign), el("span", { class: "unseen" }, word)),
    el("span", { class: "name" }, name.replaceAll("_", " ")),
    el("div", { class: "found" }, el("p", {}, ...(code ? [el("code", {}, code), " "] : []), message), ...(advice ? [el("p", { class: "advice" }, advice)] : [])),
    el("span", { class: "time" }, duration(ms)));
}

// The composer: any request as JSON, its raw answer as JSON. `agent.request()` and `agent.stream()` without any dressing.

import { byId, bytes, duration, el, following } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { colored } from "./json.js";
import { remember } from "./remember.js";

/** Items of a stream that are shown; of a longer one the rest is counted. */
const SHOWN_ITEMS = 200;

/** Owns the composer card. `report(kind, text)` goes to the event log. */
export function createComposer(report) {
  const [form, request, check, example] = [byId("composer-form"), byId("request"), byId("request-check"), byId("example")];
  let agent = null;
  /** Ends the call under way, for Stop; null between calls. */
  let stop = null;

  example.replaceChildren(...Object.keys(EXAMPLES).map((name) => new Option(name)));
  write(EXAMPLES[example.value]);
  [example, request].forEach(remember);
  enable();
  example.addEventListener("input", () => write(EXAMPLES[example.value]));
  request.addEventListener("input", enable);
  request.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.requestSubmit());
  form.addEventListener("submit", (event) => (event.preventDefault(), send()));
  byId("composer-stop").addEventListener("click", () => stop?.());
  byId("composer-format").addEventListener("click", () => parse().value && write(parse().value));

  return {
    attach(connected) {
      agent = connected;
      enable();
    },
    detach() {
      agent = null;
      enable();
    },
  };

  async function send() {
    const { value } = parse();
    if (!value || !agent || stop) return;
    const begun = performance.now();
    answering(value.action);
    try {
      const answer = value.stream === true ? await stream(value) : await whole(value);
      show("ok", answer.type ?? "answer", answer, begun);
    } catch (error) {
      const { code, message, status, details, retryAfterMs } = error;
      show("bad", code ?? error.name, { code, message, status, details, retryAfterMs }, begun);
      report(code === "cancelled" ? "call" : "error", `${value.action}: ${code ?? error.name}`);
    }
    stop = null;
    enable();
  }

  function whole(value) {
    const aborter = new AbortController();
    stop = () => aborter.abort();
    enable();
    return agent.request(value, { signal: aborter.signal, ...named(value) });
  }

  /** Items are shown as they come, above the final answer. */
  async function stream(value) {
    const calling = agent.stream(value, named(value));
    stop = () => calling.cancel();
    enable();
    let count = 0;
    for await (const item of calling) {
      count += 1;
      if (count <= SHOWN_ITEMS) following(byId("answer"), () => byId("answer").append(...colored(JSON.stringify(item)), "\n"));
    }
    if (count > SHOWN_ITEMS) byId("answer").append(`… and ${count - SHOWN_ITEMS} items more\n`);
    return calling.response;
  }

  function answering(action) {
    byId("answer").replaceChildren();
    byId("answer-line").replaceChildren(el("span", { class: "hint" }, `${action} is under way …`));
  }

  function show(verdict, title, answer, begun) {
    const took = performance.now() - begun;
    const text = JSON.stringify(answer, null, 2);
    const status = answer.status && verdict === "bad" ? ` ${answer.status}` : "";
    const append = () => byId("answer").append(...colored(text));
    // Behind items the end is what one waits for; an answer by itself is read from its top.
    byId("answer").hasChildNodes() ? following(byId("answer"), append) : append();
    byId("answer-line").replaceChildren(
      el("span", { class: `verdict ${verdict}` }, `${title}${status}`), el("span", {}, duration(took)), el("span", { class: "hint" }, bytes(text.length)));
  }

  function write(value) {
    request.value = JSON.stringify(value, null, 2);
    // As if it had been typed: checked, and remembered.
    request.dispatchEvent(new Event("input"));
  }

  /** The request, or a sentence on what is wrong with it. */
  function parse() {
    try {
      const value = JSON.parse(request.value);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return { problem: "A request is one JSON object." };
      if (typeof value.action !== "string" || !value.action) return { problem: "The field “action” is missing." };
      return { value };
    } catch (error) {
      return { problem: error.message };
    }
  }

  function enable() {
    const { problem } = parse();
    check.textContent = problem ?? (agent ? "Valid. Ctrl+Enter sends." : "Valid. Connect first, then send.");
    check.classList.toggle("bad", Boolean(problem));
    request.setAttribute("aria-invalid", String(Boolean(problem)));
    byId("composer-send").disabled = Boolean(problem) || !agent || stop !== null;
    byId("composer-stop").disabled = stop === null;
  }
}

/** The call's own name is an option of the SDK; in `stop_generation` the same field names another call. */
function named({ action, request_id: requestId }) {
  return action === "stop_generation" ? {} : { requestId };
}

// The connection's life: its state as a strip of four, the handshake of WebRTC as a waterfall of five bars. A WebSocket, which
// has the first calls while WebRTC negotiates, has no handshake worth a picture.
//
// Times are milliseconds since connect() began, as `agent.timeline` gives them. A step's bar begins where the step before
// it ended, so the bars add up to the total.

import { byId, duration, el } from "./dom.js";

const STEPS = [
  ["signaling", "offer and answer, over HTTP"],
  ["ice", "a way through between the two ends"],
  ["dtls", "keys agreed on, all encrypted from here"],
  ["channel", "the data channel is open"],
  ["welcome", "the server has said hello"],
];

/** Who asked for less motion sees each step when it is done, and no counter. */
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** Below this, what is not the handshake is the page itself and not worth a word. */
const LOADING_MS = 5;

/** Draws into #states, #waterfall, #axis and #total; told of steps by app.js. */
export function createTimeline() {
  const rows = new Map(STEPS.map(([step, meaning]) => [step, row(step, meaning)]));
  const reached = new Map();
  let startedAt = 0;
  let running = false;
  /** What the first calls ride on, once something is there. */
  let first = "";

  byId("waterfall").replaceChildren(...Array.from(rows.values(), (each) => each.item));
  clear();

  return { clear, begin, reach, connected, fail, showState };

  function clear() {
    reached.clear();
    running = false;
    first = "";
    say("", "Five steps lead to a connection. What each of them takes shows here.");
    draw(0);
    STEPS.forEach(([step], index) => place(rows.get(step).item, index / STEPS.length, (index + 1) / STEPS.length));
    byId("waterfall").classList.add("idle");
  }

  /** connect() is called now: the first bar starts to grow. */
  function begin() {
    clear();
    byId("waterfall").classList.remove("idle");
    startedAt = performance.now();
    running = true;
    say("", "connecting …");
    if (!CALM.matches) requestAnimationFrame(grow);
  }

  /** `step` was done `ms` after begin(). May come more than once; the last word counts. */
  function reach(step, ms, message) {
    if (step === "failed" && running) fail(`${first}WebRTC: ${message}`);
    if (!rows.has(step)) return;
    // Another attempt, after one that failed or was lost: its times are not those of the click.
    if (!running && startedAt > 0) return;
    reached.set(step, ms);
    draw(performance.now() - startedAt);
    if (step === STEPS.at(-1)[0]) finish();
  }

  /** Calls are possible from now on, over `transport`. */
  function connected(transport, entries) {
    const { ms } = entries.findLast((entry) => entry.transport === transport);
    // The first connect() of a page also fetches and compiles the SDK's module, before the steps begin.
    const loading = performance.now() - startedAt - ms;
    first = `${duration(ms)} to the first possible call, over ${transport}${loading > LOADING_MS ? `, after ${duration(loading)} for loading the SDK` : ""}. `;
    if (transport === "webrtc") finish();
  }

  /** All done: the total is the last of what was reached. */
  function finish() {
    running = false;
    const total = Math.max(0, ...reached.values());
    say(duration(total), `${first}All steps to WebRTC.`);
    draw(total);
  }

  /** The handshake ended without a connection; `label` says how. Returns the step it stopped at. */
  function fail(label) {
    running = false;
    const total = performance.now() - startedAt;
    const stopped = nextStep();
    say(duration(total), label);
    draw(total);
    if (stopped) mark(stopped, "failed", "stopped here");
    return stopped;
  }

  function grow() {
    if (!running) return;
    const elapsed = performance.now() - startedAt;
    say(duration(elapsed), `${first}Since the click.`);
    draw(elapsed);
    requestAnimationFrame(grow);
  }

  function draw(elapsed) {
    const scale = Math.max(elapsed, ...reached.values(), 1);
    const current = running ? nextStep() : undefined;
    let from = 0;
    for (const [step, { item }] of rows) {
      const to = reached.get(step) ?? (step === nextStep() ? elapsed : from);
      place(item, from / scale, Math.max(from, to) / scale);
      const known = reached.has(step);
      mark(step, known ? "done" : step === current ? "running" : "waiting", known ? duration(to - from) : "");
      if (known) from = Math.max(from, to);
    }
    drawAxis(elapsed > 0 ? scale : 0);
  }

  function mark(step, state, text) {
    const { item, time } = rows.get(step);
    item.dataset.state = state;
    time.textContent = text;
  }

  function nextStep() {
    return STEPS.map(([step]) => step).find((step) => !reached.has(step));
  }
}

/** Where in the row its bar lies, as parts of the whole width. */
function place(item, from, to) {
  item.style.setProperty("--from", from);
  item.style.setProperty("--to", to);
}

function say(total, label) {
  byId("total").textContent = total;
  byId("total-label").textContent = label;
}

/** Ticks at round numbers, three to seven of them, from 0 to `scale` milliseconds. */
function drawAxis(scale) {
  const magnitude = 10 ** Math.floor(Math.log10(scale / 4));
  const tick = [1, 2, 5, 10].map((each) => each * magnitude).find((each) => scale / each <= 7);
  byId("waterfall").style.setProperty("--tick", tick / scale);
  const labels = [];
  for (let ms = 0; ms <= scale && scale > 0; ms += tick) {
    const label = el("span", {}, ms === 0 ? "0" : `${Number(ms.toPrecision(3))} ms`);
    label.style.setProperty("--at", ms / scale);
    // The last label ends at its line instead of running over the edge.
    label.classList.toggle("last", ms / scale > 0.92);
    labels.push(label);
  }
  byId("axis").replaceChildren(...labels);
}

/** Writes the state into the strip and the pill of the header. */
function showState(state, transport) {
  for (const item of byId("states").children) {
    // A connection that is being won back is on its way like a new one; the strip has one place for both.
    const here = item.dataset.state === (state === "reconnecting" ? "connecting" : state);
    here ? item.setAttribute("aria-current", "step") : item.removeAttribute("aria-current");
  }
  const pill = byId("state");
  pill.dataset.state = state;
  pill.textContent = state === "connected" && transport ? `connected · ${transport}` : state;
}

function row(step, meaning) {
  const time = el("span", { class: "time" });
  const item = el("li", { "data-step": step },
    el("span", { class: "name" }, step === "ice" || step === "dtls" ? step.toUpperCase() : step),
    el("span", { class: "track" }, el("span", { class: "meaning" }, meaning), el("span", { class: "bar" })), time);
  return { item, time };
}

// The console: connects with the SDK and hands the connection to one panel per file. Read this one first.

import { connect } from "./client/index.js";

import { createChat } from "./chat.js";
import { createComposer } from "./composer.js";
import { createDiagnosis } from "./diagnosis.js";
import { byId } from "./dom.js";
import { EVENTS } from "./examples.js";
import { hideFailure, showFailure } from "./failure.js";
import { createLatency } from "./latency.js";
import { createLog } from "./log.js";
import { remember } from "./remember.js";
import { createStats } from "./stats.js";
import { createTimeline } from "./timeline.js";

const log = createLog();
const timeline = createTimeline();
const panels = [
  createChat((text) => log.add("call", text)),
  createComposer((kind, text) => log.add(kind, text)),
  createLatency((text) => log.add("error", text)),
  createStats(),
];

/** The connection, while there is one. */
let agent = null;
/** Ends an attempt under way; null when none is. */
let attempt = null;

createDiagnosis(() => ({ url: byId("address").value, key: byId("key").value || undefined }), (text) => log.add("debug", text));

byId("address").value = location.origin;
["address", "negotiation"].forEach((id) => remember(byId(id)));
byId("connect-form").addEventListener("submit", (event) => (event.preventDefault(), open()));
byId("disconnect").addEventListener("click", () => (attempt ? attempt.abort() : agent?.close()));
// What the page's own policy forbids never reaches the network, and fetch does not say why.
document.addEventListener("securitypolicyviolation", ({ blockedURI }) => log.add("error", `this page's Content-Security-Policy forbids ${blockedURI}`));

async function open() {
  attempt = new AbortController();
  hideFailure();
  timeline.begin();
  show("connecting");
  try {
    agent = await connect(byId("address").value, {
      key: byId("key").value || undefined,
      negotiation: byId("negotiation").value,
      signal: attempt.signal,
      debug: onDebug,
    });
    attempt = null;
    opened();
  } catch (error) {
    attempt = null;
    const cancelled = error.code === "cancelled";
    const step = timeline.fail(cancelled ? "until you cancelled" : "until it failed");
    if (!cancelled) showFailure(error, step);
    log.add(cancelled ? "call" : "error", `${error.code ?? error.message} at ${step}`);
    show("closed");
  }
}

function opened() {
  timeline.connected(agent.transport, agent.timeline);
  agent.addEventListener("statechange", onState);
  agent.addEventListener("transportchange", onTransport);
  for (const name of EVENTS) agent.on(name, (event) => log.add("event", JSON.stringify(event)));
  for (const panel of panels) panel.attach(agent);
  show(agent.state);
}

function onState() {
  const { state, reason } = agent;
  if (state === "closed") {
    for (const panel of panels) panel.detach();
    agent = null;
    // `cancelled` is our own close(); whatever else ended the connection is worth a word.
    if (reason.code !== "cancelled") showFailure(reason);
  }
  show(state);
}

/** The session goes from what is up first to what is better, and survives what breaks. */
function onTransport({ detail: { from = "nothing", to = "nothing", reason } }) {
  log.add("state", `${from} → ${to}, ${reason}`);
  timeline.showState(agent?.state ?? "closed", agent?.transport);
}

/** Each step of the handshake leaves a line while it happens: the waterfall grows from them. */
function onDebug({ transport = "", step, ms, message }) {
  if (transport === "webrtc") timeline.reach(step, ms, message);
  log.add("debug", `${transport} ${step} ${message}`);
}

function show(state) {
  timeline.showState(state, agent?.transport);
  log.add("state", state);
  byId("connect").disabled = attempt !== null || agent !== null;
  byId("disconnect").disabled = attempt === null && agent === null;
  byId("disconnect").textContent = attempt ? "Cancel" : "Disconnect";
}

// The popup: how the connection is, why it is not, and the ways to the other pages.

import { type Check, doctor } from "@tabagent/client/doctor";

import { Connection } from "./connection.js";
import { byId, duration, el } from "./dom.js";
import { settings } from "./settings.js";
import { showStatus } from "./status.js";

/** Milliseconds between two looks at the round trip. */
const LOOK_MS = 2_000;

const { url, token } = await settings();
/** The panel opens for a gesture only, and not behind a wait: the window has to be known before. */
const { id: windowId } = await chrome.windows.getCurrent();
const connection = new Connection();

byId("server").textContent = url.replace(/^https?:\/\//, "");
byId("open").addEventListener("click", () => windowId !== undefined && void chrome.sidePanel.open({ windowId }).then(() => close()));
byId("diagnose").addEventListener("click", () => void diagnose());
for (const id of ["settings", "pair"]) byId(id).addEventListener("click", () => void chrome.runtime.openOptionsPage().then(() => close()));
connection.addEventListener("change", () => void show());
setInterval(() => void look(), LOOK_MS);

async function show(): Promise<void> {
  const { state, error } = connection;
  showStatus(byId("status"), connection);
  byId("pair").hidden = state !== "unpaired";
  byId("open").hidden = state === "unpaired";
  byId("diagnose").hidden = state === "unpaired";
  byId("reason").textContent = state === "closed" && error ? error.message : "";
  await look();
}

async function look(): Promise<void> {
  const stats = connection.state === "connected" ? await connection.agent?.stats().catch(() => undefined) : undefined;
  byId("round-trip").textContent = stats?.roundTripMs === undefined ? "–" : duration(stats.roundTripMs);
}

async function diagnose(): Promise<void> {
  const [verdict, press] = [byId("verdict"), byId<HTMLButtonElement>("diagnose")];
  press.disabled = true;
  byId("diagnosis").hidden = false;
  byId("checks").replaceChildren();
  verdict.textContent = "Looking at each step…";
  delete verdict.dataset.verdict;
  const { ok, summary } = await doctor(url, { key: token, onCheck: (check) => byId("checks").append(row(check)) });
  verdict.textContent = summary;
  verdict.dataset.verdict = ok ? "good" : "bad";
  press.disabled = false;
}

/** A check that works is a word; what does not says why and what to do. */
function row({ name, ok, code, message, advice }: Check): HTMLElement {
  const [verdict, word] = !ok ? ["bad", "fails"] : code ? ["note", "works, but"] : ["good", "works"];
  const found = verdict === "good" ? [] : [el("p", {}, message), ...(advice ? [el("p", { class: "hint" }, advice)] : [])];
  return el("li", { "data-verdict": verdict },
    el("p", { class: "check" }, el("span", {}, name.replaceAll("_", " ")), el("span", { class: "unseen" }, word)), ...found);
}

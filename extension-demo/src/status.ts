// How the connection stands and what to do about it, in words.

import type { TabagentError, TransportName } from "@tabagent/client";

import type { Connection, Standing } from "./connection.js";
import { button, el } from "./dom.js";

const STATES: Record<Standing, string> = {
  unpaired: "Not paired yet",
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Connection lost, coming back…",
  closed: "Not connected",
};

export const TRANSPORTS: Record<TransportName, string> = { webrtc: "WebRTC", websocket: "WebSocket", native: "Native messaging" };

/** Shows state and transport in an element, which is read out when they change. */
export function showStatus(element: HTMLElement, { state, agent }: Connection): void {
  const transport = agent?.transport;
  element.dataset.state = state;
  element.replaceChildren(STATES[state], ...(transport ? [el("span", { class: "tag" }, TRANSPORTS[transport])] : []));
}

/** What to do about a failure, by its code. */
const CURES: Record<string, string> = {
  transport_failed: "The server does not answer. Start it with “tabagent-server”, or correct its address in the settings.",
  pairing_failed: "A code works once, and for a few minutes. “tabagent-server pair” shows another.",
  deadline_exceeded: "The server took too long. Look at its log, or try again.",
  no_candidates: "This machine has no network interface that WebRTC could use. Choose WebSocket in the settings.",
  unauthorized: "The server no longer knows this browser. Pair again in the settings.",
  origin_refused: "The server does not let this extension in. Pair again in the settings.",
  forbidden: "The server does not allow this to your key.",
  not_supported: "This browser or server lacks something that is needed.",
  version_mismatch: "Extension and server are of different versions. Update the older one.",
  limit_reached: "Too many connections or calls are open. Close some, then try again.",
  rate_limited: "Too many attempts in a short time. Wait a little, then try again.",
  draining: "The server is shutting down. It goes on when the server is back.",
  outcome_unknown: "The connection ended in mid-answer. Ask again.",
  session_expired: "The connection was away for too long. Ask again.",
  model_not_found: "Choose another model below.",
  model_not_loaded: "Choose another model below.",
  payload_too_large: "The text is too long for the server. Ask about a shorter part.",
  upstream_unreachable: "The model server behind TabAgent cannot be reached. Is it running?",
};

const SETTINGS = ["transport_failed", "unauthorized", "origin_refused", "no_candidates"];

/** A failure of any door of the package. */
export type Failure = Pick<TabagentError, "code" | "message">;

/** What happened, what to do, and buttons for it. */
export function failureBox({ code, message }: Failure, again?: () => void): HTMLElement {
  const said = message.replaceAll("`", "");
  return el("div", { class: "failure", role: "alert" },
    el("p", {}, el("strong", {}, CURES[code] ?? "Something went wrong. If it happens again, the server’s log says more.")),
    el("p", {}, `${said.charAt(0).toUpperCase()}${said.slice(1)}`),
    el("p", { class: "actions" },
      ...(again ? [button("Try again", again, { icon: "again" })] : []),
      ...(SETTINGS.includes(code) ? [button("Settings", () => void chrome.runtime.openOptionsPage())] : []),
      el("code", {}, code)));
}

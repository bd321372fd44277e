// What to try when a connection fails: one entry per error code that connect() may reject with.

import { byId, el } from "./dom.js";

const SERVER_SIDE = "Look at the server's log: it names the step each connection reached.";
const UDP = "Is UDP between the two blocked? A firewall or VPN may let the HTTP port through and drop the rest.";
const NO_ANSWER = [
  "Is the server running at this address?",
  "This page may only reach the server it came from, by its own Content-Security-Policy: for another server, open that one's page.",
  "A page from the internet needs your permission to reach this machine or your network: see the icon left of the address.",
];
/** A connection that stood and then broke: it had no step. */
const LOST = ["Was the server stopped? Its log says why it ended.", "Did this machine sleep, or change its network? Connect again."];

const CURES = {
  unauthorized: ["Enter a key that this server knows.", "Or start the server with --allow-local and open this page from it, on the same machine."],
  forbidden: ["This key may not do that: take another one, or give it the scope."],
  origin_refused: ["Open this page from the server itself, so that the origins are the same.", "Or allow this page's origin on the server."],
  no_candidates: [
    "The browser found no network interface to use. With loopback alone WebRTC cannot exist: connect any network, even one without internet.",
    "A browser policy or extension that forbids non-proxied UDP has the same effect.",
  ],
  transport_failed: [UDP, "Where a browser cannot reach 127.0.0.1 over UDP, start the server with --udp-bind and the address of an interface.", SERVER_SIDE],
  deadline_exceeded: [UDP, SERVER_SIDE],
  limit_reached: ["Too many connections are open: close other tabs, or wait until idle ones are cleaned up.", "The limit's name is in the details; --limit NAME=VALUE raises it."],
  rate_limited: ["Too many attempts in a short time: wait, then try again."],
  version_mismatch: ["Server and page are of different versions: reload the page, or update the older of the two."],
  draining: ["The server is shutting down: try again when it is back."],
  not_supported: ["This browser lacks WebRTC, or it is switched off."],
  session_expired: ["The connection was away for too long: connect again."],
};

/** Shows why it failed, at which step of the handshake if it was at one, and what to try. */
export function showFailure(error, step) {
  const code = error.code ?? error.name;
  const cures = curesOf(code, step);
  // The step is said already; a limit or a field is news.
  const { step: _, ...news } = error.details ?? {};
  const details = Object.keys(news).length > 0 ? [el("pre", { class: "code" }, JSON.stringify(news, null, 2))] : [];
  byId("failure").replaceChildren(
    el("p", { class: "what" }, el("code", {}, code), step ? ` at ${step}` : ""),
    el("p", {}, error.message),
    ...details,
    el("h2", {}, "What to try"),
    el("ul", {}, ...cures.map((cure) => el("li", {}, cure)), el("li", {}, "Press Diagnose: each step is looked at by itself, and the first that fails is named.")),
  );
  byId("failure").hidden = false;
}

/** Takes the box away again. */
export function hideFailure() {
  byId("failure").hidden = true;
}

/** The same code needs another cure at another moment: before there was an answer, on the way, or long after. */
function curesOf(code, step) {
  if (code !== "transport_failed") return CURES[code] ?? [SERVER_SIDE];
  if (!step) return LOST;
  return step === "signaling" ? NO_ANSWER : CURES.transport_failed;
}

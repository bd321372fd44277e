// The statistics card: whatever `agent.stats()` says, so that a new field needs no change here.

import { byId, duration, el } from "./dom.js";

const INTERVAL_MS = 2000;

/** Owns the statistics card. */
export function createStats() {
  let agent = null;
  let timer;

  return {
    attach(connected) {
      agent = connected;
      refresh();
    },
    detach() {
      agent = null;
      clearTimeout(timer);
      show({});
    },
  };

  async function refresh() {
    const asked = agent;
    const stats = await asked.stats().catch((error) => ({ error: error.code }));
    // While it was being read the connection may have gone.
    if (agent !== asked) return;
    show(stats);
    timer = setTimeout(refresh, INTERVAL_MS);
  }

  function show(stats) {
    const rows = flatten(stats).map(([name, value]) => el("div", {}, el("dt", {}, words(name)), el("dd", {}, written(name, value))));
    byId("stats").replaceChildren(...rows);
    byId("stats-empty").hidden = rows.length > 0;
  }
}

/** One row per value; an object that holds nothing but values is one row too. Fields without a value are left out. */
function flatten(value, name = "") {
  if (value === null || value === undefined) return [];
  const isLeaf = typeof value !== "object" || (name !== "" && Object.values(value).every((inner) => typeof inner !== "object"));
  if (isLeaf) return [[name, value]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, `${name} ${key}`.trim()));
}

/** `roundTripMs` → `round trip`; the unit is written beside the value instead. */
function words(name) {
  return name.replace(/Ms$/, "").replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
}

function written(name, value) {
  if (typeof value === "number") return name.endsWith("Ms") ? duration(value) : value.toLocaleString("en");
  if (typeof value !== "object") return String(value);
  // Words explain themselves, numbers need their names: `host udp`, `12 sent · 0 waiting`.
  const said = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  const parts = said.map(([key, inner]) => (typeof inner === "number" ? `${written(key, inner)} ${words(key)}` : inner));
  return parts.join(parts.some((part) => part.includes(" ")) ? " · " : " ");
}

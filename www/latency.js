// The latency readout: `health` there and back, as a median, a 95th percentile and a line.

import { byId, duration } from "./dom.js";
import { remember } from "./remember.js";

/** Round trips kept; older ones leave, so the readout tells of now. */
const KEPT = 60;
const INTERVAL_MS = 1000;
const BURST = 50;
const [WIDTH, HEIGHT] = [300, 60];

/** Owns the latency card. `attach(agent)` starts measuring, `detach()` stops and keeps the last picture. */
export function createLatency(report) {
  let samples = [];
  let agent = null;
  let timer;

  remember(byId("latency-auto"));
  byId("latency-auto").addEventListener("change", schedule);
  byId("latency-burst").addEventListener("click", burst);
  document.addEventListener("visibilitychange", schedule);

  return {
    attach(connected) {
      agent = connected;
      samples = [];
      byId("latency-burst").disabled = false;
      schedule();
    },
    detach() {
      agent = null;
      byId("latency-burst").disabled = true;
      clearTimeout(timer);
    },
  };

  /** One timer at a time, and none for a page that nobody sees. */
  function schedule() {
    clearTimeout(timer);
    if (agent && byId("latency-auto").checked && !document.hidden) timer = setTimeout(() => measure().then(schedule), INTERVAL_MS);
  }

  async function burst() {
    byId("latency-burst").disabled = true;
    for (let left = BURST; left > 0 && agent; left -= 1) await measure();
    byId("latency-burst").disabled = !agent;
  }

  async function measure() {
    const begun = performance.now();
    try {
      await agent.request({ action: "health" });
    } catch (error) {
      return report(`health failed: ${error.code}`);
    }
    samples = [...samples, performance.now() - begun].slice(-KEPT);
    show();
  }

  function show() {
    const sorted = [...samples].sort((a, b) => a - b);
    const [median, p95] = [rank(sorted, 0.5), rank(sorted, 0.95)];
    byId("latency-median").textContent = duration(median);
    byId("latency-p95").textContent = duration(p95);
    byId("latency-last").textContent = duration(samples.at(-1));
    byId("latency-count").textContent = `last ${samples.length}, the longest ${duration(sorted.at(-1))}`;
    byId("spark").setAttribute("aria-label", `Last ${samples.length} round trips: median ${duration(median)}, 95th percentile ${duration(p95)}`);
    draw(median, sorted.at(-1));
  }

  function draw(median, most) {
    const x = (index) => (samples.length < 2 ? 0 : (index / (samples.length - 1)) * WIDTH);
    const y = (ms) => HEIGHT - 3 - (ms / most) * (HEIGHT - 8);
    const points = samples.map((ms, index) => `${x(index).toFixed(1)} ${y(ms).toFixed(1)}`);
    if (points.length === 1) points.push(`${WIDTH} ${y(samples[0])}`);
    byId("spark-line").setAttribute("d", `M${points.join("L")}`);
    byId("spark-area").setAttribute("d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
    byId("spark-median").setAttribute("d", `M0 ${y(median)}H${WIDTH}`);
  }
}

/** The sample below which `part` of all lie (nearest rank). */
function rank(sorted, part) {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

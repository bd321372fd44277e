// How long a stream stands still when something breaks under it. Served to pages under test as /stalls.js.

/** Milliseconds that a stream must have run before something breaks, so that it is known to run. */
const RUNNING_MS = 100;
/** Milliseconds behind the longest gap in which no longer one came: it is over. */
const QUIET_MS = 150;

/** A stream that never stands still by itself, and the longest time between two of its items. */
export function flowing(agent) {
  const stream = agent.stream({ action: "generate", model: "default", prompt: "Count to 100000", max_tokens: 100_000 });
  const flow = { last: performance.now(), gap: 0, gapAt: 0, next: 0, broken: undefined };
  // Cancelled in the end; anything else is a fault of its own.
  stream.response.catch((error) => (flow.broken ??= error.message));
  flow.over = (async () => {
    for await (const { index } of stream) {
      const now = performance.now();
      if (now - flow.last > flow.gap) Object.assign(flow, { gap: now - flow.last, gapAt: now });
      flow.last = now;
      if (index !== flow.next++) flow.broken ??= `item ${index} came as ${flow.next - 1}`;
    }
  })().catch(() => {});
  flow.stop = () => stream.cancel();
  return flow;
}

/** Breaks something and answers how long the stream stood still. */
export async function stall(agent, flow, break_, patienceMs = 60_000) {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await pause(RUNNING_MS);
  Object.assign(flow, { gap: 0, gapAt: performance.now() });
  const begun = performance.now();
  const moved = new Promise((resolve) => agent.addEventListener("transportchange", resolve, { once: true }));
  await break_();
  await Promise.race([moved, pause(patienceMs)]);
  // Whatever came after it: the gap is over when the stream has run again for a while.
  const runs = () => agent.transport && performance.now() - flow.gapAt > QUIET_MS && performance.now() - flow.last < RUNNING_MS;
  while (!runs()) {
    if (performance.now() - begun > patienceMs) throw new Error("the stream did not go on");
    await pause(5);
  }
  if (flow.broken) throw new Error(flow.broken);
  return flow.gap;
}

/** Milliseconds from an event of the window to the next item of the stream. */
export const since = (flow, type) =>
  new Promise((resolve) => {
    addEventListener(
      type,
      () => {
        const [begun, { next }] = [performance.now(), flow];
        const look = () => (flow.next > next ? resolve(flow.last - begun) : setTimeout(look, 1));
        look();
      },
      { once: true },
    );
  });

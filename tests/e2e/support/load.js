// Calls beside large transfers. Served to pages under test as /load.js.

/** Bytes of a piece of an upload. */
const PIECE = 64 * 1024;

/** Milliseconds that each of so many calls takes, one after the other; `go` says whether there is to be another. */
export async function calls(agent, count, go = () => true) {
  const samples = [];
  while (samples.length < count && go()) {
    const begun = performance.now();
    await agent.request({ action: "health" });
    samples.push(performance.now() - begun);
  }
  return samples;
}

/** The same while a file is on its way; it is cut short behind the last call, unless the `whole` of it is to arrive. */
export async function callsBeside(agent, direction, bytes, count, whole) {
  const stop = new AbortController();
  const transfer = { moved: 0, over: false };
  const moving = (direction === "down" ? download : upload)(agent, bytes, transfer, stop.signal).finally(() => (transfer.over = true));
  moving.catch(() => {});
  while (transfer.moved === 0) await agent.request({ action: "health" });
  const begun = performance.now();
  const samples = await calls(agent, count, () => !transfer.over);
  if (whole) await moving;
  const seconds = (performance.now() - begun) / 1000;
  stop.abort();
  await moving.catch(() => {});
  return { samples, moved: transfer.moved, seconds };
}

async function download(agent, bytes, transfer, signal) {
  for await (const { payload } of agent.stream({ action: "read_file", path: "down" }, { signal })) transfer.moved += payload.length;
  if (transfer.moved !== bytes) throw new Error(`${transfer.moved} bytes came, not ${bytes}`);
}

async function upload(agent, bytes, transfer, signal) {
  const piece = crypto.getRandomValues(new Uint8Array(PIECE));
  const body = (async function* () {
    for (let left = bytes; left > 0; left -= PIECE) yield piece.slice(0, Math.min(left, PIECE));
  })();
  const onProgress = ({ sent }) => (transfer.moved = sent);
  await agent.request({ action: "write_file", path: "up", replace: true }, { body, onProgress, signal });
}

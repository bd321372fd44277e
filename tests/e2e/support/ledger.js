// The reader's side of the ledger server's streams. Served to pages under test as /ledger.js.

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const utf8 = new TextEncoder();
/** Bytes in front of an item that is hashed: the hash before it, and its number. */
const HEAD = 32 + 8;

/** One side's ledger of one stream, as the server keeps it: of each item the SHA-256 of the one before, its number and its load. */
class Chain {
  seq = 0;
  value = new Uint8Array(32);

  /** Adds what came; answers what is wrong with it, if anything is. */
  async add({ seq, chain, load }) {
    this.seq++;
    const item = utf8.encode(load);
    const bytes = new Uint8Array(HEAD + item.length);
    bytes.set(this.value);
    new DataView(bytes.buffer).setBigUint64(this.value.length, BigInt(this.seq), true);
    bytes.set(item, HEAD);
    this.value = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    if (seq !== this.seq) return `item ${seq} came as number ${this.seq}`;
    return chain === hex(this.value) ? undefined : `item ${seq} has another chain than was read`;
  }
}

/**
 * Reads a stream of the ledger server in the background, and holds each item against those before it. `asked` is what `produce` takes but
 * for the name; `before(count)` is waited for ahead of each item. `over` tells how both ledgers end.
 */
export function follow(agent, asked, { lane = "interactive", before = () => {} } = {}) {
  const name = crypto.randomUUID();
  const chain = new Chain();
  const ledger = { count: 0, gapMs: 0, wrong: undefined };
  const watchers = new Set();
  const stream = agent.stream({ action: "produce", name, ...asked }, { lane });
  const read = async () => {
    let last = performance.now();
    for await (const item of stream) {
      const now = performance.now();
      ledger.gapMs = Math.max(ledger.gapMs, now - last);
      last = now;
      ledger.wrong ??= await chain.add(item);
      ledger.count = chain.seq;
      watchers.forEach((look) => look());
      await before(ledger.count);
    }
    const { items, chain: theirs, times } = await stream.response;
    return { ...ledger, lane, same: theirs === hex(chain.value), items, times };
  };
  const over = read();
  // Whoever waits for it hears of it, perhaps later.
  over.catch(() => {});
  return Object.assign(ledger, {
    over,
    /** Waits until so many items have been read. */
    reached: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (ledger.count < count) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    /** Lets the server end the stream, whatever number of items it was to have. */
    finish: () => agent.request({ action: "finish", name }),
  });
}

/** A stream in each lane, side by side. */
export const followBoth = (agent, asked) => {
  const both = ["interactive", "bulk"].map((lane) => follow(agent, asked, { lane }));
  return {
    reached: (count) => Promise.all(both.map((each) => each.reached(count))),
    count: () => Math.min(...both.map(({ count }) => count)),
    finish: async () => {
      await Promise.all(both.map((each) => each.finish()));
      return Promise.all(both.map(({ over }) => over));
    },
  };
};

// A way between a bridged client and the offscreen document, whatever it is made of, that tells when its other end is gone.

/** One end of a link. */
export interface Link<Sent, Received> {
  /** Says something; nothing happens when the other end is gone. What is in `transfer` moves there if the link can do that. */
  send(message: Sent, transfer?: Transferable[]): void;
  /** Hears the other end; called once, before anything is said to this one. */
  listen(hear: (message: Received) => void): void;
  /** Settles when the other end is gone, or this one was closed. */
  closed: Promise<void>;
  close(): void;
  /** Whether raw bytes and streams go through as they are. */
  readonly clones: boolean;
}

/** The two locks of a link over a MessagePort, each held by one end for as long as it lives. */
const lockNames = (id: string) => ({ client: `tabagent ${id} client`, host: `tabagent ${id} host` });

/**
 * A link over a MessagePort. A port does not tell that the context at its other end died; a lock held there does, by coming free.
 * Resolves when the own lock is held, so that the other end can wait for it.
 */
export async function portLink<Sent, Received>(port: MessagePort, id: string, end: "client" | "host"): Promise<Link<Sent, Received>> {
  const names = lockNames(id);
  const release = await hold(names[end]);
  const gone = new AbortController();
  let closed!: () => void;
  const link: Link<Sent, Received> = {
    clones: true,
    closed: new Promise((resolve) => (closed = resolve)),
    send: (message, transfer = []) => port.postMessage(message, transfer),
    listen: (hear) => {
      port.onmessage = ({ data }) => {
        // The first word of the other end: it holds its lock.
        watch();
        hear(data);
      };
    },
    close: () => {
      gone.abort();
      port.close();
      release();
      closed();
    },
  };
  let watching = end === "host";
  const wait = () => navigator.locks.request(names[end === "host" ? "client" : "host"], { signal: gone.signal }, () => {}).then(link.close, () => {});
  const watch = () => {
    if (!watching) void wait();
    watching = true;
  };
  if (watching) void wait();
  return link;
}

/** Takes a lock until the result is called, or this context dies. */
function hold(name: string): Promise<() => void> {
  return new Promise((held, failed) => {
    navigator.locks.request(name, () => new Promise<void>((release) => held(release))).catch(failed);
  });
}

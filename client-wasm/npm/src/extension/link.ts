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
}

/**
 * A link over a MessagePort. A port does not tell that the context at its other end died; a lock held there does, by coming free: each
 * end holds one for as long as it lives. Resolves when the own lock is held, so that the other end can wait for it. The host has its lock
 * when it speaks; `speaks` tells its words from those of whoever handed the port on.
 */
export async function portLink<Sent, Received>(
  port: MessagePort,
  id: string,
  end: "client" | "host",
  speaks: (message: Received) => boolean = () => true,
): Promise<Link<Sent, Received>> {
  const lock = (end: string) => `tabagent ${id} ${end}`;
  const release = await hold(lock(end));
  const gone = new AbortController();
  let closed!: () => void;
  const link: Link<Sent, Received> = {
    closed: new Promise((resolve) => (closed = resolve)),
    send: (message, transfer = []) => port.postMessage(message, transfer),
    listen: (hear) => {
      port.onmessage = ({ data }) => {
        if (speaks(data)) watch();
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
  let watching = false;
  const watch = () => {
    if (!watching) navigator.locks.request(lock(end === "host" ? "client" : "host"), { signal: gone.signal }, link.close).catch(() => {});
    watching = true;
  };
  if (end === "host") watch();
  return link;
}

/** Takes a lock until the result is called, or this context dies. */
function hold(name: string): Promise<() => void> {
  return new Promise((held, failed) => {
    navigator.locks.request(name, () => new Promise<void>((release) => held(release))).catch(failed);
  });
}

// The server's HTTP side, as a page may ask it.

/** What the server said. */
export interface Reply {
  status: number;
  /** The parsed body; undefined when it is no JSON object. */
  body: Record<string, unknown> | undefined;
}

/** The server's HTTP side, as a page sees it. */
export class Server {
  /** Where the API's paths begin. */
  readonly base: string;
  readonly url: URL;
  #key: string | undefined;
  #patience: number;
  #signal: AbortSignal | undefined;

  /** @throws when the address is none. */
  constructor(url: string, key: string | undefined, patience: number, signal: AbortSignal | undefined) {
    this.url = new URL(url, typeof location === "undefined" ? undefined : location.href);
    if (!/^https?:$/.test(this.url.protocol)) throw new TypeError("it begins neither with http: nor with https:");
    this.base = this.url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
    this.#key = key;
    this.#patience = patience;
    this.#signal = signal;
  }

  /** Asks the API. Rejects when no answer comes, or none that the page may read. */
  async ask(path: string, init: { method?: string; body?: unknown; keyless?: boolean } = {}): Promise<Reply> {
    const headers: Record<string, string> = init.body === undefined ? {} : { "content-type": "application/json" };
    if (this.#key !== undefined && !init.keyless) headers["authorization"] = `Bearer ${this.#key}`;
    const body = init.body === undefined ? null : JSON.stringify(init.body);
    const reply = await this.#fetch(path, { method: init.method ?? "GET", headers, body });
    return { status: reply.status, body: objectOf(await reply.text()) };
  }

  /** Whether anybody answers at all, even if the page may not read what. */
  answers(): Promise<boolean> {
    return this.#fetch("/v1/health", { mode: "no-cors" }).then(
      () => true,
      () => false,
    );
  }

  /** The address of the WebSocket door. */
  socket(): string {
    return `${this.base.replace(/^http/, "ws")}/v1/ws`;
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const late = AbortSignal.timeout(this.#patience);
    const signal = this.#signal ? AbortSignal.any([this.#signal, late]) : late;
    return fetch(this.base + path, { cache: "no-store", ...init, signal });
  }
}

/** The object that a text is as JSON. */
function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

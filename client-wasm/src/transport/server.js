// A server as its transports know it: where it is, what is said to it over HTTP, and what it means when that fails.

/**
 * What went wrong, as servers write it.
 * @typedef {{ code: string, message: string, details?: unknown, retry_after_ms?: unknown }} Fault
 */

/**
 * What makes transports instead of the window's own; of peer connections it is given the window to make them in.
 * @typedef {{
 *   WebSocket?: new (url: string, protocol: string) => WebSocket,
 *   NativeSocket?: new (url: string, protocol: string) => WebSocket,
 *   RTCPeerConnection?: new (configuration: RTCConfiguration, window: unknown) => RTCPeerConnection,
 * }} Constructors
 */

/** One server, and how it is to be reached. */
export class Server {
  /** No peer connection found a network interface here, ever. */
  stranded = false;
  /** Sent with every request. @type {Record<string, string>} */
  #headers = { "content-type": "application/json" };

  /**
   * @param {string} address `http://host:port`, perhaps with a path in front of the API's
   * @param {string} key none when it is empty
   * @param {Constructors | undefined} constructors @param {readonly RTCIceServer[] | undefined} iceServers
   * @param {boolean} relayOnly @param {boolean} serverOffers
   */
  constructor(address, key, constructors, iceServers, relayOnly, serverOffers) {
    this.address = address.replace(/\/+$/, "");
    this.constructors = constructors ?? {};
    this.iceServers = iceServers ?? [];
    this.relayOnly = relayOnly;
    this.serverOffers = serverOffers;
    if (key) this.#headers["authorization"] = `Bearer ${key}`;
  }

  /**
   * Says something about a connection.
   * @param {string} path @param {object} [fields] none: what has this path is to end
   * @returns {Promise<any>} its reply; what goes wrong is thrown as `{ fault }`
   */
  async say(path, fields) {
    const url = `${this.address}/v1/webrtc/${path}`;
    let request, response, text;
    try {
      request = new Request(url, { method: fields ? "POST" : "DELETE", headers: this.#headers, body: fields ? JSON.stringify(fields) : null });
    } catch {
      throw { fault: this.noAddress(url) };
    }
    try {
      response = await fetch(request);
      text = await response.text();
    } catch {
      const hint = "is the server running there, does it allow this origin, and may this page reach the local network?";
      throw failed(`no answer from ${url}: ${hint}`);
    }
    const reply = this.read(text);
    if (!response.ok) throw reply?.code ? { fault: reply } : this.notOurs(response.status);
    return reply ?? {};
  }

  /** JSON as a value; `undefined` for what is none. @param {string} json @returns {any} */
  read(json) {
    try {
      return JSON.parse(json);
    } catch {
      return undefined;
    }
  }

  /** Whoever answered is no server of ours. @param {number} status */
  notOurs(status) {
    return failed(`${this.address} answered with HTTP status ${status}: is it a tabagent server?`);
  }

  /** Not an address at all. @param {string} url @returns {Fault} */
  noAddress(url) {
    return { code: "bad_request", message: `${url} is no address to connect to` };
  }

  /** The browser does not want to. @param {string} code @param {string} what @param {{ message?: string }} thrown @returns {Fault} */
  refused(code, what, { message }) {
    return { code, message: `the browser refuses ${what}: ${message}` };
  }
}

/** @param {string} message */
const failed = (message) => ({ fault: { code: "transport_failed", message } });

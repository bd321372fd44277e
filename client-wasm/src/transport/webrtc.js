// A WebRTC connection of the browser with one data channel per lane, from its first description to its end: the only file that names
// `RTCPeerConnection`.
//
// Handlers are attached before anything is announced. Gathering is never waited for: candidates trickle.

/** @typedef {import("./server.js").Server} Server @typedef {import("./websocket.js").Hear} Hear */

// What `Hear` says.
const PACKET = 0;
const STEP = 1;
const WRITABLE = 2;
const CLOSED = 3;
const FAILED = 4;
const DOUBTFUL = 5;
const NAMED = 6;
const OFFER = 7;
const ANSWER = 8;
const CANDIDATES = 9;

// What `send` answers.
const READY = 0;
const FULL = 1;
const GONE = 2;

// Steps.
const SIGNALING = 0;
const ICE = 1;
const DTLS = 2;
const CHANNEL = 3;

// Lanes.
const INTERACTIVE = 0;
const BULK = 1;

/**
 * Bytes in a channel's send buffer above which it wants no more: 5 ms at 50 MB/s. What lies there cannot be overtaken by what is urgent, and
 * Chromium closes a channel whose buffer passes 16 MiB.
 */
const HIGH_WATER = 256 * 1024;
/** Bytes in a channel's send buffer below which it wants more: enough to keep sending until the event has come. */
const LOW_WATER = 64 * 1024;
/** Milliseconds that ICE gets to move without a single candidate of ours. Where it can work without, it needs 10. */
const STRANDED_AFTER_MS = 1_000;
/** Candidates told to the server. It takes no more of one connection; a machine with so many interfaces needs no more. */
const MAX_CANDIDATES = 64;

/** One `RTCPeerConnection`. */
class Peer {
  /** Nobody, once it closes. @type {Hear} */
  #hear;
  #server;
  /** Sub-protocols of the lanes' channels. */
  #protocols;
  /** None until it is made. @type {RTCPeerConnection | undefined} */
  #connection;
  /** Whose window it lives in, where that is not ours. @type {HTMLIFrameElement | undefined} */
  #frame;
  /** Filled when a channel is made or arrives. @type {RTCDataChannel[]} */
  #lanes = [];
  /** Packets given to a lane before its channel opened: at most one each, for the answer was that it is full. @type {[number, Uint8Array<ArrayBuffer>][]} */
  #early = [];
  /** Of each lane: the server made the channel and has not spoken on it yet. @type {boolean[]} */
  #greeting = [];
  /** The server's id of the connection, empty until it is known. */
  #id = "";
  /** Candidates that the server has not been told of. @type {(RTCIceCandidate | null)[]} */
  #candidates = [];
  /** How many were gathered. */
  #found = 0;
  /** Candidates are on their way to the server. */
  #telling = false;
  /** Runs while ICE has its time; then ICE has had it. @type {ReturnType<typeof setTimeout> | undefined} */
  #probe;
  #probed = false;
  /** A path was found. */
  #reached = false;
  /** The first channel is open: nobody looks for a path any more. */
  #open = false;
  #over = false;

  /** @param {Hear} hear @param {Server} server @param {string} interactive @param {string} bulk */
  constructor(hear, server, interactive, bulk) {
    this.#hear = hear;
    this.#server = server;
    this.#protocols = [interactive, bulk];
    this.#negotiate().catch((thrown) => this.#hear(FAILED, 0, thrown.fault ?? server.refused("transport_failed", "WebRTC", thrown)));
  }

  /** Sends a packet in its lane's channel, or keeps it until that channel is open. @param {number} lane @param {Uint8Array<ArrayBuffer>} packet */
  send(lane, packet) {
    const channel = this.#lanes[lane];
    // Made, or about to come, or not to be trusted yet.
    if (!channel || channel.readyState === "connecting" || this.#greeting[lane]) {
      // It lies in memory of the module.
      this.#early.push([lane, packet.slice()]);
      return FULL;
    }
    try {
      channel.send(packet);
    } catch {
      return GONE;
    }
    return channel.bufferedAmount < HIGH_WATER ? READY : FULL;
  }

  /** Closes it at once. @param {boolean} forget it will not come about, and the server need not wait for it */
  close(forget) {
    this.#over = true;
    this.#silence();
    this.#connection?.close();
    this.#frame?.remove();
    if (forget) this.#forget();
  }

  /**
   * Starts to close: nothing is heard any more but that the server has hung up. Answers whether that is to be waited for: our last word is
   * on its way, and hanging up ourselves could overtake it.
   */
  finish() {
    const hear = this.#hear;
    this.#silence();
    const [channel] = this.#lanes;
    if (channel?.readyState !== "open") return false;
    channel.onclose = () => hear(CLOSED, 0);
    return true;
  }

  /** Bytes in a lane's send buffer. @param {number} lane */
  buffered(lane) {
    return this.#lanes[lane]?.bufferedAmount ?? 0;
  }

  /** The browser's own statistics. */
  report() {
    return this.#connection?.getStats();
  }

  /** Exchanges descriptions with the server. */
  async #negotiate() {
    await (this.#server.serverOffers ? this.#answer() : this.#offer());
    if (this.#over) return;
    this.#hear(STEP, SIGNALING);
    this.#probe = setTimeout(() => {
      this.#probed = true;
      this.#checkStranded();
    }, STRANDED_AFTER_MS);
  }

  /** We offer: one round trip. */
  async #offer() {
    const connection = this.#make(this.#server.iceServers);
    this.#protocols.forEach((protocol, lane) => this.#adopt(lane, connection.createDataChannel("tabagent", { protocol })));
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    this.#hear(OFFER, 0);
    const { sdp } = await this.#begin("sessions", { offer: { type: "offer", sdp: offer.sdp } });
    this.#hear(ANSWER, 0);
    await connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** The server offers: two. */
  async #answer() {
    const { sdp, ice_servers } = await this.#begin("offer", { protocol: this.#protocols[INTERACTIVE] });
    const connection = this.#make(this.#server.iceServers.concat(ice_servers ?? []));
    this.#hear(OFFER, 0);
    await connection.setRemoteDescription({ type: "offer", sdp });
    const answer = await connection.createAnswer();
    await connection.setLocalDescription(answer);
    await this.#server.say("answer", { session_id: this.#id, sdp: answer.sdp });
    this.#hear(ANSWER, 0);
  }

  /**
   * The first word to the server. It knows this connection from its reply on, and may be told of candidates.
   * @param {string} path @param {object} fields
   */
  async #begin(path, fields) {
    const { session_id, answer, ...reply } = await this.#server.say(path, fields);
    // It stands in `answer`, or in the reply itself.
    const { sdp } = answer ?? reply;
    if (!session_id || typeof sdp !== "string") throw this.#server.notOurs(200);
    this.#id = session_id;
    this.#hear(NAMED, 0, { id: session_id });
    if (this.#over) {
      this.#forget();
      throw {}; // nobody hears of it
    }
    this.#tell();
    return { ...reply, sdp };
  }

  /**
   * Makes the connection. Where the server has heard that this window has no network interface, it belongs to a window of its own: Chromium
   * keeps a list of interfaces for each document, and one that was empty when the document first asked stays empty.
   * @param {readonly RTCIceServer[]} iceServers
   */
  #make(iceServers) {
    const { constructors, relayOnly, stranded } = this.#server;
    try {
      /** @type {any} */
      let window = globalThis;
      if (stranded) {
        const frame = (this.#frame = document.createElement("iframe"));
        frame.hidden = true;
        document.documentElement.append(frame);
        window = frame.contentWindow;
      }
      const Connection = constructors.RTCPeerConnection ?? window.RTCPeerConnection;
      /** @type {RTCPeerConnection} */
      const connection = (this.#connection = new Connection({ iceServers, iceTransportPolicy: relayOnly ? "relay" : "all" }, window));
      connection.onicecandidate = ({ candidate }) => this.#candidate(candidate);
      connection.oniceconnectionstatechange = connection.onconnectionstatechange = () => this.#changed(connection);
      connection.ondatachannel = ({ channel }) => this.#arrived(channel);
      return connection;
    } catch (thrown) {
      throw { fault: this.#server.refused("not_supported", "WebRTC", /** @type {Error} */ (thrown)) };
    }
  }

  /** The server made this channel. @param {RTCDataChannel} channel */
  #arrived(channel) {
    const lane = this.#protocols.indexOf(channel.protocol);
    if (lane < 0) return;
    this.#adopt(lane, channel);
    // Chromium calls a channel that arrives open, and may still lose what is sent on it. The server speaks first.
    channel.onopen = null;
    this.#greeting[lane] = true;
  }

  /** Attaches a channel's handlers and makes it a lane's. @param {number} lane @param {RTCDataChannel} channel */
  #adopt(lane, channel) {
    this.#lanes[lane] = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = LOW_WATER;
    channel.onopen = () => this.#opened(lane);
    channel.onclose = () => this.#hear(CLOSED, 0, { why: "the server closed a data channel" });
    channel.onbufferedamountlow = () => this.#hear(WRITABLE, lane);
    channel.onmessage = ({ data }) => {
      if (this.#greeting[lane]) {
        this.#greeting[lane] = false;
        this.#opened(lane);
      } else if (typeof data === "string") this.#hear(FAILED, 0, this.#server.read(data));
      else this.#hear(PACKET, 0, data);
    };
  }

  /** A channel is open: what waited for it goes first. @param {number} lane */
  #opened(lane) {
    const early = this.#early.splice(0);
    for (const [lane, packet] of early) this.send(lane, packet);
    this.#open ||= lane === INTERACTIVE;
    if (lane === INTERACTIVE) this.#hear(STEP, CHANNEL);
    else if (early.some(([waited]) => waited === BULK)) this.#hear(WRITABLE, BULK);
  }

  /** A state of the connection changed. @param {RTCPeerConnection} connection */
  #changed({ connectionState, iceConnectionState }) {
    const found = /^co/.test(iceConnectionState); // connected, completed
    this.#reached ||= found;
    if (connectionState === "failed") this.#hear(CLOSED, 0, { why: iceConnectionState === "failed" ? "no path to the server answers" : "the encrypted connection failed" });
    // A glitch, or the beginning of the end.
    else if (connectionState === "disconnected") this.#hear(DOUBTFUL, 0);
    else if (connectionState === "connected") this.#hear(STEP, DTLS);
    else if (found) this.#hear(STEP, ICE);
  }

  /** One of our candidates, or `null` when there are no more. @param {RTCIceCandidate | null} candidate */
  #candidate(candidate) {
    if (candidate) this.#found += 1;
    else {
      this.#hear(CANDIDATES, this.#found);
      this.#checkStranded();
    }
    if (this.#open || this.#found > MAX_CANDIDATES) return;
    this.#candidates.push(candidate);
    this.#tell();
  }

  /** Tells the server of the candidates found so far; those found meanwhile go with the next request. */
  async #tell() {
    if (!this.#id || this.#telling || this.#candidates.length === 0) return;
    this.#telling = true;
    // The server also finds a path by the packets that reach it, so a failure here is not the end.
    await this.#server.say("ice", { session_id: this.#id, candidates: this.#candidates.splice(0) }).catch(() => {});
    this.#telling = false;
    this.#tell();
  }

  /**
   * Without a network interface ICE waits for ever: better to say so. Chromium then gathers for ever and ICE stays `new`; with an interface it
   * may find no candidate and connect all the same, so a state further on is not the end before gathering is. Relays take their time to
   * answer: with a relay-only policy only the end of gathering counts.
   */
  #checkStranded() {
    if (!this.#connection || !this.#probed || this.#reached || this.#found > 0) return;
    const { iceConnectionState: state, iceGatheringState } = this.#connection;
    const gathered = iceGatheringState === "complete";
    if (!(state === "new" ? gathered || !this.#server.relayOnly : state === "checking" && gathered)) return;
    this.#server.stranded = true;
    const message = "the browser has no network interface for WebRTC (or, with a relay-only policy, no relay answered): go online, or connect another way";
    this.#hear(FAILED, 0, { code: "no_candidates", message });
  }

  /** The server would notice by itself. */
  #forget() {
    if (this.#id) this.#server.say(`session/${this.#id}`).catch(() => {});
  }

  /** Detaches every handler. */
  #silence() {
    this.#hear = () => {};
    clearTimeout(this.#probe);
    const connection = this.#connection;
    if (connection) connection.onicecandidate = connection.oniceconnectionstatechange = connection.onconnectionstatechange = connection.ondatachannel = null;
    for (const channel of this.#lanes) if (channel) channel.onopen = channel.onmessage = channel.onclose = channel.onbufferedamountlow = null;
  }
}

/**
 * Begins to negotiate a connection with a server; its lanes have channels of these protocols.
 * @param {Hear} hear @param {Server} server @param {string} interactive @param {string} bulk
 */
export const openPeer = (hear, server, interactive, bulk) => new Peer(hear, server, interactive, bulk);

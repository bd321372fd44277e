// One WebRTC connection made by hand, with everything written down that it shows: what a diagnosis is read from.

/** What a server for ICE answered. */
export type ServerState = "answers" | "refused" | "silent";

/** A STUN or TURN server and what it answered. */
export interface ServerAnswer {
  url: string;
  turn: boolean;
  state: ServerState;
  /** Its words, or the browser's. */
  said: string;
  ms: number;
}

/** A pair of addresses that ICE tried. */
export interface Pair {
  selected: boolean;
  local: string;
  remote: string;
  sent: number;
  answered: number;
  ms: number | undefined;
}

const EVENTS = ["icecandidate", "icecandidateerror", "icegatheringstatechange", "iceconnectionstatechange", "connectionstatechange"];

/** Whether this page can make connections at all. */
export const isPossible = (): boolean => typeof RTCPeerConnection !== "undefined";

/** A connection with one plain channel. Close it. */
export class Peer {
  /** Our candidates, as they are found; `null` behind the last. */
  readonly candidates: (RTCIceCandidate | null)[] = [];
  readonly errors: RTCPeerConnectionIceErrorEvent[] = [];
  /** What came on the channel. */
  readonly messages: string[] = [];
  readonly channel: RTCDataChannel;
  /** When the first candidate was found and the path was, in milliseconds since the beginning. */
  readonly times: { candidate?: number; path?: number } = {};
  #begun = performance.now();
  #connection: RTCPeerConnection;
  #closed = false;
  #waiting = new Set<() => void>();

  /** @throws what the browser does not like about the configuration. */
  constructor(configuration: RTCConfiguration) {
    this.#connection = new RTCPeerConnection(configuration);
    this.channel = this.#connection.createDataChannel("tabagent");
    for (const type of EVENTS) this.#connection.addEventListener(type, (event) => this.#heard(event));
    for (const type of ["open", "close", "message"]) this.channel.addEventListener(type, (event) => this.#heard(event));
  }

  /** Makes the offer; from here on candidates come. */
  async offer(): Promise<RTCSessionDescription> {
    await this.#connection.setLocalDescription();
    return this.#connection.localDescription as RTCSessionDescription;
  }

  /** Takes the server's answer. */
  answer(sdp: string): Promise<void> {
    return this.#connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** ICE has found a pair that works. */
  get hasPath(): boolean {
    return /^(connected|completed)$/.test(this.#connection.iceConnectionState) || this.isEncrypted;
  }

  /** DTLS has agreed on keys. */
  get isEncrypted(): boolean {
    return this.#connection.connectionState === "connected";
  }

  get hasFailed(): boolean {
    return this.#connection.connectionState === "failed" || this.#connection.iceConnectionState === "failed";
  }

  get hasGathered(): boolean {
    return this.#connection.iceGatheringState === "complete";
  }

  get isOpen(): boolean {
    return this.channel.readyState === "open";
  }

  /** How many candidates there are. */
  get found(): number {
    return this.candidates.filter((candidate) => candidate?.candidate).length;
  }

  /** Whether there is a candidate that leads over a TURN server. */
  get isRelayed(): boolean {
    return this.candidates.some((candidate) => candidate?.type === "relay");
  }

  /**
   * Whether ICE has nothing to work with. Without an interface Chromium gathers for ever and stays `new`; with one it may find no
   * candidate and connect all the same. Where only relays count, the end of gathering does.
   */
  isStranded(relayOnly: boolean): boolean {
    if (this.found > 0 || this.hasPath) return false;
    return this.#connection.iceConnectionState === "new" || (relayOnly && this.hasGathered);
  }

  /** Milliseconds since the beginning. */
  get age(): number {
    return performance.now() - this.#begun;
  }

  /** Waits until something is so, its time is over or this is closed. Answers whether it is so. */
  until(so: () => boolean, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(so());
      };
      const look = () => (so() || this.#closed) && done();
      const timer = setTimeout(done, ms);
      this.#waiting.add(look);
      look();
    });
  }

  /** What ICE has tried. */
  async pairs(): Promise<Pair[]> {
    const report = await this.#connection.getStats();
    const rows = [...report.values()];
    const selected = rows.find((row) => row.type === "transport")?.selectedCandidatePairId;
    return rows
      .filter((row) => row.type === "candidate-pair")
      .map((row) => ({
        selected: row.id === selected,
        local: end(report.get(row.localCandidateId)),
        remote: end(report.get(row.remoteCandidateId)),
        sent: row.requestsSent ?? 0,
        answered: row.responsesReceived ?? 0,
        ms: row.currentRoundTripTime === undefined ? undefined : row.currentRoundTripTime * 1000,
      }));
  }

  close(): void {
    this.#closed = true;
    this.#connection.close();
    this.#look();
  }

  #heard(event: Event): void {
    if (event.type === "icecandidate") this.candidates.push((event as RTCPeerConnectionIceEvent).candidate);
    if (event.type === "icecandidateerror") this.errors.push(event as RTCPeerConnectionIceErrorEvent);
    if (event.type === "message") this.messages.push(String((event as MessageEvent).data));
    if (this.found > 0) this.times.candidate ??= this.age;
    if (this.hasPath) this.times.path ??= this.age;
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Asks one STUN or TURN server for an address of ours, on a connection that leads nowhere. */
export async function ask(server: RTCIceServer, url: string, ms: number): Promise<ServerAnswer> {
  const begun = performance.now();
  const turn = /^turns?:/.test(url);
  const answer = (state: ServerState, said = ""): ServerAnswer => ({ url, turn, state, said, ms: performance.now() - begun });
  const wanted = turn ? "relay" : "srflx";
  const peer = new Peer({ iceServers: [{ ...server, urls: url }], iceTransportPolicy: turn ? "relay" : "all" });
  try {
    await peer.offer();
    const found = () => peer.candidates.some((candidate) => candidate?.type === wanted);
    await peer.until(() => found() || refusal(peer) !== undefined || peer.hasGathered, ms);
    // An address that is the machine's own is not told twice: silence is all that speaks against a STUN server.
    if (found() || (!turn && peer.hasGathered && peer.errors.length === 0)) return answer("answers");
    const refused = refusal(peer);
    return refused ? answer("refused", `${refused.errorCode} ${words(refused)}`) : answer("silent", peer.errors[0] && words(peer.errors[0]));
  } finally {
    peer.close();
  }
}

/** What was said, without its full stop. */
const words = ({ errorText }: RTCPeerConnectionIceErrorEvent): string => errorText.trim().replace(/\.$/, "");

/** Code 701 is the browser's own: nothing came back. Any other is the server's. */
function refusal(peer: Peer): RTCPeerConnectionIceErrorEvent | undefined {
  return peer.errors.find(({ errorCode }) => errorCode >= 300 && errorCode < 700);
}

/** `host udp`, `relay udp`, with the address where the browser tells it. */
function end(row: { candidateType?: string; protocol?: string; address?: string; port?: number } | undefined): string {
  const at = row?.address ? ` ${row.address}:${row.port}` : "";
  return `${row?.candidateType ?? "?"} ${row?.protocol ?? "?"}${at}`;
}

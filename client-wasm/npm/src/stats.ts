// The browser's statistics of a connection, read for what people ask of them.

import type { CandidateEnd, ClientStats, LaneStats, TransportStats } from "./types.js";

/** The path that ICE selected. */
export function candidatePair(report: RTCStatsReport | undefined): ClientStats["candidatePair"] {
  // A module that has just crashed has none either.
  if (!report?.get) return undefined;
  const rows = [...report.values()];
  const selected = rows.find((row) => row.type === "transport")?.selectedCandidatePairId;
  const pair = report.get(selected) ?? rows.find((row) => row.type === "candidate-pair" && row.nominated);
  const [local, remote] = [report.get(pair?.localCandidateId), report.get(pair?.remoteCandidateId)];
  return local && remote && { local: end(local), remote: end(remote) };
}

const end = ({ candidateType, protocol }: { candidateType: string; protocol: string }): CandidateEnd => ({ type: candidateType, protocol });

/** The module's counts: calls in flight, then five numbers a lane. */
export function counted([ours = 0, theirs = 0, ...lanes]: Iterable<number>): Pick<ClientStats, "lanes" | "calls"> {
  const lane = ([sent = 0, acked = 0, received = 0, waiting = 0, buffered = 0]: number[]): LaneStats => ({ sent, acked, received, waiting, buffered });
  return { lanes: { interactive: lane(lanes), bulk: lane(lanes.slice(5)) }, calls: { ours, theirs } };
}

const STATES = ["idle", "waiting", "opening", "carrying"] as const;

/** The module's counts of a transport. */
export function transportStats([state = 0, failures = 0, retryInMs = 0]: Iterable<number>): Pick<TransportStats, "state" | "failures" | "retryInMs"> {
  return { state: STATES[state] ?? "idle", failures, retryInMs };
}

// The browser's statistics of a connection, read for what people ask of them.

import type { CandidateEnd, ClientStats, LaneStats } from "./types.js";

/** The path that ICE selected. */
export function candidatePair(report: RTCStatsReport | undefined): ClientStats["candidatePair"] {
  if (!report) return undefined;
  const rows = [...report.values()];
  const selected = rows.find((row) => row.type === "transport")?.selectedCandidatePairId;
  const pair = report.get(selected) ?? rows.find((row) => row.type === "candidate-pair" && row.nominated);
  const [local, remote] = [report.get(pair?.localCandidateId), report.get(pair?.remoteCandidateId)];
  return local && remote && { local: end(local), remote: end(remote) };
}

const end = ({ candidateType, protocol }: { candidateType: string; protocol: string }): CandidateEnd => ({ type: candidateType, protocol });

/** The module's counts: five numbers a lane, then the calls in flight. */
export function counted(counts: Uint32Array): Pick<ClientStats, "lanes" | "calls"> {
  const lane = (at: number): LaneStats => {
    const [sent = 0, acked = 0, received = 0, waiting = 0, buffered = 0] = counts.subarray(at, at + 5);
    return { sent, acked, received, waiting, buffered };
  };
  const [ours = 0, theirs = 0] = counts.subarray(10);
  return { lanes: { interactive: lane(0), bulk: lane(5) }, calls: { ours, theirs } };
}

// What is to be tried.

/** How a connection is to be made. */
export interface Plan {
  iceServers: readonly RTCIceServer[];
  relayOnly: boolean;
  /** Milliseconds for each step. */
  patience: number;
}

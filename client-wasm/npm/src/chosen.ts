// The options of `connect()` as the module reads them.

import type { ConnectOptions, ReconnectOptions } from "./types.js";
import type { SessionOptions } from "./wasm/tabagent_client.js";

/** What is the same for all sessions of a client. */
export const chosen = (options: ConnectOptions) =>
  ({
    key: options.key,
    iceServers: options.iceServers,
    relayOnly: options.iceTransportPolicy === "relay",
    serverOffers: options.negotiation === "server-offers",
    connectTimeoutMs: options.connectTimeoutMs,
    once: options.reconnect === false,
    patience: patience(options.reconnect || {}),
  }) satisfies Partial<SessionOptions>;

/** In the order in which the module reads them. */
const patience = (options: ReconnectOptions): (number | undefined)[] => [
  options.windowMs,
  options.retryMs,
  options.maxRetryMs,
  options.upgradeMs,
  options.maxUpgradeMs,
  options.stableMs,
  options.headStartMs,
  options.silenceMs,
  options.answerMs,
];

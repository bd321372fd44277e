// The options of `connect()` as the module reads them.

import type { ConnectOptions, ReconnectOptions, TransportName } from "./types.js";
import type { SessionOptions } from "./wasm/tabagent_client.js";

/** All transports, as the module numbers them: the preferred first. */
export const TRANSPORTS: readonly TransportName[] = ["webrtc", "websocket", "native"];

/** What is the same for all sessions of a client. */
export const chosen = (options: ConnectOptions) =>
  ({
    key: options.key,
    iceServers: options.iceServers,
    relayOnly: options.iceTransportPolicy === "relay",
    serverOffers: options.negotiation === "server-offers",
    once: options.reconnect === false,
    patience: patience(options.connectTimeoutMs, options.reconnect || {}),
  }) satisfies Partial<SessionOptions>;

/** In the order in which the module reads them. */
const patience = (connectTimeoutMs: number | undefined, options: ReconnectOptions): Uint8Array =>
  new Uint8Array(
    Float64Array.of(
      ...([
        connectTimeoutMs,
        options.windowMs,
        options.retryMs,
        options.maxRetryMs,
        options.upgradeMs,
        options.maxUpgradeMs,
        options.stableMs,
        options.headStartMs,
        options.silenceMs,
        options.answerMs,
      ] as number[]), // what is not there is not a number
    ).buffer,
  );

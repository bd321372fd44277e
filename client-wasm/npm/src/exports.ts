// What both doors of the package export beside `connect()`.

export type { Agent } from "./agent.js";
export type * from "./api.gen.js";
export { TabagentClient } from "./client.js";
export { TabagentError } from "./errors.js";
export type { FailureParts } from "./errors.js";
export { TabagentStream } from "./stream.js";
export type * from "./types.js";

// The test kit: faults in real transports, and a server in memory. Not loaded unless imported.

export { Faults, type FaultOptions, reached } from "./testing/faults.js";
export type { FaultyTransport } from "./testing/transport.js";
export { memoryServer } from "./testing/memory.js";
export type { MemoryActions, MemoryCall, MemoryOptions, MemoryServer } from "./testing/memory.js";

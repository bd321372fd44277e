// The same door for bundlers.
export * from "./index.js";

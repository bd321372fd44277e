// Keeps the server of wasm-bindgen's test runner going.
import { connect } from "node:net";

/** Milliseconds between two of them: what a page waits at most. */
const EVERY = 500;

/**
 * Connects to a port again and again, until the result is called. When two connections come at the same moment, the runner's server (tiny_http
 * 0.12) may count a thread that is about to take the first as free for the second, which then waits for ever; the next connection sets it free.
 */
export function nudge(port) {
  const timer = setInterval(() => {
    // Nobody listens between two pages.
    const socket = connect(port, "127.0.0.1", () => socket.end()).on("error", () => {});
  }, EVERY);
  return () => clearInterval(timer);
}

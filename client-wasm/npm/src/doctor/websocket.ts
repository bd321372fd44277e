// The other way in: a WebSocket carries sessions where UDP cannot, if whatever stands between lets it.

import type { Findings } from "./findings.js";
import type { Server } from "./server.js";

/** As the client names it. */
const PROTOCOL = "tabagent.v1";

/** Whether the server's WebSocket door opens. Of a server that has none there is nothing to say. */
export async function websocket(findings: Findings, server: Server, patience: number): Promise<void> {
  if (await opens(server.socket(), patience)) return void findings.good("websocket", "The WebSocket door opens.");
  const reply = await server.ask("/v1/ws").catch(() => undefined);
  if (reply?.body?.["code"] === "not_found") return;
  findings.bad("websocket", {
    code: "websocket_blocked",
    message: `HTTP works, and a WebSocket to ${server.socket()} does not open.`,
    advice: "A proxy in between may not pass WebSockets on, the page's connect-src may lack the ws: address, or too many strangers wait at the door.",
  });
}

function opens(url: string, patience: number): Promise<boolean> {
  return new Promise((resolve) => {
    let socket: WebSocket;
    const done = (open: boolean) => {
      clearTimeout(timer);
      socket?.close();
      resolve(open);
    };
    const timer = setTimeout(() => done(false), patience);
    try {
      socket = new WebSocket(url, PROTOCOL);
    } catch {
      return done(false);
    }
    socket.onopen = () => done(true);
    socket.onerror = () => done(false);
  });
}

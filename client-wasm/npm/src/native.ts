// The door of native messaging: the last rung of an extension's ladder, where neither WebRTC nor a WebSocket reaches the server.

export { type NativeOptions, nativeMessaging } from "./extension/native-socket.js";
export { nativeRelay } from "./extension/native-relay.js";
export type { NativeSocket } from "./transports.js";

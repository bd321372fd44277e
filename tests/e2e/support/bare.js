// A WebSocket of the browser that says the bytes of a session's first call, and nothing else: what there is to be had at best. Served to
// pages under test as /bare.js.
import { connect } from "/client/index.js";

/** What a client sends up to its first answer: a hello, and a request of `health`. */
export async function spoken() {
  const packets = [];
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (bytes) {
    packets.push(bytes.slice());
    return send.call(this, bytes);
  };
  const agent = await connect(location.origin, { transports: ["websocket"] });
  const before = packets.length;
  await agent.request({ action: "health" });
  agent.close();
  WebSocket.prototype.send = send;
  return [packets[0], packets.slice(before).find(isData)];
}

/** Opens a WebSocket, says both at once and waits for the answer. Resolves with the open socket. */
export async function firstAnswer([hello, request]) {
  // A session of its own: the secret lies here.
  crypto.getRandomValues(hello.subarray(20, 52));
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/ws`, "tabagent.v1");
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => (socket.onopen = resolve));
  socket.send(hello);
  socket.send(request);
  await new Promise((resolve) => (socket.onmessage = ({ data }) => isData(new Uint8Array(data)) && resolve()));
  return socket;
}

/** The first byte of a packet that is numbered. */
const isData = (packet) => packet[0] === 2;

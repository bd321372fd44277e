// A client without the SDK: two ways to a data channel, and calls on it. Copy what you need; it needs nothing else.
// `server` is an address such as "http://127.0.0.1:9000"; `key` may be left out where the server lets local callers in.

/** The browser offers: one round trip. No candidate is sent; the server finds the browser by its packets. */
export async function clientOffers(server, key) {
  const post = poster(server, key);
  const peer = new RTCPeerConnection();
  // A channel without a `protocol` speaks plain JSON.
  const opening = opened(peer, peer.createDataChannel("plain"));

  await peer.setLocalDescription();
  const { session_id, answer } = await post("sessions", {
    offer: peer.localDescription,
  });
  await peer.setRemoteDescription(answer);

  return { peer, channel: await opening, session_id };
}

/** The server offers and makes the channel; the browser answers, and sends its candidates as it finds them. */
export async function serverOffers(server, key) {
  const post = poster(server, key);
  const { session_id, sdp, ice_servers } = await post("offer", {});
  const peer = new RTCPeerConnection({ iceServers: ice_servers });
  const opening = opened(peer);
  peer.onicecandidate = ({ candidate }) =>
    post("ice", { session_id, candidate }); // null: no more

  await peer.setRemoteDescription({ type: "offer", sdp });
  await peer.setLocalDescription();
  const answer = peer.localDescription.sdp;
  await post("answer", { session_id, sdp: answer });

  return { peer, channel: await opening, session_id };
}

/** Calls on an open channel: `await call({ action: "health" })`. Many may be under way; `id` tells their answers apart. */
export function caller(channel) {
  const waiting = new Map();
  let last = 0;
  channel.onmessage = ({ data }) => {
    let answer = JSON.parse(data);
    const call = waiting.get(answer.id);
    if (!call) return; // an event, or a warning
    if (answer.type === "part") { // above 64 KiB an answer comes in pieces
      call.text += answer.text;
      if (!answer.last) return;
      answer = JSON.parse(call.text);
    }
    if (answer.type === "chat_delta") return call.onDelta(answer.delta);
    waiting.delete(answer.id);
    answer.type === "error" ? call.reject(failure(answer)) : call.resolve(answer);
  };
  return (request, onDelta = () => {}) => new Promise((resolve, reject) => {
    const id = ++last;
    waiting.set(id, { resolve, reject, onDelta, text: "" });
    channel.send(JSON.stringify({ ...request, id }));
  });
}

/** POSTs to the signaling API; an error of the server is thrown with its code. */
function poster(server, key) {
  const headers = { "content-type": "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  return async (path, body) => {
    const reply = await fetch(`${server}/v1/webrtc/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const answer = await reply.json();
    if (!reply.ok) throw failure(answer);
    return answer;
  };
}

/** The channel, once open: the one given, or the one the server makes. Attached before anything can happen. */
function opened(peer, channel) {
  return new Promise((resolve, reject) => {
    if (channel) channel.onopen = () => resolve(channel);
    // Chromium calls a channel that arrives open too early, and may lose what is sent then; its statistics come when it is.
    peer.ondatachannel = (event) => (event.channel.onopen = () => peer.getStats().then(() => resolve(event.channel)));
    peer.onconnectionstatechange = () => peer.connectionState === "failed" && reject(new Error("no way through: is UDP blocked?"));
  });
}

function failure({ code, message }) {
  return new Error(`${code}: ${message}`);
}

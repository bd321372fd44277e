// Plain JSON on a data channel, as a page without the SDK would write it. Served to pages under test as /plain.js.

/** Opens a channel; `messages` are all that has arrived, parsed, `next()` waits until one satisfies its condition. */
export async function plainChannel() {
  const peer = new RTCPeerConnection();
  const channel = peer.createDataChannel("tabagent");
  const messages = [];
  const watchers = new Set();
  channel.onmessage = ({ data }) => {
    messages.push(JSON.parse(data));
    for (const watcher of watchers) watcher();
  };
  await peer.setLocalDescription();
  const body = JSON.stringify({ offer: peer.localDescription });
  const reply = await fetch("/v1/webrtc/sessions", { method: "POST", headers: { "content-type": "application/json" }, body });
  await peer.setRemoteDescription((await reply.json()).answer);
  if (channel.readyState !== "open") await new Promise((resolve) => (channel.onopen = resolve));
  return {
    messages,
    send: (request) => channel.send(JSON.stringify(request)),
    /** Waits for a state of the messages. */
    until: (satisfied) =>
      new Promise((resolve) => {
        const look = () => {
          if (!satisfied(messages)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    close: () => peer.close(),
  };
}

/** Whether a message is the last of its request. */
export const isAnswer = ({ type }) => type !== "event" && type !== "part" && !type.endsWith("_delta");

/** The answer whose parts these are. */
export function joined(parts) {
  const inOrder = [...parts].sort((a, b) => a.seq - b.seq);
  return JSON.parse(inOrder.map(({ text }) => text).join(""));
}

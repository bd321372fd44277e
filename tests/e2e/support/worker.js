// A dedicated worker with a client of its own, where there is no WebRTC. Served as /worker.js.
import { connect } from "/client/index.js";

const agent = await connect(location.origin);
const { status } = await agent.request({ action: "health" });
await new Promise((resolve) => setTimeout(resolve, 200));
const [webrtc] = (await agent.stats()).transports;
postMessage({ status, transport: agent.transport, webrtc: [webrtc.state, webrtc.error?.code] });
agent.close();

// Holds the one connection of the extension.
import { host } from "./tabagent/extension.js";
import { connect } from "./tabagent/index.js";

host(({ url, key }) => connect(url, { key, transports: ["webrtc"] }));

// Holds the one connection of the extension.
import { connect } from "@tabagent/client";
import { host } from "@tabagent/client/extension";

host<{ url: string; key: string }>(({ url, key }) => connect(url, { key, transports: ["webrtc"] }));

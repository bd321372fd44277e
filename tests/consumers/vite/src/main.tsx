// The page: React mounts everything twice, as it does while one develops.
import { connect } from "@tabagent/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app";

const asked = new URLSearchParams(location.search);
const [url, key] = [asked.get("url") ?? location.origin, asked.get("key") ?? undefined];

// With `own`, the page has an agent before it renders.
const source = asked.has("own") ? await connect(url, { key }) : url;
const root = createRoot(document.getElementById("root")!);
root.render(
  <StrictMode>
    <App source={source} keyOf={key} />
  </StrictMode>,
);

/** For the test: the last component goes, and whether the page's own agent is left alone. */
Object.assign(globalThis, { leave: () => root.unmount(), standing: () => typeof source === "object" && source.state });

// The page: React mounts everything twice, as it does while one develops.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app";

const asked = new URLSearchParams(location.search);
const [url, key] = [asked.get("url") ?? location.origin, asked.get("key") ?? undefined];

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App url={url} keyOf={key} />
  </StrictMode>,
);

// The manifest names the other pages; the offscreen document is created by the package, so it is named here.
import { crx } from "@crxjs/vite-plugin";
import { defineConfig } from "vite";

import manifest from "./manifest.json" with { type: "json" };

export default defineConfig({
  plugins: [crx({ manifest })],
  build: { rolldownOptions: { input: { offscreen: "offscreen.html" } } },
});

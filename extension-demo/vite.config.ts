// One bundle per context of the extension; what they share goes to files of its own.
import { defineConfig } from "vite";

export default defineConfig({
  // Files name each other relatively: an extension has no address that is known beforehand.
  base: "",
  build: {
    // As `minimum_chrome_version` in the manifest.
    target: "chrome116",
    // A service worker has no document to write preload links into, and files on the disk need none.
    modulePreload: false,
    rolldownOptions: {
      input: { panel: "panel.html", popup: "popup.html", options: "options.html", offscreen: "offscreen.html", worker: "src/worker.ts" },
      // The manifest names the worker's file.
      output: { entryFileNames: "[name].js", chunkFileNames: "shared/[name]-[hash].js", assetFileNames: "shared/[name]-[hash][extname]" },
    },
  },
});

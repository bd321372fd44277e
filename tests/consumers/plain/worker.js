// Lets the offscreen document be found.
import { broker } from "./tabagent/extension.js";

broker({ document: "offscreen.html", settings: () => chrome.storage.local.get(["url", "key"]) });

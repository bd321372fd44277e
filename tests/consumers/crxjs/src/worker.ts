// Lets the offscreen document be found.
import { broker } from "@tabagent/client/extension";

broker({ document: "offscreen.html", settings: () => chrome.storage.local.get(["url", "key"]) });

// What the page runs, as tsc wrote it.
import { TabagentError, connect } from "@tabagent/client";

import { count } from "./count.js";

const output = document.querySelector("output")!;
try {
  using agent = await connect(location.origin, { strict: true });
  // @ts-expect-error: no such action
  void agent.request({ action: "haelth" }).catch(() => {});
  output.textContent = `${agent.transport}:${await count(agent, 5)}`;
} catch (error) {
  output.textContent = error instanceof TabagentError ? error.code : String(error);
}

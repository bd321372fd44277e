// The popup: React, with the agent that lives in the offscreen document.
import { connect } from "@tabagent/client/extension";
import { useAgent, useStream } from "@tabagent/client/react";
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";

import { question, shown } from "./question";

function Popup() {
  const { agent } = useAgent(connect);
  const chat = useStream(agent, "chat");
  // It waits for the agent.
  useEffect(() => chat.start(question), []);
  return <output>{agent && chat.status === "done" && shown(agent, chat.items)}</output>;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Popup />
  </StrictMode>,
);

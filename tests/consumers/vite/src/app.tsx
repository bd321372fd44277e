// Two components that use one agent: its state, and a chat that a button starts.
import { type Agent, useAgent, useStream } from "@tabagent/client/react";

interface Server {
  source: string | Agent;
  keyOf?: string | undefined;
}

export function App(server: Server) {
  return (
    <>
      <Status {...server} />
      <Chat {...server} />
    </>
  );
}

function Status({ source, keyOf }: Server) {
  const { state, transport, error, retry } = useAgent(source, { key: keyOf });
  return (
    <p>
      <output id="state">{state}</output> <output id="transport">{transport}</output> <output id="error">{error?.code}</output>
      <button id="retry" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

function Chat({ source, keyOf }: Server) {
  const { agent } = useAgent(source, { key: keyOf });
  const chat = useStream(agent, "chat");
  return (
    <p>
      <button id="start" onClick={() => chat.start({ model: "default", messages: [{ role: "user", content: "Count to 50" }] })}>
        Count
      </button>
      <button id="endless" onClick={() => chat.start({ model: "default", messages: [{ role: "user", content: "Count to 5000" }] })}>
        Count on
      </button>
      <button id="cancel" onClick={chat.cancel}>
        Stop
      </button>
      <output id="status">{chat.status}</output>
      <output id="whole">{String(chat.response?.response === chat.items.map(({ delta }) => delta).join(""))}</output>
      <output id="text">{chat.items.map(({ delta }) => delta)}</output>
    </p>
  );
}

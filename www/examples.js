// Requests to start from in the composer. Each is a whole request: what you see is what is sent.

/** Events that the log shows when they come. Those of one's own calls come always, the others after `subscribe`. */
export const EVENTS = ["generation_stopped", "server_draining", "events_lost", "warning"];

/** Label → request. `stream: true` makes the composer use `agent.stream()`. */
export const EXAMPLES = {
  health: { action: "health" },
  system_info: { action: "system_info" },
  get_stats: { action: "get_stats" },
  list_models: { action: "list_models" },
  "chat, whole": {
    action: "chat", model: "default", messages: [{ role: "user", content: "Say hello in one sentence." }], max_tokens: 64,
  },
  "chat, streamed": {
    action: "chat", model: "default", stream: true, request_id: "page-1",
    messages: [{ role: "system", content: "You are brief." }, { role: "user", content: "Count to 60." }],
  },
  generate: { action: "generate", model: "default", prompt: "Once upon a time", temperature: 0.7, max_tokens: 48 },
  embeddings: { action: "embeddings", model: "default", input: ["a data channel", "a garden hose"] },
  save_message: {
    action: "save_message", session_id: "trip-to-lisbon", message: { role: "user", content: "Where does the night train leave?" },
  },
  chat_history: { action: "chat_history", session_id: "trip-to-lisbon", limit: 20 },
  get_hf_token_status: { action: "get_hf_token_status" },
  stop_generation: { action: "stop_generation", request_id: "chat-1" },
  subscribe: { action: "subscribe", events: ["generation_stopped", "server_draining"] },
};

// Requests to start from in the composer. Each is a whole request: what you see is what is sent.

/** Events that the log shows when they come. Those of one's own calls come always, the others after `subscribe`. */
export const EVENTS = [
  "model_loading_progress", "download_progress", "model_loaded", "model_unloaded",
  "generation_stopped", "server_draining", "events_lost", "warning",
];

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
  responses: { action: "responses", model: "default", instructions: "Be brief.", input: "Count to 5." },
  load_model: { action: "load_model", model_id: "tabagent/reference-guide", variant: "q8" },
  "chat, with the guide": {
    action: "chat", model: "tabagent/reference-guide", stream: true,
    messages: [{ role: "user", content: "How do I give a page a key?" }],
  },
  get_loaded_models: { action: "get_loaded_models" },
  select_model: { action: "select_model", model_id: "tabagent/reference-chat" },
  unload_model: { action: "unload_model", model_id: "tabagent/reference-guide" },
  pull_model: { action: "pull_model", model: "tabagent/reference-guide" },
  delete_model: { action: "delete_model", model_id: "tabagent/reference-guide" },
  get_recipes: { action: "get_recipes" },
  get_params: { action: "get_params" },
  set_params: { action: "set_params", max_new_tokens: 200, stop_sequences: ["\n\n"] },
  save_inference_settings: {
    action: "save_inference_settings", repo_id: "tabagent/reference-guide", variant: "q8", settings: { max_new_tokens: 400 },
  },
  get_resources: { action: "get_resources" },
  get_hardware_info: { action: "get_hardware_info" },
  get_recommended_models: { action: "get_recommended_models" },
  estimate_memory: { action: "estimate_memory", model: "Qwen2.5-7B-Instruct", quantization: "q4_k_m", context_length: 8192 },
  save_message: {
    action: "save_message", session_id: "trip-to-lisbon", message: { role: "user", content: "Where does the night train leave?" },
  },
  chat_history: { action: "chat_history", session_id: "trip-to-lisbon", limit: 20 },
  get_hf_token_status: { action: "get_hf_token_status" },
  rerank: {
    action: "rerank", model: "default", query: "baking bread", top_n: 2,
    documents: ["a garden hose", "how bread is baked", "cakes and bread, freshly baked"],
  },
  rag_query: {
    action: "rag_query", query: "who bakes?", top_k: 2, filters: { lang: "en" },
    documents: [
      { id: "hose", content: "A garden hose waters beds.", metadata: { lang: "en" } },
      { id: "bread", content: "The baker baked bread.", metadata: { lang: "en" } },
    ],
  },
  semantic_search_query: {
    action: "semantic_search_query", query: "baking", k: 1, documents: ["watering the garden", "freshly baked"],
  },
  calculate_similarity: { action: "calculate_similarity", text1: "how bread is baked", text2: "baking bread" },
  evaluate_embeddings: {
    action: "evaluate_embeddings", model: "default", queries: ["baked bread", "gardening"],
    documents: ["a garden hose", "how bread is baked"],
  },
  cluster_documents: {
    action: "cluster_documents", n_clusters: 2, documents: ["red wine", "data channels", "white wine", "a data channel"],
  },
  recommend_content: {
    action: "recommend_content", query: "warm bread", top_n: 2,
    candidates: ["bread rolls for breakfast", "breakfast with bread rolls", "freshly baked bread", "a bicycle"],
  },
  stop_generation: { action: "stop_generation", request_id: "chat-1" },
  get_halt_status: { action: "get_halt_status" },
  subscribe: { action: "subscribe", events: ["generation_stopped", "model_loaded", "server_draining"] },
};

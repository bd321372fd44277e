// Written from the server's own types. Do not edit: GET /v1/types.ts writes it anew.

/** Says how alike two texts are. */
export type CalculateSimilarity = {
  /** The one text. */
  text1: string;
  /** The other. */
  text2: string;
  /** Id of the model. Default: the default model for embeddings. */
  model?: string;
};

/** Continues a conversation. */
export type Chat = {
  /** Id of the model, or `default`. */
  model: string;
  /** What has been said so far; at least one. */
  messages: ChatMessage[];
  /** 0 to 2. Default: of `get_params`. */
  temperature?: number;
  /** Tokens after which the answer ends, 1 to 100000. Default: of `get_params`. */
  max_tokens?: number;
  /** 0 to 1. Default: of `get_params`. */
  top_p?: number;
  /** The answer ends before any of these. */
  stop?: Stop;
  /** The answer also comes in pieces while it is made. Default: false. */
  stream?: boolean;
  /** The caller's name of this call, for `stop_generation`. */
  request_id?: string;
};

/** One piece of a text under way, of `chat` and of `generate` alike. */
export type ChatDelta = {
  type: "chat_delta";
  /** The piece. All pieces joined are the response's text. */
  delta: string;
  /** 0, 1, 2, … within its call. */
  index: number;
};

/** Asks for the newest messages of a conversation. */
export type ChatHistory = {
  /** The caller's own name of the conversation. */
  session_id: string;
  /** How many messages at most, 1 to 1000. Default: 100. There are fewer where they are very long. */
  limit?: number;
  /** Only messages older than the one of this id: how to get at those before the newest. Default: all. */
  before?: string;
};

/** Messages of a conversation. */
export type ChatHistoryResponse = {
  type: "chat_history_response";
  /** Which conversation. */
  session_id: string;
  /** The newest ones that were asked for, oldest first. */
  messages: StoredMessage[];
  /** How many messages the conversation has. */
  total_count: number;
};

/** One message of a conversation. */
export type ChatMessage = {
  /** Who speaks. */
  role: MessageRole;
  /** What is said. */
  content: string;
  /** Name of the speaker, where several share a role. */
  name?: string;
};

/** The whole answer of `chat`. */
export type ChatResponse = {
  type: "chat_response";
  /** Name of the call. */
  id: string;
  /** The model that answered. */
  model: string;
  /** What it said. */
  response: string;
  /** Tokens read and produced. */
  usage: Usage;
  /** Why it ended. */
  finish_reason: FinishReason;
};

/** Forgets the Hugging Face token. */
export type ClearHfToken = Record<never, never>;

/** Groups texts by what they are about. */
export type ClusterDocuments = {
  /** The texts; at least one. */
  documents: string[];
  /** How many groups, at most one for each text. Default: 5. */
  n_clusters?: number;
  /** Id of the model. Default: the default model for embeddings. */
  model?: string;
};

/** The groups. */
export type ClusterResponse = {
  type: "cluster_response";
  /** The group of each text, in the order of the texts; they are numbered as they first appear. */
  clusters: number[];
  /** How many texts each group has. */
  sizes: number[];
  /** The vector in the middle of each group. */
  centers: number[][];
};

/** A processor. */
export type Cpu = {
  /** What its maker calls it. */
  model: string;
  /** Physical cores. */
  cores: number;
  /** Hardware threads. */
  threads: number;
};

/** A text with what is known of it. */
export type DescribedDocument = {
  /** What results call it. Default: its place in the list. */
  id?: string;
  /** The text. */
  content: string;
  /** What filters look at; comes back with the result. */
  metadata?: Record<string, unknown>;
};

/** How vectors travel. */
export type EmbeddingEncoding = "json" | "binary";

/** How vectors look in JSON. */
export type EmbeddingFormat = "float" | "base64";

/** Turns texts into vectors. */
export type Embeddings = {
  /** Id of the model, or `default`. */
  model: string;
  /** One text or several, none of them empty. */
  input: TextInput;
  /** How the vectors travel. Default: `json`. */
  encoding?: EmbeddingEncoding;
  /** How vectors look in JSON. Default: `float`. */
  encoding_format?: EmbeddingFormat;
};

/** The vectors, in the order of the texts: in `embeddings`, in `embeddings_base64`, or in the payload. */
export type EmbeddingsResponse = {
  type: "embeddings_response";
  /** The model that made them. */
  model: string;
  /** The vectors as numbers (the default). */
  embeddings?: number[][];
  /** The vectors as text, with `encoding_format: "base64"`. */
  embeddings_base64?: string[];
  /** How many vectors the payload has, with `encoding: "binary"`. */
  count?: number;
  /** Numbers in each vector. */
  dimensions: number;
  /** Tokens read. */
  usage: Usage;
};

/** Compares every query with every document: whether a model's embeddings find what they should. */
export type EvaluateEmbeddings = {
  /** Id of the model, or `default`. */
  model: string;
  /** What is asked; at least one. */
  queries: string[];
  /** What may answer; at least one. */
  documents: string[];
};

/** How alike queries and documents are to a model. */
export type EvaluationResponse = {
  type: "evaluation_response";
  /** The model. */
  model: string;
  /** A row for each query, in it the cosine with each document. */
  scores: number[][];
  /** The mean of all scores: where the best are not well above it, the model tells nothing apart. */
  mean: number;
  /** For each query the place of the document that is most like it. */
  best: number[];
};

/** The reader was too slow for its subscription. */
export type EventsLost = {
  /** Events dropped, the oldest first. */
  count: number;
};

/** Why a generated text ended. */
export type FinishReason = "stop" | "length" | "content_filter" | "cancelled" | "error";

/** Continues a text. */
export type Generate = {
  /** Id of the model, or `default`. */
  model: string;
  /** The text so far. */
  prompt: string;
  /** 0 to 2. Default: of `get_params`. */
  temperature?: number;
  /** Tokens after which the text ends, 1 to 100000. Default: of `get_params`. */
  max_tokens?: number;
  /** 0 to 1. Default: of `get_params`. */
  top_p?: number;
  /** The text ends before any of these. */
  stop?: Stop;
  /** The text also comes in pieces while it is made. Default: false. */
  stream?: boolean;
};

/** The whole answer of `generate`. */
export type GenerateResponse = {
  type: "generate_response";
  /** Name of the call. */
  id: string;
  /** The model that answered. */
  model: string;
  /** What it wrote. */
  text: string;
  /** Tokens read and produced. */
  usage: Usage;
  /** Why it ended. */
  finish_reason: FinishReason;
};

/** A call was ended by `stop_generation`. */
export type GenerationStopped = {
  /** Name of the call. */
  request_id: string;
};

/** Asks whether there is a Hugging Face token. */
export type GetHfTokenStatus = Record<never, never>;

/** Asks what the server has done since it started. */
export type GetStats = Record<never, never>;

/** A graphics processor. */
export type Gpu = {
  /** What its maker calls it. */
  name: string;
  /** Bytes of its own memory. */
  memory_bytes: number;
  /** Its maker. */
  vendor: string;
};

/** Asks whether the server is well. */
export type Health = Record<never, never>;

/** How the server is. */
export type HealthResponse = {
  type: "health_response";
  /** In one word. */
  status: HealthStatus;
  /** Version of the server. */
  version: string;
  /** The server's time of day, RFC 3339. */
  timestamp: string;
  /** Seconds since the server started. */
  uptime_seconds: number;
};

/** How the server is, in one word. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";

/** Whether there is a Hugging Face token. */
export type HfTokenStatusResponse = {
  type: "hf_token_status_response";
  /** There is one. */
  has_token: boolean;
};

/** How one generation went. */
export type LastGeneration = {
  /** From the request to the first token. */
  time_to_first_token_ms: number;
  /** Mean rate from the request to the last token. */
  tokens_per_second: number;
  /** Tokens read. */
  input_tokens: number;
  /** Tokens produced. */
  output_tokens: number;
  /** From the request to the last token. */
  total_time_ms: number;
};

/** Asks which models there are. */
export type ListModels = {
  /** Only models whose id, name or one of whose capabilities contains this. */
  filter?: string;
};

/** Main memory. */
export type Memory = {
  /** Bytes in the machine. */
  total_bytes: number;
  /** Bytes that a new program could have. */
  available_bytes: number;
};

/** Who speaks in a conversation. */
export type MessageRole = "system" | "user" | "assistant" | "function" | "tool";

/** A message was kept. */
export type MessageSavedResponse = {
  type: "message_saved_response";
  /** Of which conversation. */
  session_id: string;
  /** Its id. */
  message_id: string;
};

/** A model. */
export type ModelInfo = {
  /** What requests name it by. */
  id: string;
  /** What people call it. */
  name: string;
  /** What runs it. */
  backend: string;
  /** Whether it can answer at once. */
  loaded: boolean;
  /** Bytes on disk. */
  size_bytes?: number;
  /** Parameters as its maker counts them: `8B`. */
  parameters?: string;
  /** The actions it can serve: `chat`, `generate`, `embeddings`, `rerank`. */
  capabilities: string[];
};

/** The models there are. */
export type ModelListResponse = {
  type: "model_list_response";
  /** The first that can chat is what `default` means until another is selected. */
  models: ModelInfo[];
};

/** A message to be kept. */
export type NewMessage = {
  /** Who speaks. */
  role: MessageRole;
  /** What is said. */
  content: string;
  /** Name of the speaker, where several share a role. */
  name?: string;
};

/** Finds what helps to answer a question: by the words and the meaning of documents, or of stored messages. */
export type RagQuery = {
  /** What is asked. */
  query: string;
  /** How many results at most, 1 to 1000. Default: 10. */
  top_k?: number;
  /** Only what has these values in its metadata; of stored messages `session_id` and `role`. */
  filters?: Record<string, unknown>;
  /** What to search. Default: the caller's stored messages. */
  documents?: SearchDocument[];
};

/** What helps to answer. */
export type RagResponse = {
  type: "rag_response";
  /** Best first. */
  results: SearchResult[];
  /** Milliseconds that the search took. */
  query_time_ms: number;
};

/** Chooses what somebody may like who likes the query, without repeating itself. */
export type RecommendContent = {
  /** What is liked: a text, a title, an interest. */
  query: string;
  /** What may be recommended; at least one. */
  candidates: string[];
  /** How many at most. Default: 10. */
  top_n?: number;
  /** Id of the model. Default: the default model for embeddings. */
  model?: string;
};

/** What is recommended. */
export type RecommendResponse = {
  type: "recommend_response";
  /** In the order to show them. */
  recommendations: Recommendation[];
};

/** Something to recommend. */
export type Recommendation = {
  /** Its place among the candidates. */
  index: number;
  /** How like the query it is, less what it repeats of earlier ones; only scores of one answer can be compared. */
  score: number;
  /** The text. */
  content: string;
};

/** Orders documents by how well they answer a query. */
export type Rerank = {
  /** Id of the model, or `default`. */
  model: string;
  /** What is asked. */
  query: string;
  /** The texts to order; at least one, none of them empty. */
  documents: string[];
  /** How many results at most. Default: all. */
  top_n?: number;
};

/** The documents that answer best. */
export type RerankResponse = {
  type: "rerank_response";
  /** The model that ordered them. */
  model: string;
  /** Best first. */
  results: RerankResult[];
};

/** A document in its place. */
export type RerankResult = {
  /** Its place in the request. */
  index: number;
  /** How well it answers; more is better, and only scores of one answer can be compared. */
  score: number;
  /** The text. */
  document: string;
};

/** An action's row. */
export type Route = {
  /** What requests write into `action`. */
  action: string;
  /** HTTP method. */
  method: string;
  /** HTTP path; `{name}` stands for the field of that name. */
  path: string;
  /** Chapters of the documentation it belongs to. */
  tags: string[];
  /** What it does, in one sentence. */
  description: string;
  /** Whether it can answer piece by piece. */
  streaming: boolean;
  /** Whether the caller must have a key, or be on this machine where the server lets local callers in. */
  requires_auth: boolean;
};

/** Asks which actions the server has, and where each is reached over HTTP. */
export type Routes = Record<never, never>;

/** Every action of the server. */
export type RoutesResponse = {
  type: "routes_response";
  /** The product's actions in the order of their documentation, then the program's own. */
  routes: Route[];
  /** How many they are. */
  total: number;
};

/** Keeps a message of a conversation, which begins with its first one. */
export type SaveMessage = {
  /** The caller's own name of the conversation; another caller's may have the same. */
  session_id: string;
  /** What is kept. */
  message: NewMessage;
};

/** Something to search: a text, or a text with what is known of it. */
export type SearchDocument = string | DescribedDocument;

/** Something found. */
export type SearchResult = {
  /** Of a message its id; of a document its own, or else its place in the list. */
  id: string;
  /** How well it answers; more is better, and only scores of one answer can be compared. */
  score: number;
  /** The text. */
  content: string;
  /** What is known of it; of a message `session_id`, `role`, `created_at` and, where it has one, `name`. */
  metadata?: Record<string, unknown>;
};

/** Finds what means something alike, whatever words it uses: among documents, or stored messages. */
export type SemanticSearchQuery = {
  /** What is looked for. */
  query: string;
  /** How many results at most, 1 to 1000. Default: 10. */
  k?: number;
  /** Only what has these values in its metadata; of stored messages `session_id` and `role`. */
  filters?: Record<string, unknown>;
  /** What to search. Default: the caller's stored messages. */
  documents?: SearchDocument[];
};

/** What is nearest. */
export type SemanticSearchResponse = {
  type: "semantic_search_response";
  /** Nearest first. */
  results: SearchResult[];
  /** Milliseconds that the search took. */
  query_time_ms: number;
};

/** The server is about to shut down. */
export type ServerDraining = {
  /** Milliseconds that running calls still have. */
  deadline_ms: number;
};

/** Connections of the signaling API, by state. */
export type SessionCounts = {
  /** Made since the server started. */
  total: number;
  /** Alive now, in any state. */
  active: number;
  /** Waiting for an answer or for ICE. */
  waiting: number;
  /** With an open data channel. */
  connected: number;
  /** Alive, but their transport is gone. */
  disconnected: number;
  /** Ended by the server's cleaning. */
  cleaned_up: number;
};

/** Keeps a Hugging Face token, in place of the one before. */
export type SetHfToken = {
  /** Begins with `hf_`; at most 1024 bytes, all of them letters, digits or signs. */
  token: string;
};

/** How alike two texts are. */
export type SimilarityResponse = {
  type: "similarity_response";
  /** The cosine of their vectors: 1 for the same, about 0 for nothing in common. */
  similarity: number;
  /** The model that compared them. */
  model: string;
};

/** What the server has done since it started. */
export type StatsResponse = {
  type: "stats_response";
  /** Seconds since the server started. */
  uptime_seconds: number;
  /** Requests that arrived. */
  total_requests: number;
  /** Requests answered. */
  successful_requests: number;
  /** Requests refused, failed or cancelled. */
  failed_requests: number;
  /** Mean time from a request's arrival to the end of its answer. */
  average_response_time_ms: number;
  /** Models ready to answer. */
  models_loaded: number;
  /** Memory of the server process. */
  memory_used_mb: number;
  /** Connections of the signaling API. */
  sessions: SessionCounts;
  /** Messages sent over data channels. */
  messages_sent: number;
  /** Messages received over data channels. */
  messages_received: number;
  /** Bytes of these. */
  bytes_sent: number;
  /** Bytes of these. */
  bytes_received: number;
  /** Tokens that models have produced. It stands still when nothing is being generated. */
  tokens_generated: number;
  /** The most recent generation; absent before the first. */
  last_generation?: LastGeneration;
};

/** One stop string or several. */
export type Stop = string | string[];

/** Ends calls by name: those of this session, or else those of the same caller in other sessions. */
export type StopGeneration = {
  /** What the call to be ended was named. */
  request_id: string;
};

/** How many calls were ended. */
export type StopGenerationResponse = {
  type: "stop_generation_response";
  /** 0 when no running call has that name. */
  stopped_count: number;
};

/** A message that is kept. */
export type StoredMessage = {
  /** Its id. Of two messages, the later one has the greater id. */
  id: string;
  /** Who speaks. */
  role: MessageRole;
  /** What is said. */
  content: string;
  /** Name of the speaker, where several share a role. */
  name?: string;
  /** When it was saved, RFC 3339. */
  created_at: string;
};

/** Asks for events by name, in addition to those already asked for. */
export type Subscribe = {
  /** Names of events, such as `model_loaded`; a name that nothing sends is no error. */
  events: string[];
};

/** The subscription as it is now. */
export type SubscribeResponse = {
  type: "subscribe_response";
  /** Every event this session is subscribed to, sorted. */
  events: string[];
};

/** It is done. Rows of such actions say `response: "success"`. */
export type Success = {
  type: "success";
  /** What was done, for people. */
  message: string;
};

/** A machine. */
export type System = {
  /** Operating system with its version. */
  os: string;
  /** Processor architecture: `x86_64`, `aarch64`, … */
  arch: string;
  /** Processor. */
  cpu: Cpu;
  /** Main memory. */
  memory: Memory;
  /** Graphics processors; empty when none is known. */
  gpus: Gpu[];
};

/** Asks what machine the server runs on. */
export type SystemInfo = Record<never, never>;

/** What machine the server runs on. */
export type SystemInfoResponse = {
  type: "system_info_response";
  /** The machine. */
  system: System;
};

/** One text or several. */
export type TextInput = string | string[];

/** Asks for events no longer. */
export type Unsubscribe = {
  /** Names of events; one that was not subscribed to is no error. */
  events: string[];
};

/** The subscription as it is now. */
export type UnsubscribeResponse = {
  type: "unsubscribe_response";
  /** Every event this session is still subscribed to, sorted. */
  events: string[];
};

/** Tokens read and produced. */
export type Usage = {
  /** Tokens of the request. */
  prompt_tokens: number;
  /** Tokens of the answer. */
  completion_tokens: number;
  /** Both. */
  total_tokens: number;
};

/** Something works, but not as well as it could. */
export type Warning = {
  /** Stable name of the matter. */
  code: string;
  /** One sentence for people, with what to do. */
  message: string;
};

/** Every action of the server: what is asked, what is answered, what a stream of it is made of. */
export interface Actions {
  /** Says whether the server is well, which version it is and how long it has been running. */
  health: { request: Health; response: HealthResponse; item: never };
  /** Describes the machine: operating system, processor, memory, graphics. */
  system_info: { request: SystemInfo; response: SystemInfoResponse; item: never };
  /** Counts requests, connections, bytes and tokens since the server started. */
  get_stats: { request: GetStats; response: StatsResponse; item: never };
  /** Lists the models that can be asked. */
  list_models: { request: ListModels; response: ModelListResponse; item: never };
  /** Continues a conversation, in one piece or streamed. */
  chat: { request: Chat; response: ChatResponse; item: ChatDelta };
  /** Continues a text, in one piece or streamed. */
  generate: { request: Generate; response: GenerateResponse; item: ChatDelta };
  /** Turns texts into vectors that are close where the texts are alike. */
  embeddings: { request: Embeddings; response: EmbeddingsResponse; item: never };
  /** Orders documents by how well they answer a query. */
  rerank: { request: Rerank; response: RerankResponse; item: never };
  /** Finds the documents or stored messages that help to answer a question, by words and meaning. */
  rag_query: { request: RagQuery; response: RagResponse; item: never };
  /** Finds the documents or stored messages whose meaning is nearest to a text. */
  semantic_search_query: { request: SemanticSearchQuery; response: SemanticSearchResponse; item: never };
  /** Says how alike two texts are. */
  calculate_similarity: { request: CalculateSimilarity; response: SimilarityResponse; item: never };
  /** Compares every query with every document by the vectors of a model. */
  evaluate_embeddings: { request: EvaluateEmbeddings; response: EvaluationResponse; item: never };
  /** Groups texts by what they are about. */
  cluster_documents: { request: ClusterDocuments; response: ClusterResponse; item: never };
  /** Chooses what is like a query, without repeating itself. */
  recommend_content: { request: RecommendContent; response: RecommendResponse; item: never };
  /** Keeps a message of a conversation; when it is answered, the message is on the disk. */
  save_message: { request: SaveMessage; response: MessageSavedResponse; item: never };
  /** Lists the newest messages of a conversation, oldest first; one that is unknown, or somebody else's, is empty. */
  chat_history: { request: ChatHistory; response: ChatHistoryResponse; item: never };
  /** Ends running calls by their request_id; what they had produced is their answer. */
  stop_generation: { request: StopGeneration; response: StopGenerationResponse; item: never };
  /** Keeps a Hugging Face token, for models that need one; it is never shown again. */
  set_hf_token: { request: SetHfToken; response: Success; item: never };
  /** Says whether there is a Hugging Face token, and nothing else of it. */
  get_hf_token_status: { request: GetHfTokenStatus; response: HfTokenStatusResponse; item: never };
  /** Forgets the Hugging Face token; it is no failure if there is none. */
  clear_hf_token: { request: ClearHfToken; response: Success; item: never };
  /** Asks for events by name; over HTTP this is GET /v1/events. */
  subscribe: { request: Subscribe; response: SubscribeResponse; item: never };
  /** Takes back a subscription by the events' names. */
  unsubscribe: { request: Unsubscribe; response: UnsubscribeResponse; item: never };
  /** Lists every action of this server with its HTTP method and path. */
  routes: { request: Routes; response: RoutesResponse; item: never };
}

/** Every action that the server asks its clients for. */
export interface ClientActions {
}

/** Events that the server sends. */
export interface Events {
  generation_stopped: { type: "event"; event: "generation_stopped" } & GenerationStopped;
  events_lost: { type: "event"; event: "events_lost" } & EventsLost;
  server_draining: { type: "event"; event: "server_draining" } & ServerDraining;
  warning: { type: "event"; event: "warning" } & Warning;
}

/** The types of `connect<Api>()`. */
export interface Api {
  actions: Actions;
  events: Events;
  clientActions: ClientActions;
}

/** Every request, told apart by `action`. */
export type Request = { [A in keyof Actions]: { action: A } & Actions[A]["request"] }[keyof Actions];

/** Every answer, told apart by `type`. */
export type Response = Actions[keyof Actions]["response"];

// Written from the server's own types. Do not edit: GET /v1/types.ts writes it anew.

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

/** A processor. */
export type Cpu = {
  /** What its maker calls it. */
  model: string;
  /** Physical cores. */
  cores: number;
  /** Hardware threads. */
  threads: number;
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
  /** The actions it can serve: `chat`, `generate`, `embeddings`. */
  capabilities: string[];
};

/** The models there are. */
export type ModelListResponse = {
  type: "model_list_response";
  /** The first that can chat is what `default` means until another is selected. */
  models: ModelInfo[];
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
  /** Ends running calls by their request_id; what they had produced is their answer. */
  stop_generation: { request: StopGeneration; response: StopGenerationResponse; item: never };
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

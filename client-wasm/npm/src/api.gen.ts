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

/** Asks whether a model of this size could be loaded now. */
export type CheckModelFeasibility = {
  /** What it takes of the memory, above 0. */
  model_size_mb: number;
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

/** Asks whether a model could run here. */
export type Compatibility = {
  /** As in `estimate_memory`. */
  model: string;
  /** As in `estimate_memory`. */
  quantization?: string;
  /** As in `estimate_memory`. */
  context_length?: number;
};

/** Whether a model could run here. */
export type CompatibilityResponse = {
  type: "compatibility_response";
  /** Whether nothing is missing. */
  compatible: boolean;
  /** What it needs, one sentence each. */
  requirements: string[];
  /** What of it is not here. */
  missing_requirements: string[];
  /** What to do. */
  recommendations: string[];
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

/** Removes a model that was pulled. */
export type DeleteModel = {
  /** Id of the model. */
  model_id: string;
};

/** A model that is present no more. */
export type DeleteModelResponse = {
  type: "delete_model_response";
  /** Which. */
  model_id: string;
  /** True: a failure is answered as an error. */
  success: boolean;
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

/** A model is being fetched. */
export type DownloadProgress = {
  /** Which. */
  model: string;
  /** How far it is. */
  status: DownloadStatus;
  /** 0 to 100. */
  progress: number;
  /** Bytes that are here. */
  loaded: number;
  /** Bytes in all. */
  total: number;
};

/** How far a model is on its way to this machine. */
export type DownloadStatus = "downloading" | "completed" | "failed" | "cancelled";

/** How vectors travel. */
export type EmbeddingEncoding = "json" | "binary";

/** How vectors look in JSON. */
export type EmbeddingFormat = "float" | "base64";

/** A model that makes vectors. */
export type EmbeddingModel = {
  /** Its id: what requests write into `model`. */
  name: string;
  /** Numbers in each vector. */
  dimensions: number;
  /** What runs it. */
  backend: string;
};

/** The models that make vectors. */
export type EmbeddingModelsResponse = {
  type: "embedding_models_response";
  /** In the order of `list_models`. */
  models: EmbeddingModel[];
};

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

/** Asks how much memory a model would take. */
export type EstimateMemory = {
  /** Id of a model known here, or any name that says the number of its parameters: `…-7B-…`. */
  model: string;
  /** How its numbers are kept: `f16`, `q8_0`, `q4_k_m`, … Default: what the name says, or else `f16`. */
  quantization?: string;
  /** Tokens of prompt and answer together. Default: 4096. */
  context_length?: number;
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

/** Whether a model of a size could be loaded now. */
export type FeasibilityResponse = {
  type: "feasibility_response";
  /** Whether 70 % of the free memory, the machine's or a graphics processor's, are enough. */
  can_load: boolean;
  /** The size that was asked about. */
  model_size_mb: number;
  /** What a new program could have of the main memory. */
  available_ram_mb: number;
  /** What is free of the memory of the graphics processor with the most; 0 when none says. */
  available_vram_mb: number;
  /** What to do, in one sentence. */
  recommendation: string;
};

/** One entry of a folder. */
export type FileEntry = {
  /** Its name in the folder. */
  name: string;
  /** What it is. */
  kind: FileKind;
  /** Bytes of a file; 0 for everything else. */
  bytes: number;
  /** When it was last changed, RFC 3339. */
  modified?: string;
};

/** What an entry is. */
export type FileKind = "file" | "folder" | "other";

/** What is in a folder, by name. */
export type FileListResponse = {
  type: "file_list_response";
  /** The folder. */
  path: string;
  /** What is in it. */
  entries: FileEntry[];
  /** There is more than is listed. */
  truncated: boolean;
};

/** Some bytes of a file; they are the payload. */
export type FilePiece = {
  type: "read_file_item";
  /** Where in the file the payload begins. */
  offset: number;
  /** Bytes that this call will bring in all, as far as it is known. */
  total: number;
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

/** Asks which models make vectors. */
export type GetEmbeddingModels = Record<never, never>;

/** Asks whether generation was stopped. */
export type GetHaltStatus = Record<never, never>;

/** Asks what the machine has for running models. */
export type GetHardwareInfo = Record<never, never>;

/** Asks whether there is a Hugging Face token. */
export type GetHfTokenStatus = Record<never, never>;

/** Asks for the settings saved for a model. */
export type GetInferenceSettings = {
  /** Id of the model. */
  repo_id: string;
  /** One of its variants, as `get_model_quants` says them. */
  variant: string;
};

/** Asks which models are in memory. */
export type GetLoadedModels = Record<never, never>;

/** Asks about one model. */
export type GetModelInfo = {
  /** Id of the model, as `list_models` says it. */
  model_id: string;
};

/** Asks in which variants there is a model. */
export type GetModelQuants = {
  /** Id of the model. */
  repo_id: string;
};

/** Asks for the settings of generation. */
export type GetParams = Record<never, never>;

/** Asks in which ways models could be run here. */
export type GetRecipes = Record<never, never>;

/** Asks which sizes of models this machine is good for. */
export type GetRecommendedModels = Record<never, never>;

/** Asks what is in use of this machine. */
export type GetResources = Record<never, never>;

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

/** Whether generation was stopped, by whomever. */
export type HaltStatusResponse = {
  type: "halt_status_response";
  /** A call was ended by `stop_generation`, and none that generates has begun since. */
  is_halted: boolean;
  /** Calls that are running, of everybody, but for this one. */
  active_requests: number;
  /** When a call was last ended by `stop_generation`, RFC 3339; absent if none ever was. */
  last_halt_time?: string;
};

/** A processor. */
export type HardwareCpu = {
  /** Its maker, in its maker's spelling: `GenuineIntel`. */
  vendor: string;
  /** What its maker calls it. */
  model_name: string;
  /** `x86_64`, `aarch64`, … */
  architecture: string;
  /** Physical cores. */
  cores: number;
  /** Hardware threads. */
  threads: number;
};

/** What the machine has for running models. */
export type HardwareInfoResponse = {
  type: "hardware_info_response";
  /** Processor. */
  cpu: HardwareCpu;
  /** Main memory. */
  memory: HardwareMemory;
  /** Graphics processors; empty when none is known. */
  gpus: Gpu[];
  /** What the models here run on: `cpu`. */
  execution_provider: string;
};

/** Main memory. */
export type HardwareMemory = {
  /** In the machine. */
  total_ram_mb: number;
  /** What a new program could have. */
  available_ram_mb: number;
  /** The rest. */
  used_ram_mb: number;
  /** The total in one word. */
  ram_tier: RamTier;
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

/** The settings saved for a model. */
export type InferenceSettingsResponse = {
  type: "inference_settings_response";
  /** Id of the model. */
  repo_id: string;
  /** Its variant. */
  variant: string;
  /** What is saved; empty if nothing is. */
  settings: Params;
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

/** Asks what is in a folder. */
export type ListFiles = {
  /** Path below the served folder, with `/`. Default: the served folder itself. */
  path?: string;
};

/** Asks which models there are. */
export type ListModels = {
  /** Only models whose id, name or one of whose capabilities contains this. */
  filter?: string;
};

/** Brings a model into memory. */
export type LoadModel = {
  /** Id of the model. */
  model_id: string;
  /** Which of its variants, one of `get_model_quants`. Default: the one that is loaded, or else the first. */
  variant?: string;
  /** Loads it anew though it is loaded. Default: false. */
  force_reload?: boolean;
};

/** Whether a call loaded its model. */
export type LoadStatus = "loaded" | "already_loaded";

/** A model in memory. */
export type LoadedModel = {
  /** What requests name it by. */
  id: string;
  /** What people call it. */
  name: string;
  /** The variant that is loaded, one of `get_model_quants`. */
  variant: string;
  /** Bytes of memory that its tables take. */
  memory_usage: number;
  /** When it was loaded, RFC 3339. */
  loaded_at: string;
};

/** The models in memory. */
export type LoadedModelsResponse = {
  type: "loaded_models_response";
  /** In the order of `list_models`. */
  models: LoadedModel[];
};

/** How far a model is on its way into memory. */
export type LoadingStatus = "initiate" | "progress" | "done" | "error" | "cached";

/** Main memory. */
export type Memory = {
  /** Bytes in the machine. */
  total_bytes: number;
  /** Bytes that a new program could have. */
  available_bytes: number;
};

/**
 * How much memory a model would take. One MB is 1024 × 1024 bytes.
 *
 * A model known here takes what it takes. Of any other, the parameters that its name says, P, are multiplied with the bits of
 * its quantisation; its context takes 2 bytes × 2 × layers × width for each token, where layers = ∛(P / 196608) and
 * width = 128 × layers, as in models whose attention heads share nothing. Newer ones take less for their context.
 */
export type MemoryEstimateResponse = {
  type: "memory_estimate_response";
  /** The model as it was named. */
  model: string;
  /** What it would take of the main memory, or of a graphics processor's if it ran there. */
  estimated_memory_mb: number;
  /** The same, where a graphics processor says how much memory it has. */
  estimated_vram_mb?: number;
  /** Whether 70 % of what is free now are enough. */
  can_load: boolean;
  /** If not: what is missing. */
  reason?: string;
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

/** One model. */
export type ModelInfoResponse = {
  type: "model_info_response";
  /** The model, as in `list_models`. */
  info: ModelInfo;
};

/** The models there are. */
export type ModelListResponse = {
  type: "model_list_response";
  /** Those present on this server. The first loaded one that can do something is its `default` until another is selected. */
  models: ModelInfo[];
};

/** A model is in memory. */
export type ModelLoaded = {
  /** Which. */
  model_id: string;
  /** What runs it. */
  backend: string;
};

/** A model in memory. */
export type ModelLoadedResponse = {
  type: "model_loaded_response";
  /** Which. */
  model_id: string;
  /** Whether this call brought it there. */
  status: LoadStatus;
  /** What that took; 0 when it was there. */
  load_time_ms: number;
};

/** A model is on its way into memory. */
export type ModelLoadingProgress = {
  /** Which. */
  model_id: string;
  /** How far it is. */
  status: LoadingStatus;
  /** The file that is being read. */
  file?: string;
  /** 0 to 100. */
  progress: number;
  /** Bytes of the file worked through. */
  loaded?: number;
  /** Bytes of the file. */
  total?: number;
  /** With `error`: what went wrong. */
  message?: string;
};

/** The variants of a model. */
export type ModelQuantsResponse = {
  type: "get_model_quants_response";
  /** The first is what is loaded unless another is asked for. */
  quants: string[];
};

/** What was chosen. */
export type ModelSelectedResponse = {
  type: "model_selected_response";
  /** The model that `default` means from now on. */
  model_id: string;
};

/** A model is in memory no more. */
export type ModelUnloaded = {
  /** Which. */
  model_id: string;
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

/** Settings of generation: any of them. */
export type Params = {
  /** How freely models that draw at random do it, 0 to 2; 0: always the likeliest. The reference models draw nothing. */
  temperature?: number;
  /** Share of the likeliest tokens that are drawn from, 0 to 1. The reference models draw nothing. */
  top_p?: number;
  /** Number of the likeliest tokens that are drawn from; 0: all. The reference models draw nothing. */
  top_k?: number;
  /** Probability, as a share of the likeliest token's, below which no token is drawn, 0 to 1. The reference models draw nothing. */
  min_p?: number;
  /** Tokens of an answer before which it does not end at a stop string, 0 to 100000 and at most `max_length`. */
  min_length?: number;
  /** Tokens after which an answer ends, 1 to 100000; of this and `max_new_tokens` the smaller counts. */
  max_length?: number;
  /** Tokens after which an answer ends, 1 to 100000. */
  max_new_tokens?: number;
  /** By what the score of a token that was used before is divided, above 0; 1: nothing. The reference models score no tokens. */
  repetition_penalty?: number;
  /** What a token's score loses for each time it was used, −2 to 2. The reference models score no tokens. */
  frequency_penalty?: number;
  /** What a token's score loses for having been used, −2 to 2. The reference models score no tokens. */
  presence_penalty?: number;
  /** How much beams of greater length are preferred. The reference models follow no beams. */
  length_penalty?: number;
  /** Tokens in a row that may not come twice; 0: any may. The reference models repeat what their sources repeat. */
  no_repeat_ngram_size?: number;
  /** Beams that are followed, at least 1. The reference models follow none beside the answer. */
  num_beams?: number;
  /** Whether the search ends when enough beams are complete. The reference models follow no beams. */
  early_stopping?: boolean;
  /** Whether tokens are drawn at random. The reference models draw nothing. */
  do_sample?: boolean;
  /** Whether what was computed for the text so far is kept for the next token. The reference models have nothing to keep. */
  use_cache?: boolean;
  /** An answer ends before any of these; 16 of up to 256 characters. */
  stop_sequences?: string[];
  /** What models that draw at random begin with. Default: each call another. The reference models draw nothing. */
  seed?: number;
};

/** Settings of generation: all of them. */
export type ParamsResponse = {
  type: "params_response";
  /** How freely models that draw at random do it, 0 to 2; 0: always the likeliest. The reference models draw nothing. */
  temperature: number;
  /** Share of the likeliest tokens that are drawn from, 0 to 1. The reference models draw nothing. */
  top_p: number;
  /** Number of the likeliest tokens that are drawn from; 0: all. The reference models draw nothing. */
  top_k: number;
  /** Probability, as a share of the likeliest token's, below which no token is drawn, 0 to 1. The reference models draw nothing. */
  min_p: number;
  /** Tokens of an answer before which it does not end at a stop string, 0 to 100000 and at most `max_length`. */
  min_length: number;
  /** Tokens after which an answer ends, 1 to 100000; of this and `max_new_tokens` the smaller counts. */
  max_length: number;
  /** Tokens after which an answer ends, 1 to 100000. */
  max_new_tokens: number;
  /** By what the score of a token that was used before is divided, above 0; 1: nothing. The reference models score no tokens. */
  repetition_penalty: number;
  /** What a token's score loses for each time it was used, −2 to 2. The reference models score no tokens. */
  frequency_penalty: number;
  /** What a token's score loses for having been used, −2 to 2. The reference models score no tokens. */
  presence_penalty: number;
  /** How much beams of greater length are preferred. The reference models follow no beams. */
  length_penalty: number;
  /** Tokens in a row that may not come twice; 0: any may. The reference models repeat what their sources repeat. */
  no_repeat_ngram_size: number;
  /** Beams that are followed, at least 1. The reference models follow none beside the answer. */
  num_beams: number;
  /** Whether the search ends when enough beams are complete. The reference models follow no beams. */
  early_stopping: boolean;
  /** Whether tokens are drawn at random. The reference models draw nothing. */
  do_sample: boolean;
  /** Whether what was computed for the text so far is kept for the next token. The reference models have nothing to keep. */
  use_cache: boolean;
  /** An answer ends before any of these; 16 of up to 256 characters. */
  stop_sequences: string[];
  /** What models that draw at random begin with; absent: each call another. The reference models draw nothing. */
  seed?: number;
};

/** Fetches a model, so that it can be loaded. */
export type PullModel = {
  /** Id of the model, one of `get_recipes`. */
  model: string;
  /** Which of its quantisations. The reference models' one file serves for all of theirs. */
  quantization?: string;
};

/** A model that is present. */
export type PullModelResponse = {
  type: "pull_model_response";
  /** Which. */
  model: string;
  /** True: a failure is answered as an error. */
  success: boolean;
  /** Bytes of its files. */
  bytes: number;
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

/** How much memory a machine has, in one word. */
export type RamTier = "low" | "medium" | "high" | "very_high";

/** Reads a file, or a part of it; its bytes come as items. */
export type ReadFile = {
  /** Path below the served folder. */
  path: string;
  /** First byte. Default: 0. */
  offset?: number;
  /** Bytes at most. Default: all. */
  length?: number;
};

/** What was read. */
export type ReadFileResponse = {
  type: "read_file_response";
  /** The file. */
  path: string;
  /** Bytes read. */
  bytes: number;
  /** Hash of the bytes read. */
  hash: string;
};

/** A model, and what it needs. */
export type Recipe = {
  /** Id of the model. */
  id: string;
  /** What people call it. */
  name: string;
  /** What runs it. */
  engine: string;
  /** What it runs on: `cpu`, `gpu`, … */
  hardware: string[];
  /** Memory that it takes when loaded, in units of 1024³ bytes. */
  ram_gb: number;
  /** Whether that much is free and safe to use now. */
  suitable: boolean;
};

/** The models that can be had here. */
export type RecipesResponse = {
  type: "recipes_response";
  /** Each can be given to `pull_model` and `load_model` by its id. */
  recipes: Recipe[];
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

/** Which sizes of models this machine is good for. */
export type RecommendedModelsResponse = {
  type: "recommended_models_response";
  /** What a new program could have of the main memory. */
  available_ram_mb: number;
  /** What is free of the memory of the graphics processor with the most; 0 when none says. */
  available_vram_mb: number;
  /** 70 % of the main memory that is available: what a model may take without others having to give way. */
  safe_ram_mb: number;
  /** 70 % of the graphics processor's. */
  safe_vram_mb: number;
  /** Parameters of models that fit: `1.5B`, `7B`, …; kept as `q4_k_m`, with a context of 4096 tokens. Smallest first. */
  recommended_sizes: string[];
  /** What to do, in one sentence. */
  recommendation: string;
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

/** What is in use of this machine, by whomever. What the system does not say is 0, or absent. */
export type ResourcesResponse = {
  type: "resources_response";
  /** Percent of all processors together, 0 to 100, over the last fifth of a second or more. */
  cpu_usage: number;
  /** Bytes of memory in use. */
  memory_usage: number;
  /** Bytes of memory in the machine. */
  memory_total: number;
  /** Bytes that are not free on the disk of the data folder; without one, of the working folder. */
  disk_usage: number;
  /** Bytes of that disk. */
  disk_total: number;
  /** Percent of the busiest graphics processor that says so, 0 to 100. */
  gpu_usage?: number;
  /** Bytes in use of the graphics processors' own memory. */
  gpu_memory_usage?: number;
  /** Bytes of that memory. */
  gpu_memory_total?: number;
  /** Ids of the models in memory. */
  loaded_models: string[];
};

/** Answers a text or a conversation. */
export type Responses = {
  /** Id of the model, or `default`. */
  model: string;
  /** What is said to the model: a text, or all messages so far. */
  input: ResponsesInput;
  /** What the model should heed before all else, as a first message of `system`. */
  instructions?: string;
  /** 0 to 2. Default: of `get_params`. */
  temperature?: number;
  /** Tokens after which the answer ends, 1 to 100000. Default: of `get_params`. */
  max_output_tokens?: number;
  /** 0 to 1. Default: of `get_params`. */
  top_p?: number;
  /** The answer also comes in pieces while it is made. Default: false. */
  stream?: boolean;
  /** The caller's name of this call, for `stop_generation`. */
  request_id?: string;
};

/** A text, or the messages of a conversation. */
export type ResponsesInput = string | ChatMessage[];

/** The whole answer of `responses`. */
export type ResponsesResponse = {
  type: "responses_response";
  /** Name of the call. */
  id: string;
  /** The model that answered. */
  model: string;
  /** What it said. */
  output_text: string;
  /** Tokens read and produced. */
  usage: Usage;
  /** Why it ended. */
  finish_reason: FinishReason;
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

/** Saves settings for a model, in place of those before. They hold for every caller. */
export type SaveInferenceSettings = {
  /** Id of the model. */
  repo_id: string;
  /** One of its variants, as `get_model_quants` says them. */
  variant: string;
  /** The settings: any of those of `set_params`. */
  settings: Params;
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

/** Chooses what `default` means. */
export type SelectModel = {
  /** Id of a loaded model. */
  model_id: string;
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

/** Connections by state: those of the signaling API, and WebSockets. */
export type SessionCounts = {
  /** Connections made since the server started. */
  total: number;
  /** Alive now, in any of the next three states. */
  active: number;
  /** Waiting for an answer or for ICE. */
  waiting: number;
  /** With an open data channel, or a WebSocket. */
  connected: number;
  /** Sessions whose connection is gone, and that wait for the next one. */
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
  /** Connections, whatever their transport. */
  sessions: SessionCounts;
  /** Messages sent over sessions and plain channels. */
  messages_sent: number;
  /** Messages received over sessions and plain channels. */
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

/** Takes a model out of memory. */
export type UnloadModel = {
  /** Id of the model. */
  model_id: string;
};

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

/** Writes a file; its bytes are the payloads of what the caller streams up. The file appears when all of them are there. */
export type WriteFile = {
  /** Path below the served folder; its folder must be there. */
  path: string;
  /** Whether a file of this name may be replaced. Default: false. */
  replace?: boolean;
  /** Hash that the bytes must have; another one, and nothing is written. */
  hash?: string;
};

/** What was written. */
export type WriteFileResponse = {
  type: "write_file_response";
  /** The file. */
  path: string;
  /** Bytes written. */
  bytes: number;
  /** Their hash. */
  hash: string;
};

/** Every action of the server: what is asked, what is answered, what a stream of it is made of. */
export interface Actions {
  /** Says whether the server is well, which version it is and how long it has been running. */
  health: { request: Health; response: HealthResponse; item: never };
  /** Describes the machine: operating system, processor, memory, graphics. */
  system_info: { request: SystemInfo; response: SystemInfoResponse; item: never };
  /** Counts requests, connections, bytes and tokens since the server started. */
  get_stats: { request: GetStats; response: StatsResponse; item: never };
  /** Continues a conversation, in one piece or streamed. */
  chat: { request: Chat; response: ChatResponse; item: ChatDelta };
  /** Continues a text, in one piece or streamed. */
  generate: { request: Generate; response: GenerateResponse; item: ChatDelta };
  /** Turns texts into vectors that are close where the texts are alike. */
  embeddings: { request: Embeddings; response: EmbeddingsResponse; item: never };
  /** Orders documents by how well they answer a query. */
  rerank: { request: Rerank; response: RerankResponse; item: never };
  /** Lists the models that are present, loaded or not. */
  list_models: { request: ListModels; response: ModelListResponse; item: never };
  /** Brings a model into memory, pulling it first if it is not present; its caller is told the progress. */
  load_model: { request: LoadModel; response: ModelLoadedResponse; item: never };
  /** Takes a model out of memory; calls that use it end first. */
  unload_model: { request: UnloadModel; response: Success; item: never };
  /** Describes one model. */
  model_info: { request: GetModelInfo; response: ModelInfoResponse; item: never };
  /** Fetches a model and checks that it arrived whole; its caller is told the progress. */
  pull_model: { request: PullModel; response: PullModelResponse; item: never };
  /** Removes the files of a model, unloading it first; a model that is built in stays. */
  delete_model: { request: DeleteModel; response: DeleteModelResponse; item: never };
  /** Lists the models in memory, what they take of it and since when. */
  get_loaded_models: { request: GetLoadedModels; response: LoadedModelsResponse; item: never };
  /** Makes a loaded model the one that `default` means, for everything it can do and for every caller, until it is unloaded. */
  select_model: { request: SelectModel; response: ModelSelectedResponse; item: never };
  /** Lists the models that make vectors, and how long their vectors are. */
  get_embedding_models: { request: GetEmbeddingModels; response: EmbeddingModelsResponse; item: never };
  /** Lists every model that can be had here, present or not, with what it needs and whether this machine has it. */
  get_recipes: { request: GetRecipes; response: RecipesResponse; item: never };
  /** Keeps a message of a conversation; when it is answered, the message is on the disk. */
  save_message: { request: SaveMessage; response: MessageSavedResponse; item: never };
  /** Lists the newest messages of a conversation, oldest first; one that is unknown, or somebody else's, is empty. */
  chat_history: { request: ChatHistory; response: ChatHistoryResponse; item: never };
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
  /** Ends running calls by their request_id; what they had produced is their answer. */
  stop_generation: { request: StopGeneration; response: StopGenerationResponse; item: never };
  /** Says with which settings this caller's text is generated where requests do not say. */
  get_params: { request: GetParams; response: ParamsResponse; item: never };
  /** Sets any of the settings with which this caller's later calls generate text where they do not say; others' calls keep theirs, and nothing outlasts the server. */
  set_params: { request: Params; response: ParamsResponse; item: never };
  /** Measures what is in use of the machine's processor, memory, disk and graphics processors. */
  get_resources: { request: GetResources; response: ResourcesResponse; item: never };
  /** Estimates the memory that a model would take, and whether this machine has it. */
  estimate_memory: { request: EstimateMemory; response: MemoryEstimateResponse; item: never };
  /** Keeps a Hugging Face token, for models that need one; it is never shown again. */
  set_hf_token: { request: SetHfToken; response: Success; item: never };
  /** Says whether there is a Hugging Face token, and nothing else of it. */
  get_hf_token_status: { request: GetHfTokenStatus; response: HfTokenStatusResponse; item: never };
  /** Forgets the Hugging Face token; it is no failure if there is none. */
  clear_hf_token: { request: ClearHfToken; response: Success; item: never };
  /** Describes what the machine has for running models. */
  get_hardware_info: { request: GetHardwareInfo; response: HardwareInfoResponse; item: never };
  /** Says whether a model of a size could be loaded now. */
  check_model_feasibility: { request: CheckModelFeasibility; response: FeasibilityResponse; item: never };
  /** Says which sizes of models the machine's free memory is good for. */
  get_recommended_models: { request: GetRecommendedModels; response: RecommendedModelsResponse; item: never };
  /** Asks for events by name; over HTTP this is GET /v1/events. */
  subscribe: { request: Subscribe; response: SubscribeResponse; item: never };
  /** Takes back a subscription by the events' names. */
  unsubscribe: { request: Unsubscribe; response: UnsubscribeResponse; item: never };
  /** Answers a text or a conversation, in one piece or streamed; `chat` for clients of the Responses API. */
  responses: { request: Responses; response: ResponsesResponse; item: ChatDelta };
  /** Says when `stop_generation` last ended a call, whether generation has begun again since, and how many calls run. */
  get_halt_status: { request: GetHaltStatus; response: HaltStatusResponse; item: never };
  /** Says what a model needs, what of it this machine lacks, and what to do about it. */
  compatibility: { request: Compatibility; response: CompatibilityResponse; item: never };
  /** Lists the variants of a model, such as its quantisations; `load_model` takes one as `variant`. */
  get_model_quants: { request: GetModelQuants; response: ModelQuantsResponse; item: never };
  /** Says which settings of generation are saved for a variant of a model. */
  get_inference_settings: { request: GetInferenceSettings; response: InferenceSettingsResponse; item: never };
  /** Saves settings of generation for a variant of a model, in place of those before. */
  save_inference_settings: { request: SaveInferenceSettings; response: InferenceSettingsResponse; item: never };
  /** Lists every action of this server with its HTTP method and path. */
  routes: { request: Routes; response: RoutesResponse; item: never };
  /** Lists a folder below the one that is served. */
  list_files: { request: ListFiles; response: FileListResponse; item: never };
  /** Reads a file below the served folder; its bytes are the payloads of the items. */
  read_file: { request: ReadFile; response: ReadFileResponse; item: FilePiece };
  /** Writes a file below the served folder from what the caller streams up. */
  write_file: { request: WriteFile; response: WriteFileResponse; item: never };
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
  model_loading_progress: { type: "event"; event: "model_loading_progress" } & ModelLoadingProgress;
  download_progress: { type: "event"; event: "download_progress" } & DownloadProgress;
  model_loaded: { type: "event"; event: "model_loaded" } & ModelLoaded;
  model_unloaded: { type: "event"; event: "model_unloaded" } & ModelUnloaded;
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

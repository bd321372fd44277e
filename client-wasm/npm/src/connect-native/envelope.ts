// The envelopes of plain JSON: what a message asks for, and answers in the envelope of their request. As the server reads and writes them.
//
//   {action, …fields}               {type, …}
//   {request_type, …fields}         {type, response_type, …}
//   {route, request_id, payload}    {request_id, success, data | error}   {request_id, event, data}

import type { FailureParts } from "../errors.js";
import { base64 } from "../extension/base64.js";

type Fields = Record<string, unknown>;

/** Fields that come back as they were sent, in the order in which they name the call. */
const ECHOED = ["request_id", "messageId", "id"] as const;
/** Bytes of JSON of such a field. */
const ECHO_BYTES = 256;
/** Names accepted in `route` besides those of actions. */
const ROUTES: Fields = {
  system: "system_info",
  stats: "get_stats",
  models: "list_models",
  get_history: "chat_history",
  rag: "rag_query",
  semantic_search: "semantic_search_query",
  similarity: "calculate_similarity",
  cluster: "cluster_documents",
  recommend: "recommend_content",
};
/** `response_type`s that do not follow from their `type`. */
const RESPONSE_TYPES: Fields = { chat_response: "ChatComplete" };

/** What a message asks for. */
export interface Asked {
  action: string;
  fields: Fields;
  /** The caller's name of the call. */
  requestId: string | undefined;
}

/** What cannot be asked. */
const refused = (code: string, message: string, details?: object): FailureParts => ({ code, message, status: 400, details });

/** Reads one message, and wraps the answers to it. */
export class Envelope {
  #message: Fields;
  #routed = false;
  #typed = false;
  #echo: Fields = {};

  constructor(message: unknown) {
    this.#message = message as Fields;
  }

  /** What is asked. @throws FailureParts. */
  read(): Asked {
    const message = this.#message;
    if (typeof message !== "object" || message === null || Array.isArray(message)) throw refused("bad_request", "a request is one JSON object");
    const echo: Fields = {};
    for (const name of ECHOED) {
      if (!(name in message)) continue;
      if (new TextEncoder().encode(JSON.stringify(message[name])).length > ECHO_BYTES) throw fieldRefused(name, `is longer than ${ECHO_BYTES} bytes`);
      echo[name] = message[name];
    }
    this.#echo = echo;
    const [route, action, type] = ["route", "action", "request_type"].map((name) => (typeof message[name] === "string" ? (message[name] as string) : undefined));
    this.#typed = type !== undefined;
    this.#routed = route !== undefined && action === undefined && !this.#typed;
    const requestId = nameOf(echo);
    if (this.#routed) {
      const { payload } = message;
      if (payload !== undefined && (typeof payload !== "object" || Array.isArray(payload))) throw fieldRefused("payload", "is the object of the action's fields");
      const name = snake(route ?? "");
      return { action: Object.hasOwn(ROUTES, name) ? (ROUTES[name] as string) : name, fields: { ...payload }, requestId };
    }
    const { action: _action, request_type: _type, ...fields } = message;
    if (action !== undefined && type !== undefined && action !== snake(type)) throw fieldRefused("action", "and request_type name two different actions; send one of them");
    const name = action ?? (type && snake(type));
    if (name === undefined) throw refused("bad_request", 'the request names no action; send {"action": "health"}, for example');
    return { action: name, fields, requestId };
  }

  /** One part of a stream. */
  item(value: unknown): Fields {
    return this.#routed ? this.#with({ event: "delta", data: object(value) }) : this.#flat(object(value));
  }

  /** News of the call. */
  event(value: Fields): Fields {
    return this.#routed ? this.#with({ event: value.event, data: value }) : this.#flat(value);
  }

  /** The answer. */
  done(value: unknown): Fields {
    return this.#routed ? this.#with({ success: true, data: object(value) }) : this.#flat(object(value));
  }

  /** The failure. */
  failed({ code, message, status, details, retryAfterMs }: FailureParts): Fields {
    const error = { code, message, ...(details === undefined ? {} : { details }) };
    if (this.#routed) return this.#with({ success: false, error });
    return this.#flat({ type: "error", ...error, status, ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }) });
  }

  #flat(value: Fields): Fields {
    if (!this.#typed || typeof value.type !== "string") return this.#with(value);
    const text = value.type === "chat_response" ? { text: value.response } : {};
    return this.#with({ ...value, ...text, response_type: RESPONSE_TYPES[value.type] ?? pascal(value.type) });
  }

  #with(value: Fields): Fields {
    return { ...value, ...this.#echo };
  }
}

const fieldRefused = (field: string, message: string): FailureParts => refused("validation_failed", `${field}: ${message}`, { field });

/** The first field that could come back as a name. */
function nameOf(echo: Fields): string | undefined {
  const named = ECHOED.map((name) => echo[name]).find((value) => typeof value === "number" || (typeof value === "string" && value !== ""));
  return named === undefined ? undefined : String(named);
}

/** `SystemInfo`, `system-info` and `system_info` are one. */
const snake = (written: string): string =>
  written
    .replace(/([\p{Ll}\p{N}])(\p{Lu})|(\p{Lu})(?=\p{Lu}\p{Ll})/gu, (_, before, upper, alone) => (alone ? `${alone}_` : `${before}_${upper}`))
    .replace(/-/g, "_")
    .toLowerCase();

/** `system_info_response` is `SystemInfo`. */
const pascal = (type: string): string =>
  type.replace(/_response$/, "").replace(/(^|_)(.?)/g, (_, _before, first: string) => first.toUpperCase());

/** An answer as an object; raw bytes, which JSON has no place for, as base64. */
function object(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { value };
  const { payload } = value as Fields;
  return payload instanceof Uint8Array ? { ...value, payload: { content_type: "application/octet-stream", base64: base64(payload) } } : { ...value };
}

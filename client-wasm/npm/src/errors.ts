// What every failure looks like: an Error with a stable code.

/** What {@link TabagentError} is made of. */
export interface FailureParts {
  /** Stable name of the failure. */
  code: string;
  /** One sentence for people. */
  message: string;
  /** HTTP status of the same failure. */
  status: number;
  /** Particulars, an object whose shape the code decides. */
  details?: unknown;
  /** Milliseconds after which a repeat makes sense. */
  retryAfterMs?: number | undefined;
  /** Number of the call that failed. */
  callId?: number | undefined;
  /** What caused it: the reason of an aborted signal. */
  cause?: unknown;
}

/**
 * Every failure of this package. Decide by `code`; show `message`.
 *
 * Of the client itself: `transport_failed`, `no_candidates`, `not_supported`, `outcome_unknown`, `invalid_state`, `cancelled`,
 * `deadline_exceeded`, `protocol_error`. Of the server: `unauthorized`, `validation_failed`, `model_not_found`, … and an
 * application's own.
 */
export class TabagentError extends Error {
  override readonly name = "TabagentError";
  /** Stable snake_case name of the failure: the same on the wire, over HTTP and in logs. */
  readonly code: string;
  /** HTTP status of the same failure; 500 for an application's own code. */
  readonly status: number;
  /** Particulars: `{ field }` of a refused field; of a connection that did not come about `{ step, transports }`. */
  readonly details: unknown;
  /** Milliseconds after which a repeat makes sense. */
  readonly retryAfterMs: number | undefined;
  /** Number of the call that failed, as debug lines name it. */
  readonly callId: number | undefined;

  constructor({ code, message, status, details, retryAfterMs, callId, cause }: FailureParts) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
    this.callId = callId;
  }

  /** @internal The same with more particulars. */
  with(particulars: object): TabagentError {
    return new TabagentError({ ...this, message: this.message, details: { ...(this.details as object), ...particulars }, cause: this.cause });
  }
}

/** A call or an attempt that its caller no longer wants. */
export const cancelled = (message: string, cause?: unknown): TabagentError =>
  new TabagentError({ code: "cancelled", status: 499, message, cause });

/** Reads what the module throws: code, status and sentence, a line each. Anything else comes back as it is. */
export function thrown(value: unknown): unknown {
  const [, code, status, message] = /^(\w+)\n(\d+)\n([^]*)$/.exec(String(value)) ?? [];
  return code && message ? new TabagentError({ code, status: Number(status), message }) : value;
}

// What a diagnosis consists of: checks in the order in which they were made, and one sentence.

/** The steps, in the order in which they are looked at. */
export type CheckName =
  | "webassembly"
  | "webrtc"
  | "address"
  | "server"
  | "origin"
  | "key"
  | "version"
  | "websocket"
  | "signaling"
  | "candidates"
  | "ice_servers"
  | "path"
  | "encryption"
  | "channel"
  | "round_trip"
  | "session";

/** One step and how it went. */
export interface Check {
  /** Which step. */
  name: CheckName;
  /** Whether it works. */
  ok: boolean;
  /** The cause, a stable name; with `ok` something to know that does not stand in the way. */
  code?: string;
  /** What was found, one sentence for people. */
  message: string;
  /** What to do about it. */
  advice?: string;
  /** How long looking took, in milliseconds. */
  ms: number;
}

/** A diagnosis. */
export interface Diagnosis {
  /** Whether every check is. */
  ok: boolean;
  /** What was looked at. A step that needs another which failed is not among them. */
  checks: Check[];
  /** The whole of it in a sentence. */
  summary: string;
}

/** What is wrong: a cause, what was found, what to do. */
export interface Trouble {
  code: string;
  message: string;
  advice: string;
}

/** Collects checks, each timed from the end of the one before. */
export class Findings {
  readonly checks: Check[] = [];
  #told: ((check: Check) => void) | undefined;
  #since = performance.now();

  constructor(told: ((check: Check) => void) | undefined) {
    this.#told = told;
  }

  /** This works; `note` is something to know all the same. Answers true. */
  good(name: CheckName, message: string, note?: Partial<Trouble>, ms?: number): true {
    this.#add({ name, ok: true, message, ...note, ms: this.#lap(ms) });
    return true;
  }

  /** This does not work. Answers false. */
  bad(name: CheckName, trouble: Trouble, ms?: number): false {
    this.#add({ name, ok: false, ...trouble, ms: this.#lap(ms) });
    return false;
  }

  /** What was not measured by itself took the time since the check before. */
  #lap(measured: number | undefined): number {
    const begun = this.#since;
    this.#since = performance.now();
    return measured ?? this.#since - begun;
  }

  #add(check: Check): void {
    this.checks.push(check);
    try {
      this.#told?.(check);
    } catch (error) {
      // A listener's failure is its own: reported like an exception that nobody caught.
      queueMicrotask(() => reportError(error));
    }
  }
}

/** What was thrown, as a sentence without its full stop. */
export const text = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, "");

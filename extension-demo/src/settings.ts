// What the extension remembers: settings in `storage.local`, what is under way in `storage.session`, which a restart of the browser empties.

import type { TransportName } from "@tabagent/client";

/** What may carry the session. */
export type TransportChoice = "auto" | TransportName;

/** What native messaging needs, asked for where it is chosen. */
export const NATIVE: chrome.permissions.Permissions = { permissions: ["nativeMessaging"] };

/** What decides about the connection. */
export interface Settings {
  /** The server's address. */
  url: string;
  /** What pairing gave; empty before. */
  token: string;
  transport: TransportChoice;
}

const DEFAULTS: Settings = { url: "http://127.0.0.1:9000", token: "", transport: "auto" };

/** The settings as they are now. */
export const settings = (): Promise<Settings> => chrome.storage.local.get<Settings>({ ...DEFAULTS });

/** Changes some of them; the connection follows. */
export const change = (changed: Partial<Settings>): Promise<void> => chrome.storage.local.set(changed);

/** Calls `then` after each change that concerns the connection. */
export function onSettings(then: (settings: Settings) => void): void {
  chrome.storage.local.onChanged.addListener((changes) => {
    if (Object.keys(DEFAULTS).some((name) => name in changes)) void settings().then(then);
  });
}

/** Something that is remembered, with the value that it has at first. */
export interface Kept<T> {
  read(): Promise<T>;
  write(value: T): Promise<void>;
  /** Calls `then` with each value that any page of the extension writes. */
  watch(then: (value: T) => void): void;
}

/** Remembers under a name, until the browser is closed or for good. */
export function kept<T>(area: "session" | "local", name: string, first: T): Kept<T> {
  // Looked up when it is used: the offscreen document has no storage, but imports files that speak of it.
  const storage = () => chrome.storage[area];
  return {
    read: async () => (await storage().get<Record<string, T>>({ [name]: first }))[name] as T,
    write: (value) => storage().set({ [name]: value }),
    watch: (then) => storage().onChanged.addListener((changes) => name in changes && then((changes[name]?.newValue ?? first) as T)),
  };
}

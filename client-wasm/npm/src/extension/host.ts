// The offscreen document's side: one client for everybody, the calls of each link made and withdrawn on its behalf.

import type { Agent } from "../agent.js";
import type { TransportChange } from "../types.js";
import type { Introduced } from "./broker.js";
import { Guest, stateOf } from "./guest.js";
import { type Link, portLink } from "./link.js";
import type { FromClient, FromHost } from "./messages.js";

type HostLink = Link<FromHost, FromClient>;

/** The one client and who uses it. */
export class Host {
  #open: (settings: any) => Promise<Agent<any>>;
  #opening: Promise<Agent<any>> | undefined;
  /** What it is opened with. */
  #settings: unknown;
  #told!: () => void;
  /** The worker tells the settings before it lets anybody come. */
  #configured = new Promise<void>((told) => (this.#told = told));
  #guests = new Map<HostLink, Guest>();
  /** The document goes away, and its client closes. */
  #leaving = false;

  constructor(open: (settings: any) => Promise<Agent<any>>) {
    this.#open = open;
    // Before the client hears of it, which closes then.
    globalThis.addEventListener("pagehide", () => (this.#leaving = true), { capture: true });
  }

  /** The worker has settings, and perhaps somebody's port. */
  async introduced({ id, settings }: Introduced, port: MessagePort | undefined): Promise<void> {
    const [before, after] = [this.#settings, settings].map((each) => JSON.stringify(each));
    this.#settings = settings;
    if (before !== after) this.#replace();
    this.#told();
    if (port && id) await this.welcome(await portLink<FromHost, FromClient>(port, id, "host"));
  }

  /** Serves a link until it ends. */
  async welcome(link: HostLink): Promise<void> {
    await this.#configured;
    // That is this document's end and not the session's, so nobody is told: its death says what is true.
    const send: typeof link.send = (...said) => this.#leaving || link.send(...said);
    this.#opening ??= this.#begin();
    const guest = new Guest({ ...link, send }, this.#opening);
    this.#guests.set(link, guest);
    await link.closed;
    guest.leave();
    this.#guests.delete(link);
  }

  /** Ends the client. To its users it is as if the document had died, and they come again. */
  #replace(): void {
    void this.#opening?.then((agent) => agent.close(), () => {});
    this.#opening = undefined;
    for (const link of this.#guests.keys()) link.close();
  }

  #begin(): Promise<Agent<any>> {
    const opening = this.#open(this.#settings);
    const tell = async (agent: Agent<any>, change?: TransportChange) => {
      // The client hears of a new transport before it hears which server process is behind it.
      await undefined;
      if (this.#opening !== opening) return;
      if (agent.state === "closed") this.#opening = undefined;
      for (const guest of this.#guests.values()) guest.state(stateOf(agent, change));
    };
    opening.then(
      (agent) => {
        agent.addEventListener("statechange", () => tell(agent));
        agent.addEventListener("transportchange", ({ detail }) => tell(agent, detail));
      },
      () => this.#opening === opening && (this.#opening = undefined),
    );
    return opening;
  }
}

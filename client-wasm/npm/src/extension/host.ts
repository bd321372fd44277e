// The offscreen document's side: one client for everybody, the calls of each link made and withdrawn on its behalf.

import type { Agent } from "../agent.js";
import type { TransportChange } from "../types.js";
import { Guest } from "./guest.js";
import type { Link } from "./link.js";
import { type FromClient, type FromHost, stateOf } from "./messages.js";

/** The one client and who uses it. */
export class Host {
  #open: (settings: unknown) => Promise<Agent<any>>;
  #opening: Promise<Agent<any>> | undefined;
  #guests = new Set<Guest>();
  /** The document goes away, and its client closes. */
  #leaving = false;

  constructor(open: (settings: unknown) => Promise<Agent<any>>) {
    this.#open = open;
  }

  /** The document goes away. */
  leave(): void {
    this.#leaving = true;
  }

  /** Serves a link until it ends. */
  welcome(link: Link<FromHost, FromClient>, settings: unknown): void {
    // That is this document's end and not the session's, so nobody is told: its death says what is true.
    const send: typeof link.send = (...said) => this.#leaving || link.send(...said);
    const guest = new Guest({ ...link, send }, this.#connected(settings));
    this.#guests.add(guest);
    void link.closed.then(() => {
      guest.leave();
      this.#guests.delete(guest);
    });
  }

  /** The client; another one where the last was closed. */
  #connected(settings: unknown): Promise<Agent<any>> {
    this.#opening ??= this.#begin(settings);
    return this.#opening;
  }

  async #begin(settings: unknown): Promise<Agent<any>> {
    try {
      const agent = await this.#open(settings);
      agent.addEventListener("statechange", () => this.#tell(agent));
      agent.addEventListener("transportchange", ({ detail }) => this.#tell(agent, detail));
      return agent;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #tell(agent: Agent<any>, change?: TransportChange): void {
    if (agent.state === "closed") this.#opening = undefined;
    for (const guest of this.#guests) guest.state(stateOf(agent, change));
  }
}

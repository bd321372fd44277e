// What transports are made of: the browser's constructors, or the application's. What was made is remembered, so that it can be closed when
// the instance that made it no longer can.

/** Constructors of transports, like those of a browser. The types of what libraries make differ from those of a browser, so any will do. */
export interface Constructors {
  /** Makes WebSockets instead of the browser's. */
  WebSocket?: (new (url: string, protocols: string) => any) | undefined;
  /** Makes peer connections instead of the browser's. */
  RTCPeerConnection?: (new (configuration: RTCConfiguration) => any) | undefined;
  /** Makes sockets over native messaging: `nativeMessaging()` of `@tabagent/client/native`. Default: none. */
  NativeSocket?: (new () => NativeSocket) | undefined;
}

/** As much of a `WebSocket` as a transport has, over something else. */
export type NativeSocket = Pick<WebSocket, "binaryType" | "bufferedAmount" | "readyState" | "send" | "close" | "onopen" | "onmessage" | "onclose">;

/** All of them. */
type All = { [Name in keyof Constructors]-?: NonNullable<Constructors[Name]> };
type Made = NativeSocket | RTCPeerConnection;
/** A window that peer connections are made in: this one, or a hidden frame's. */
type Realm = All & { frameElement?: Element | null };

/** All transports of one session. */
export class Transports {
  /** What makes them. */
  readonly constructors: All;
  /** The open ones, a few; those that closed go when the next is made. */
  #made = new Map<Made, Realm>();

  constructor({ WebSocket, RTCPeerConnection, NativeSocket }: Constructors) {
    const here = globalThis as unknown as Realm;
    const keep = <T extends Made>(made: T, realm: Realm): T => {
      for (const each of this.#made.keys()) if (isClosed(each)) this.#made.delete(each);
      this.#made.set(made, realm);
      return made;
    };
    // Functions that return an object are constructors of it.
    this.constructors = {
      WebSocket: function (url: string, protocols: string) {
        return keep(new (WebSocket ?? here.WebSocket)(url, protocols), here);
      },
      NativeSocket: function () {
        return keep(new NativeSocket!(), here);
      },
      RTCPeerConnection: function (configuration: RTCConfiguration, realm: Realm) {
        return keep(new (RTCPeerConnection ?? realm.RTCPeerConnection)(configuration), realm);
      },
    } as unknown as All;
  }

  /** Closes them all; whoever listened to them is gone. */
  close(): void {
    for (const [made, realm] of this.#made) {
      made.close();
      if (realm !== (globalThis as unknown)) realm.frameElement?.remove();
    }
    this.#made.clear();
  }
}

const isClosed = (made: Made): boolean => ("readyState" in made ? made.readyState === 3 : made.connectionState === "closed");

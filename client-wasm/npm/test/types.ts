// What must compile and what must not. Never run: `npm run check` type-checks it, and an expected error that is none is an error.

import { type Actions, type ChatMessage, type ChatResponse, type ClientStats, type Request, type Response, type TabagentClient, TabagentError, type TransportName, type TransportStats, connect } from "../src/index.js";
import { type NativePort, connectNative } from "../src/connect-native.js";
import { type Check, doctor } from "../src/doctor.js";
import { type Agent, broker, connect as connectBridge, host } from "../src/extension.js";
import { Faults, memoryServer, reached } from "../src/testing.js";
import { TreeHash, readFile, streamFile, treeHash, writeFile } from "../src/files.js";

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

const agent = await connect("http://127.0.0.1:9000", { key: "k", debug: true, negotiation: "server-offers" });
const chat = { action: "chat", model: "default", messages: [{ role: "user", content: "hello" }] } as const;

// Requests: the action decides what may stand beside it, and what comes back.
const health = await agent.request({ action: "health" });
same<typeof health.status, "healthy" | "degraded" | "unhealthy">(true);
const vectors = await agent.request({ action: "embeddings", model: "m", input: "text", encoding: "binary" }, { timeoutMs: 500 });
same<typeof vectors.payload, Uint8Array<ArrayBuffer> | undefined>(true);
const answer = await agent.request({ ...chat, messages: [...chat.messages] }, { signal: AbortSignal.timeout(1) });
same<typeof answer.finish_reason, ChatResponse["finish_reason"]>(true);

// @ts-expect-error: no such action
await agent.request({ action: "haelth" });
// @ts-expect-error: no such field of this action
await agent.request({ action: "health", model: "default" });
// @ts-expect-error: a field is missing
await agent.request({ action: "chat", model: "default" });
// @ts-expect-error: a field has the wrong type
await agent.request({ action: "generate", model: "default", prompt: 7 });
// @ts-expect-error: no such option
await agent.request({ action: "health" }, { timeout: 500 });
// @ts-expect-error: no such field of this answer
health.system;

// Streams: only of actions that have items.
const stream = agent.stream({ ...chat, messages: [...chat.messages] }, { requestId: "one" });
for await (const item of stream) {
  same<typeof item.delta, string>(true);
  // @ts-expect-error: no such field of an item
  item.text;
}
same<Awaited<typeof stream.response>["usage"]["total_tokens"], number>(true);
stream.cancel();
// @ts-expect-error: nothing to stream
agent.stream({ action: "health" });

// Bodies up, bytes down.
for (const body of [new Blob(), new File([], "name"), new Blob().stream(), new Uint8Array(), new ArrayBuffer(1), (async function* () { yield new Uint8Array(); })()]) {
  await agent.request({ action: "write_file", path: "x" }, { body, contentType: "text/plain", onProgress: ({ sent, total }) => sent / (total ?? Infinity) });
}
const bytes = agent.stream({ action: "read_file", path: "x" }, { lane: "interactive" });
same<ReturnType<typeof bytes.bytes>, ReadableStream<Uint8Array<ArrayBuffer>>>(true);
same<Awaited<ReturnType<typeof bytes.blob>>, Blob>(true);
for await (const { offset, payload } of bytes) offset + (payload?.length ?? 0);
await bytes.blob({ type: "image/png", onProgress: ({ received, total }) => received / (total ?? Infinity) });
// @ts-expect-error: text is no body
await agent.request({ action: "write_file", path: "x" }, { body: "text" });
// @ts-expect-error: no such lane
await agent.request({ action: "health" }, { lane: "fast" });

// Calls that happen once.
await agent.request({ action: "health" }, { idempotencyKey: "once", boot: agent.boot });
// @ts-expect-error: for reading
agent.boot = "";

// Files, by any client.
const blob: Blob = await readFile(agent, "x", { offset: 1, length: 2, verify: false, type: "text/plain", signal: AbortSignal.timeout(1) });
const written = await writeFile(agent, "x", blob, { replace: true, hash: await treeHash(blob), onProgress: ({ sent }) => sent });
same<typeof written.hash, string>(true);
await streamFile(await connect<MyApi>("http://127.0.0.1:9000"), "x").cancel();
await new TreeHash().update(new Uint8Array());
// @ts-expect-error: a stream has no media type
streamFile(agent, "x", { type: "text/plain" });

// Events: the server's own are typed, others open.
const off = agent.on("generation_stopped", (event) => same<typeof event.request_id, string>(true));
agent.on("my_event", (event) => same<typeof event.anything, unknown>(true));
off();
// @ts-expect-error: no such field of this event
agent.on("server_draining", (event) => event.seconds);

// Calls from the server.
agent.serve({
  add: ({ a, b }: { a: number; b: number }) => a + b,
  slow: async (_fields, { signal, requestId }) => ({ aborted: signal.aborted, requestId }),
});
// @ts-expect-error: not a function
agent.serve({ add: 7 });

// The rest of the client.
same<typeof agent.state, "idle" | "connecting" | "connected" | "reconnecting" | "closed">(true);
same<Awaited<ReturnType<typeof agent.stats>>, ClientStats>(true);
agent.addEventListener("statechange", () => {});
agent.timeline.map(({ transport, step, ms }) => `${transport} ${step} ${ms}`);

// Transports: which, how a lost one is replaced, and what is heard of it.
same<typeof agent.transport, "webrtc" | "websocket" | "native" | undefined>(true);
await connect("http://127.0.0.1:9000", { transports: ["websocket", "webrtc"], strict: true, reconnect: { windowMs: 5_000 } });
await connect("http://127.0.0.1:9000", { reconnect: false });
agent.addEventListener("transportchange", ({ detail: { from, to, reason } }) => {
  same<typeof from, TransportName | undefined>(true);
  same<typeof to, TransportName | undefined>(true);
  if (reason === "preferred") agent.removeEventListener("transportchange", null);
});
const [best] = (await agent.stats()).transports;
same<typeof best, TransportStats | undefined>(true);
best?.error?.code;
// @ts-expect-error: no such transport
await connect("http://127.0.0.1:9000", { transports: ["pigeon"] });
// @ts-expect-error: it is there or it is not
await connect("http://127.0.0.1:9000", { reconnect: true });
// @ts-expect-error: no such reason
agent.addEventListener("transportchange", ({ detail }) => detail.reason === "bored");
// @ts-expect-error: for reading
agent.state = "closed";
// @ts-expect-error: for reading
agent.timeline.push({ step: "ice", ms: 1 });
// @ts-expect-error: no such flow
await connect("http://127.0.0.1:9000", { negotiation: "nobody-offers" });

// One's own table.
interface MyApi {
  actions: {
    roll: { request: { sides: number }; response: { eyes: number }; item: never };
    watch: { request: { path: string }; response: { count: number }; item: { changed: string } };
  };
  events: { rolled: { type: "event"; event: "rolled"; eyes: number } };
  clientActions: { pick: { request: { of: string[] }; response: { picked: string }; item: never } };
}
const mine: TabagentClient<MyApi> = await connect<MyApi>("http://127.0.0.1:9000");
same<Awaited<ReturnType<typeof roll>>["eyes"], number>(true);
function roll() {
  return mine.request({ action: "roll", sides: 6 });
}
for await (const { changed } of mine.stream({ action: "watch", path: "/" })) same<typeof changed, string>(true);
// @ts-expect-error: not in this table
await mine.request({ action: "health" });
// @ts-expect-error: a table has requests, responses and items
await connect<{ actions: { roll: { request: { sides: number } } } }>("http://127.0.0.1:9000");
mine.on("rolled", ({ eyes }) => same<typeof eyes, number>(true));
mine.on("other", (event) => same<typeof event.eyes, unknown>(true));
mine.serve({ pick: async ({ of: [picked = ""] }, { requestId }) => ({ picked: picked + requestId }) });
// @ts-expect-error: the answer has another type
mine.serve({ pick: () => ({ picked: 7 }) });
// @ts-expect-error: the server asks for no such thing
mine.serve({ choose: () => ({ picked: "a" }) });

// Beside the built-in actions.
interface Embedding {
  actions: Actions & { greet: { request: { name?: string }; response: { type: "greet_response"; text: string }; item: never } };
}
const embedding = await connect<Embedding>("http://127.0.0.1:9000");
same<Awaited<ReturnType<typeof greet>>["text"], string>(true);
function greet() {
  return embedding.request({ action: "greet", name: "Ada" });
}
await embedding.request({ action: "health" });
embedding.serve({ who_are_you: () => ({ name: "Ada" }) });
// @ts-expect-error: a field has the wrong type
await embedding.request({ action: "greet", name: 7 });

// Requests and answers as unions, told apart by `action` and by `type`.
function tell(request: Request, response: Response) {
  if (request.action === "chat") same<typeof request.messages, ChatMessage[]>(true);
  if (response.type === "health_response") same<typeof response.uptime_seconds, number>(true);
}
tell({ action: "health" }, health);
// @ts-expect-error: no such action
const wrong: Request = { action: "haelth" };

// Errors.
try {
  using other = await connect(new URL("http://127.0.0.1:9000"));
  await other.request({ action: "health" });
} catch (error) {
  if (error instanceof TabagentError) same<typeof error.code, string>(true);
}

// The doctor: takes the client's own connect, and tells codes where there are any.
const diagnosis = await doctor(new URL("http://127.0.0.1:9000"), { key: "k", iceTransportPolicy: "relay", connect, onCheck: ({ name }) => name === "path" });
same<typeof diagnosis.checks, Check[]>(true);
same<Check["code"], string | undefined>(true);
// @ts-expect-error: no such option
await doctor("http://127.0.0.1:9000", { timeout: 500 });
// @ts-expect-error: no such step
diagnosis.checks.some(({ name }) => name === "paths");

// The test kit: functions are typed by the action they answer.
interface Tally {
  actions: { tally: { request: { to: number }; response: { sum: number }; item: { n: number } } };
}
const server = await memoryServer<Tally>({
  actions: {
    async *tally({ to }, call) {
      for (let n = 0; n < to && !call.signal.aborted; n++) yield { n };
      return { sum: to };
    },
  },
});
await memoryServer<Tally>({ actions: { tally: ({ to }) => ({ sum: to }) } });
// @ts-expect-error: the answer has another shape
await memoryServer<Tally>({ actions: { tally: () => ({ total: 7 }) } });
// @ts-expect-error: no such action
await memoryServer<Tally>({ actions: { tell: () => ({}) } });
const faults = new Faults({ seed: 7 });
const tested = await connect<Tally>(server.url, { ...server.options, WebSocket: faults.wrap(WebSocket), RTCPeerConnection: faults.wrap(RTCPeerConnection) });
await reached(tested, "webrtc");
// @ts-expect-error: not a transport
faults.forbid("pigeon");

// The bridge: the same client, typed by the same table; settings have the type that `host` says.
type Own = {
  actions: { greet: { request: { name: string }; response: { text: string }; item: never }; tell: { request: object; response: object; item: { word: string } } };
  events: { greeted: { type: "event"; event: "greeted"; name: string } };
  clientActions: { who_are_you: { request: { polite: boolean }; response: { name: string }; item: never } };
};
broker({ document: "offscreen.html", settings: async () => ({ url: "http://127.0.0.1:9000" }) });
host<{ url: string; key?: string }>(({ url, key }) => connect(url, { key }));
// @ts-expect-error: no such setting
host<{ url: string }>(({ address }) => connect(address));
const bridged = await connectBridge<Own>({ signal: AbortSignal.timeout(1) });
const either: Agent<Own> = bridged;
same<Awaited<ReturnType<typeof either.stats>>, ClientStats>(true);
const { text } = await bridged.request({ action: "greet", name: "Ada" }, { onEvent: ({ event }) => event.length, onProgress: ({ sent }) => sent });
same<typeof text, string>(true);
for await (const { word } of bridged.stream({ action: "tell" })) word.length;
// @ts-expect-error: nothing to stream
bridged.stream({ action: "greet", name: "Ada" });
bridged.on("greeted", ({ name }) => name.length)();
bridged.serve({ who_are_you: ({ polite }, { signal, requestId }) => ({ name: polite && !signal.aborted ? requestId : "" }) })();
// @ts-expect-error: the answer has another type
bridged.serve({ who_are_you: () => ({ name: 1 }) });
// @ts-expect-error: no such action is asked for
bridged.serve({ who_am_i: () => ({}) });
const port: NativePort = connectNative("com.tabagent.server", { agent: bridged });
port.onMessage.addListener((message, from) => message.status === from.name);
port.onDisconnect.addListener(({ error }) => error?.code);

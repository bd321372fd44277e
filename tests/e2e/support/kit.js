// What the test kit of the package promises, each as a function that answers what it saw. Run by kit.test.mjs in Node and, as /kit.js, in a page.

const codeOf = (promise) => promise.then(() => "no error", ({ code, details }) => (details ? { code, details } : code));

/** Reads all of a stream. */
const all = async (stream) => {
  const items = [];
  for await (const item of stream) items.push(item);
  return { items, response: await stream.response };
};

/** Whether numbers are 0, 1, 2, … */
const inOrder = (items) => items.every(({ n }, at) => n === at);

const numbers = async function* ({ to }) {
  for (let n = 0; n < to; n++) yield { n };
  return { type: "counted", to };
};

/** @param {typeof import("@tabagent/client")} client @param {typeof import("@tabagent/client/testing")} testing */
export const cases = ({ connect, TabagentClient }, { Faults, memoryServer, reached }) => ({
  "answers, failures with their codes, raw bytes": async () => {
    const server = await memoryServer({
      actions: {
        add: ({ a, b }) => ({ sum: a + b }),
        refuse: () => {
          throw Object.assign(new Error("not today"), { code: "closed_on_sundays", details: { until: "Monday" } });
        },
        reverse: (_, { payload }) => ({ type: "reversed", payload: payload.toReversed() }),
        nothing: () => {},
        async *huge() {
          yield { text: "x".repeat(2 * 1024 * 1024) };
        },
      },
    });
    const unasked = await codeOf(server.request("who"));
    const agent = await connect(server.url, server.options);
    const reversed = await agent.request({ action: "reverse" }, { payload: Uint8Array.of(1, 2, 3) });
    const seen = {
      client: agent instanceof TabagentClient,
      transport: agent.transport,
      sum: await agent.request({ action: "add", a: 1, b: 2 }),
      refused: await codeOf(agent.request({ action: "refuse" })),
      unknown: await codeOf(agent.request({ action: "fly" })),
      nothing: await agent.request({ action: "nothing" }),
      reversed: [reversed.type, ...reversed.payload],
      unasked,
      huge: await codeOf(agent.stream({ action: "huge" }).response),
      late: await codeOf(new Promise((_, reject) => setTimeout(reject, 0, { code: "timer" }))),
    };
    agent.close();
    server.close();
    return seen;
  },

  "bodies, up and down, over transports that break": async () => {
    const faults = new Faults({ seed: 3 });
    const server = await memoryServer({
      actions: {
        weigh: async (_, { body }) => {
          let [bytes, sum] = [0, 0];
          for await (const piece of body) {
            if (bytes < 1_000_000 && bytes + piece.length >= 1_000_000) faults.cut();
            bytes += piece.length;
            sum = piece.reduce((sum, byte) => (sum + byte) % 65_521, sum);
          }
          return { bytes, sum };
        },
        pieces: async function* ({ count }) {
          for (let n = 0; n < count; n++) yield { payload: new Uint8Array(1_000).fill(n) };
          return {};
        },
      },
    });
    const agent = await connect(server.url, { ...server.options, WebSocket: faults.wrap(server.options.WebSocket), reconnect: { retryMs: 1, maxRetryMs: 10 } });
    const up = new Uint8Array(2_000_000).map((_, at) => at % 251);
    const weighed = await agent.request({ action: "weigh" }, { body: up });
    const none = await agent.request({ action: "weigh" });
    const { items } = await all(agent.stream({ action: "pieces", count: 200 }));
    const whole = items.every(({ payload }, n) => payload.length === 1_000 && payload.every((byte) => byte === n));
    agent.close();
    server.close();
    return { weighed: [weighed.bytes, weighed.sum === up.reduce((sum, byte) => (sum + byte) % 65_521, 0)], none, count: items.length, whole, moved: faults.transports.length > 1 };
  },

  "streams: items, the answer, and a producer that waits for its reader": async () => {
    let produced = 0;
    let stopped = false;
    const server = await memoryServer({
      actions: {
        numbers,
        flood: async function* (_, { signal }) {
          signal.addEventListener("abort", () => (stopped = true));
          const text = "x".repeat(1_000);
          for (;;) yield { n: produced++, text };
        },
      },
    });
    const agent = await connect(server.url, server.options);
    const { items, response } = await all(agent.stream({ action: "numbers", to: 500 }));
    const flood = agent.stream({ action: "flood" });
    await flood.next();
    for (let n = 0; n < 100; n++) await agent.request({ action: "subscribe", events: [] });
    const waiting = produced;
    for (let n = 0; n < 1_000; n++) await flood.next();
    flood.cancel();
    while (!stopped) await agent.request({ action: "subscribe", events: [] });
    agent.close();
    server.close();
    return { count: items.length, inOrder: inOrder(items), response, waits: waiting < 400, goesOn: produced > 1_000, ended: await codeOf(flood.response) };
  },

  "calls that are withdrawn or late; news of a call; questions to the client; events": async () => {
    let reason;
    const server = await memoryServer({
      actions: {
        wait: (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject((reason = new Error("withdrawn"))))),
        work: async (_, call) => {
          await call.emit({ event: "progress", percent: 50 });
          const { name } = await call.request("who", { polite: true });
          const failed = await call.request("nobody serves this").catch(({ code }) => code);
          return { name, failed, requestId: call.requestId };
        },
      },
    });
    const agent = await connect(server.url, server.options);
    agent.serve({ who: ({ polite }) => ({ name: polite ? "if you please" : "you" }) });
    const controller = new AbortController();
    const withdrawn = codeOf(agent.request({ action: "wait" }, { signal: controller.signal }));
    await agent.request({ action: "subscribe", events: [] });
    controller.abort();
    const codes = [await withdrawn, await codeOf(agent.request({ action: "wait" }, { timeoutMs: 20 }))];
    const news = [];
    const worked = await agent.request({ action: "work" }, { requestId: "mine", onEvent: ({ event, percent }) => news.push(`${event} ${percent}`) });
    const heard = [];
    const off = agent.on("model_loaded", ({ model }) => heard.push(model));
    await agent.request({ action: "subscribe", events: [] });
    server.publish({ event: "model_loaded", model: "one" });
    server.publish({ event: "something_else" });
    while (heard.length === 0) await agent.request({ action: "subscribe", events: [] });
    off();
    await agent.request({ action: "subscribe", events: [] });
    server.publish({ event: "model_loaded", model: "two" });
    const asked = await server.request("who", {});
    const endless = {};
    agent.serve({ odd: () => Promise.reject({ code: "odd", message: "odd", details: Object.assign(endless, { endless }) }) });
    const untold = await codeOf(server.request("odd", {}));
    const { sessions, calls } = server.counts;
    agent.close();
    server.close();
    return { codes, reason: reason.message, worked, news, heard, asked, untold, sessions, calls };
  },

  "a session goes on over the next transport, whatever happens to this one": async () => {
    const faults = new Faults({ seed: 20 });
    const server = await memoryServer({ actions: { numbers } });
    const options = { ...server.options, WebSocket: faults.wrap(server.options.WebSocket) };
    const reconnect = { retryMs: 1, maxRetryMs: 10, stableMs: 0 };
    const patient = await connect(server.url, { ...options, reconnect });
    const seen = {};
    const streamed = async (name, trouble, agent = patient) => {
      const before = faults.transports.length;
      const stream = agent.stream({ action: "numbers", to: 2_000 });
      const items = [];
      for await (const item of stream) {
        items.push(item);
        trouble?.(items.length);
      }
      const { to } = await stream.response;
      seen[name] = [items.length, to, inOrder(items), faults.transports.length > before];
    };
    await streamed("calm");
    await streamed("cut", (count) => count % 400 === 7 && faults.cut());
    faults.duplicate(0.5);
    await streamed("twice");
    faults.duplicate(0);
    faults.drop(0.01);
    // Three times: should it be a session's first word on a transport, that is given up only after five seconds.
    const enough = faults.transports.length + 3;
    await streamed("dropped", () => faults.transports.length >= enough && faults.drop(0));
    faults.drop(0);
    faults.delay(1, 3);
    await streamed("late");
    faults.delay(0);
    await streamed("frozen", (count) => {
      if (count !== 600) return;
      faults.freeze();
      setTimeout(() => faults.thaw(), 50);
    });
    const quick = await connect(server.url, { ...options, reconnect: { ...reconnect, silenceMs: 100, answerMs: 100 } });
    await streamed("silent", (count) => count === 600 && faults.transports.at(-1).freeze(), quick);
    quick.close();
    patient.close();
    server.close();
    return seen;
  },

  "a server that starts anew knows nobody": async () => {
    const server = await memoryServer({ actions: { wait: () => new Promise(() => {}), hello: () => ({ hello: "again" }) } });
    const agent = await connect(server.url, { ...server.options, reconnect: { retryMs: 1, maxRetryMs: 10 } });
    const lost = codeOf(agent.request({ action: "wait" }));
    await agent.request({ action: "hello" });
    server.restart();
    const seen = { lost: await lost, hello: (await agent.request({ action: "hello" })).hello };
    agent.close();
    server.close();
    return seen;
  },

  "what is forbidden cannot be opened; a server that ends is gone": async () => {
    const faults = new Faults();
    const server = await memoryServer({ actions: { hello: () => ({ hello: "there" }) } });
    const options = { ...server.options, WebSocket: faults.wrap(server.options.WebSocket) };
    faults.forbid("websocket");
    const forbidden = await codeOf(connect(server.url, { ...options, connectTimeoutMs: 200 }).then(() => {}, ({ code }) => Promise.reject({ code })));
    faults.permit("websocket");
    const agent = await connect(server.url, options);
    await reached(agent, "websocket");
    server.close();
    const late = await codeOf(agent.request({ action: "hello" }, { timeoutMs: 50 }));
    const { state } = agent;
    agent.close();
    return { forbidden, late, state };
  },
});

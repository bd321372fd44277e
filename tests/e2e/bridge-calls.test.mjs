// What calls over the bridge carry: bytes in every form, news, events, calls of the server's, signals in both directions.
import assert from "node:assert/strict";
import { test } from "node:test";

import { begin } from "./support/bridge.mjs";
import { until } from "./support/server.mjs";

const inMemory = { more: { memory: true } };
const cloning = (manifest) => (manifest.message_serialization = "structured_clone");

/** In any context: what becomes of bytes in all the forms that a call takes. */
const sendAll = async () => {
  const { connected, outcome } = globalThis.caller;
  const agent = await connected();
  const take = (options) => outcome(agent.request({ action: "take" }, options));
  const bytes = Uint8Array.from({ length: 8 }, (_, at) => at);
  async function* pieces() {
    yield bytes.subarray(0, 4);
    yield bytes.subarray(4);
  }
  const sent = {
    array: await take({ payload: bytes.subarray(2, 4) }),
    buffer: await take({ payload: bytes.buffer }),
    view: await take({ body: new DataView(bytes.buffer, 6, 2) }),
    floats: await take({ body: new Float32Array([1]) }),
    blob: await take({ body: new Blob([bytes]) }),
    stream: await take({ body: new Blob([bytes]).stream() }),
    pieces: await take({ body: pieces() }),
    large: (await take({ payload: new Uint8Array(300_000).fill(9) })).value?.payload.length,
  };
  const { payload } = await agent.request({ action: "give", bytes: 100_000 });
  return { sent, kept: bytes.length, given: [payload.constructor.name, payload.length, payload.every((byte) => byte === 7)] };
};

/** What must have arrived. */
const arrived = (all) => {
  assert.equal(all.sent.array.value?.payload, "0203", JSON.stringify(all.sent.array));
  assert.equal(all.sent.buffer.value?.payload, "0001020304050607");
  assert.equal(all.sent.view.value?.body, "0607");
  assert.equal(all.sent.floats.value?.body, "0000803f");
  assert.equal(all.sent.large, 600_000);
  assert.equal(all.kept, 8, "the caller keeps its bytes");
  assert.deepEqual(all.given, ["Uint8Array", 100_000, true]);
};

test("bytes in every form go up and down, from a page", async (t) => {
  const { page } = await begin(t, inMemory);
  const all = await (await page("tab")).evaluate(sendAll);
  arrived(all);
  for (const form of ["blob", "stream", "pieces"]) assert.equal(all.sent[form].value?.body, "0001020304050607", JSON.stringify(all.sent[form]));
});

for (const clones of [true, false]) {
  test(`bytes from a content script, ${clones ? "cloned" : "as JSON"}: what cannot go is refused by name`, async (t) => {
    const { site } = await begin(t, { ...inMemory, change: clones ? cloning : undefined });
    const { content } = await site();
    const all = await content.evaluate(sendAll);
    arrived(all);
    if (clones) assert.equal(all.sent.blob.value?.body, "0001020304050607", JSON.stringify(all.sent.blob));
    for (const form of clones ? ["stream", "pieces"] : ["blob", "stream", "pieces"]) {
      assert.equal(all.sent[form].code, "not_supported", JSON.stringify(all.sent[form]));
      assert.match(all.sent[form].message, /structured_clone/);
    }
  });
}

test("a reader that stops, stops the server within a window of bytes; bytes move and are not copied", async (t) => {
  const { page, targets } = await begin(t, inMemory);
  const tab = await page("tab");
  await tab.evaluate(() => caller.connected().then(String));
  const [items, bytes] = [200, 16 * 1024];
  await targets.evaluate("offscreen.html", () => {
    globalThis.moved = [];
    const { postMessage } = MessagePort.prototype;
    MessagePort.prototype.postMessage = function (message, moves) {
      const { buffer } = message?.value?.payload ?? {};
      const before = buffer?.byteLength;
      postMessage.call(this, message, moves);
      if (buffer) moved.push([before, buffer.byteLength].join(" "));
    };
  });
  await tab.evaluate(async (fields) => {
    const agent = await caller.connected();
    globalThis.many = agent.stream({ action: "many", ...fields });
    await many.next();
  }, { items, bytes });
  // When it stands still, what it has given is in the windows of the session and of the link, and no more.
  const given = () => targets.evaluate("offscreen.html", () => counted.given);
  let before = -1;
  const stood = await until(given, (now) => now === before || ((before = now), false));
  assert.ok(stood >= 4 && stood <= (2 * 256 + 64) / 16 + 4, String(stood));
  const rest = await tab.evaluate(async () => {
    const sizes = [];
    for await (const { at, payload } of many) sizes.push([at, payload.length, payload.byteOffset, payload.buffer.byteLength, payload[0] === at % 256]);
    return { sizes, whole: await many.response };
  });
  assert.deepEqual(rest.sizes, Array.from({ length: items - 1 }, (_, at) => [at + 1, bytes, 0, bytes, true]));
  assert.deepEqual(rest.whole, { items });
  // A buffer that has been moved is empty where it came from.
  assert.deepEqual(await targets.evaluate("offscreen.html", () => [moved.length, ...new Set(moved)]), [items, `${bytes} 0`]);
});

test("news of a call, its progress, events of the server: each context hears its own, and who stopped hears nothing", async (t) => {
  const { page, worker } = await begin(t, inMemory);
  const tab = await page("tab");
  const listen = async () => {
    const agent = await caller.connected();
    globalThis.heard = [];
    globalThis.off = agent.on("told", () => heard.push("told"));
    await agent.request({ action: "health" });
  };
  await Promise.all([tab, worker].map((context) => context.evaluate(listen)));
  const tell = async () => {
    const agent = await caller.connected();
    await agent.request({ action: "tell" }, { onEvent: ({ event, percent }) => heard.push(`${event} ${percent}`) });
    return heard;
  };
  assert.deepEqual((await tab.evaluate(tell)).sort(), ["progress 50", "told"]);
  assert.deepEqual(await worker.evaluate(() => heard), ["told"]);
  await worker.evaluate(() => off());
  assert.deepEqual((await tab.evaluate(tell)).sort(), ["progress 50", "progress 50", "told", "told"]);
  assert.deepEqual(await worker.evaluate(async () => (await (await caller.connected()).request({ action: "health" }), heard)), ["told"]);
  const progress = await tab.evaluate(async () => {
    const seen = [];
    await (await caller.connected()).request({ action: "take" }, { body: new Uint8Array(200_000), onProgress: ({ sent, total }) => seen.push([sent, total]) });
    return seen;
  });
  assert.deepEqual(progress.at(-1), [200_000, 200_000]);
  assert.ok(progress.length > 1);
});

test("the server's calls go to the context that offered last; its death is outcome_unknown, and the one before counts again", async (t) => {
  const { page } = await begin(t, inMemory);
  const [first, last] = [await page("tab"), await page("panel")];
  const offer = (name) =>
    caller.connected().then(async (agent) => {
      agent.serve({
        who: ({ suffix = "" }, { requestId }) => ({ name: name + suffix, requestId: typeof requestId }),
        fail: () => Promise.reject(Object.assign(new Error("not today"), { code: "forbidden", details: { until: "tomorrow" } })),
        odd: () => Promise.reject({ code: "odd", message: "odd", details: { cannot: () => "travel" } }),
        hang: (_, { signal }) => new Promise((resolve) => ((globalThis.hanging = true), signal.addEventListener("abort", () => resolve((globalThis.aborted = true))))),
      });
      await agent.request({ action: "health" });
    });
  const ask = (page, name, fields = {}) => page.evaluate(async (fields) => caller.outcome((await caller.connected()).request({ action: "ask", ...fields })), { name, fields });
  assert.equal((await ask(first, "who")).code, "unknown_action");
  await first.evaluate(offer, "first");
  await last.evaluate(offer, "last");
  assert.deepEqual(await ask(first, "who", { suffix: "!" }), { value: { answer: { name: "last!", requestId: "string" } } });
  const { code, message, details } = await ask(first, "fail");
  assert.deepEqual([code, message, details], ["forbidden", "not today", { until: "tomorrow" }]);
  assert.equal((await ask(first, "odd")).code, "internal", "a failure that cannot travel is told as one");
  const asked = ask(first, "hang");
  await last.waitForFunction(() => globalThis.hanging);
  await last.close();
  assert.equal((await asked).code, "outcome_unknown");
  assert.deepEqual((await ask(first, "who")).value, { answer: { name: "first", requestId: "string" } });
});

test("a signal withdraws a call wherever it is made, and a session that ends aborts the signals of what it asked", async (t) => {
  const { page, site, targets } = await begin(t, inMemory);
  const tab = await page("tab");
  const { content } = await site();
  const abort = async () => {
    const [agent, controller] = [await caller.connected(), new AbortController()];
    const waiting = caller.outcome(agent.request({ action: "wait" }, { signal: controller.signal }));
    await agent.request({ action: "health" });
    controller.abort();
    return waiting;
  };
  for (const [at, context] of [tab, content].entries()) {
    assert.equal((await context.evaluate(abort)).code, "cancelled");
    assert.equal(await until(() => targets.evaluate("offscreen.html", () => counted.aborted), (aborted) => aborted === at + 1), at + 1);
  }
  const { calls, state } = await content.evaluate(async () => (await caller.connected()).stats());
  assert.deepEqual([calls.ours, state], [0, "connected"]);
  await tab.evaluate(async () => {
    const agent = await caller.connected();
    agent.serve({ hang: (_, { signal }) => new Promise(() => ((globalThis.hanging = true), signal.addEventListener("abort", () => (globalThis.aborted = true)))) });
    void caller.outcome(agent.request({ action: "ask", name: "hang" }));
  });
  await tab.waitForFunction(() => globalThis.hanging);
  await targets.evaluate("offscreen.html", () => server.restart());
  await tab.waitForFunction(() => globalThis.aborted);
});

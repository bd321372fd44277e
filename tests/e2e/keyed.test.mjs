// What is to happen once happens once: calls with an idempotency key, repeated by the same page, after a reload, to another server.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { getJson, root, startServer } from "./support/server.mjs";

/** Slow enough that a page can go away in the middle of an answer. */
const pace = ["--tokens-per-second", "100"];

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

async function serve(t, flags = [], port = "0") {
  const server = await startServer({ args: ["--port", port, "--www", `${root}/www`, "--allow-local", ...flags] });
  t.after(() => server.stop());
  return server;
}

/** A page with a client, as it is after each load of it. */
async function load(page, options = {}) {
  await page.evaluate(async (options) => {
    Object.assign(window, await import("/transports.js"), await import("/client/index.js"));
    window.codeOf = (promise) => promise.then(() => "no error", (error) => error.code);
    window.agent = await connect(location.origin, options);
    window.count = (n) => ({ action: "chat", model: "default", messages: [{ role: "user", content: `Count to ${n}` }] });
    /** All of a stream. */
    window.whole = async (stream) => {
      const items = [];
      for await (const { index, delta } of stream) items.push([index, delta]);
      const { response: text, usage } = await stream.response;
      return { items, text, tokens: usage.completion_tokens };
    };
  }, options);
}

async function pageOf(t, url, options) {
  const page = await openWith(browser, url, "transports.js");
  t.after(() => page.close());
  await load(page, options);
  return page;
}

/** Tokens that the server's models have produced. */
const produced = async (url) => (await getJson(`${url}/v1/stats`)).body.tokens_generated;

for (const transports of [["webrtc", "websocket"], ["websocket"]]) {
  test(`a page that is reloaded in the middle of a chat gets the whole of it, and it is produced once (${transports})`, async (t) => {
    const { url } = await serve(t, pace);
    const page = await pageOf(t, url, { transports });
    const plain = await page.evaluate(() => whole(agent.stream(count(80))));
    const before = await produced(url);
    await page.evaluate(async () => {
      sessionStorage.setItem("boot", agent.boot);
      const stream = agent.stream(count(80), { idempotencyKey: "the chat", boot: agent.boot });
      for (let n = 0; n < 20; n++) await stream.next();
    });
    await page.reload();
    await load(page, { transports });
    const again = await page.evaluate(async () => {
      const boot = sessionStorage.getItem("boot");
      if (boot !== agent.boot) throw new Error(`the server was ${boot}, and is ${agent.boot}`);
      return whole(agent.stream(count(80), { idempotencyKey: "the chat", boot }));
    });
    assert.match(plain.text, /79.*80/s);
    assert.deepEqual(again, plain, "from its first item on");
    assert.equal((await produced(url)) - before, plain.tokens, "tokens were produced once");
    // It is over, and still there.
    const kept = await page.evaluate(() => whole(agent.stream(count(80), { idempotencyKey: "the chat" })));
    assert.deepEqual(kept, plain);
    assert.equal((await produced(url)) - before, plain.tokens);
  });
}

test("in one page the newest reader has the call; another body is another request, another boot another server", async (t) => {
  const { url } = await serve(t, pace);
  const page = await pageOf(t, url);
  const before = await produced(url);
  const seen = await page.evaluate(async () => {
    const first = agent.stream(count(60), { idempotencyKey: "one" });
    for (let n = 0; n < 10; n++) await first.next();
    const second = whole(agent.stream(count(60), { idempotencyKey: "one" }));
    const out = { first: await codeOf(first.response), second: await second };
    out.other = await codeOf(agent.request(count(61), { idempotencyKey: "one" }));
    out.elsewhere = await codeOf(agent.request(count(60), { idempotencyKey: "one", boot: "0".repeat(32) }));
    out.noBoot = await codeOf(agent.request(count(60), { idempotencyKey: "one", boot: "last week" }));
    const save = () => agent.request({ action: "save_message", session_id: "s", message: { role: "user", content: "once" } }, { idempotencyKey: "save" });
    out.saved = [await save(), await save()].map(({ message_id }) => message_id);
    out.kept = (await agent.request({ action: "chat_history", session_id: "s" })).messages.length;
    agent.close();
    return out;
  });
  assert.equal(seen.first, "invalid_state");
  assert.deepEqual(seen.second.items.map(([index]) => index), seen.second.items.map((_, at) => at));
  assert.equal((await produced(url)) - before, seen.second.tokens);
  assert.deepEqual([seen.other, seen.elsewhere, seen.noBoot], ["invalid_state", "outcome_unknown", "bad_request"]);
  assert.equal(seen.saved[0], seen.saved[1]);
  assert.equal(seen.kept, 1);
});

test("a body under a key is sent once: the repeat gets the first answer, and its source is stopped", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tabagent-keyed-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { url } = await serve(t, ["--files", folder]);
  const page = await pageOf(t, url);
  const seen = await page.evaluate(async () => {
    const write = (body) => agent.request({ action: "write_file", path: "once" }, { body, idempotencyKey: "write" });
    let stopped = false;
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100_000)), cancel: () => void (stopped = true) }, { highWaterMark: 0 });
    const answers = [await write(new Blob(["what was sent"])), await write(endless)];
    agent.close();
    return { answers, stopped };
  });
  assert.deepEqual(seen.answers[1], seen.answers[0]);
  assert.ok(seen.stopped);
  assert.equal(readFileSync(join(folder, "once"), "utf8"), "what was sent");
});

test("a call whose server was started anew is not made a second time by accident", async (t) => {
  const first = await serve(t, pace);
  const page = await pageOf(t, first.url, { transports: ["websocket"], reconnect: { silenceMs: 300, answerMs: 200, maxRetryMs: 100 } });
  await page.evaluate(async () => {
    window.boots = [agent.boot];
    window.stream = agent.stream(count(5_000), { idempotencyKey: "one" });
    await stream.next();
  });
  await first.stop("SIGKILL");
  const second = await serve(t, pace, new URL(first.url).port);
  const seen = await page.evaluate(async () => {
    const out = { lost: await codeOf(stream.response) };
    await agent.request({ action: "health" });
    out.repeat = await codeOf(agent.request(count(10), { idempotencyKey: "one" }));
    out.again = await codeOf(agent.request(count(10), { idempotencyKey: "one" }));
    out.other = await codeOf(agent.request(count(10), { idempotencyKey: "two" }));
    out.changed = agent.boot !== boots[0] && /^[0-9a-f]{32}$/.test(agent.boot);
    agent.close();
    return out;
  });
  assert.deepEqual(seen, { lost: "outcome_unknown", repeat: "outcome_unknown", again: "outcome_unknown", other: "no error", changed: true });
  assert.ok((await produced(second.url)) < 100, "of the new server nobody has asked the long answer");
});

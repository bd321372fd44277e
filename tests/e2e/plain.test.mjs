// Plain JSON under load: many requests in flight on one channel, and answers that are longer than a message may be.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { startServer } from "./support/server.mjs";

let server, browser, page;

before(async () => {
  // Slow enough that a long count ends long after a short one.
  [server, browser] = await Promise.all([startServer({ flags: ["--allow-local", "--tokens-per-second", "200"] }), launch()]);
  page = await openWith(browser, server.url, "plain.js");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("200 requests in flight on one channel are answered as they finish, each under its own id", async () => {
  const { order, answers } = await page.evaluate(async () => {
    const { isAnswer, plainChannel } = await import("/plain.js");
    const channel = await plainChannel();
    // The slowest first: a server that answers in order of arrival would keep the quick ones waiting.
    for (let n = 100; n > 0; n--) {
      channel.send({ action: "generate", model: "default", prompt: `Count to ${n}`, id: n });
    }
    for (let n = 0; n < 100; n++) channel.send({ action: "health", messageId: `quick-${n}` });
    await channel.until((messages) => messages.filter(isAnswer).length === 200);
    channel.close();
    const answers = channel.messages.filter(isAnswer);
    return { order: answers.map(({ id, messageId }) => id ?? messageId), answers };
  });
  assert.equal(new Set(order).size, 200, "every request has one answer");
  for (const { id, type, text } of answers.filter(({ id }) => id)) {
    assert.equal(type, "generate_response");
    assert.ok(text.trim().endsWith(`${id}`), `request ${id} was answered with ${text.slice(-20)}`);
  }
  // Neighbours may swap on a busy machine; those far apart may not, though the slowest were asked first.
  const places = (wanted) => order.flatMap((id, at) => (wanted(id) ? [at] : []));
  const [quick, short, long] = [places((id) => typeof id === "string"), places((id) => id <= 10), places((id) => id > 90)];
  assert.ok(Math.max(...quick) < Math.min(...long), `quick answers at ${quick}, the longest at ${long}`);
  assert.ok(Math.max(...short) < Math.min(...long), `the shortest at ${short}, the longest at ${long}`);
});

test("an answer of 300 KiB and more comes in parts, and joined it is the answer", async () => {
  const seen = await page.evaluate(async () => {
    const { joined, plainChannel } = await import("/plain.js");
    const channel = await plainChannel();
    const input = Array.from({ length: 250 }, (_, n) => `The ${n}th text about lighthouses, harbours and the number ${n * n}.`);
    channel.send({ action: "embeddings", model: "default", input, id: "long" });
    channel.send({ action: "health", id: "short" });
    await channel.until((messages) => messages.some(({ last }) => last) && messages.some(({ id }) => id === "short"));
    channel.close();
    const parts = channel.messages.filter(({ type }) => type === "part");
    const sizes = parts.map((part) => new TextEncoder().encode(JSON.stringify(part)).length);
    const answer = joined(parts);
    const direct = await fetch("/v1/embeddings", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "default", input }),
    });
    return { parts: parts.map(({ id, seq, last }) => ({ id, seq, last })), sizes, answer, direct: await direct.json() };
  });
  const bytes = JSON.stringify(seen.answer).length;
  assert.ok(bytes > 300 * 1024, `${bytes} bytes`);
  assert.ok(seen.sizes.every((size) => size <= 64 * 1024), `${Math.max(...seen.sizes)} bytes in one message`);
  assert.deepEqual(seen.parts, seen.parts.map((_, seq) => ({ id: "long", seq, last: seq === seen.parts.length - 1 })));
  const direct = seen.direct.data.map(({ embedding }) => embedding);
  assert.deepEqual(seen.answer.embeddings, direct, "joined, it is what HTTP answers");
});

// What is quick does not wait behind what is slow.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { startServer } from "./support/server.mjs";

const chats = 20;
const healths = 100;

let server, browser, page;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
  page = await openWith(browser, server.url, "plain.js");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("while 20 chats stream over the SDK, every health overtakes them", async () => {
  const order = await page.evaluate(
    async ({ chats, healths }) => {
      const { connect } = await import("/client/index.js");
      const agent = await connect(location.origin);
      const order = [];
      const streams = [];
      for (let n = 0; n < chats; n++) {
        streams.push(agent.stream({ action: "chat", model: "default", messages: [{ role: "user", content: "Count to 5000" }] }));
      }
      const begun = streams.map(async (stream) => {
        // Each is under way before the first health is asked.
        await stream.next();
        (async () => {
          for await (const _ of stream) order.push("delta");
          order.push("chat");
        })().catch(() => order.push("cancelled"));
      });
      await Promise.all(begun);
      for (let n = 0; n < healths; n++) {
        await agent.request({ action: "health" });
        order.push("health");
      }
      for (const stream of streams) stream.cancel();
      agent.close();
      return order;
    },
    { chats, healths },
  );
  assert.equal(order.filter((what) => what === "health").length, healths);
  assert.ok(!order.slice(0, order.lastIndexOf("health")).includes("chat"), "a chat ended before a health that was asked later");
  assert.ok(order.includes("delta"), "the chats went on meanwhile");
});

test("the same in plain JSON on one channel", async () => {
  const kinds = await page.evaluate(
    async ({ chats, healths }) => {
      const { plainChannel } = await import("/plain.js");
      const channel = await plainChannel();
      for (let n = 0; n < chats; n++) {
        const messages = [{ role: "user", content: "Count to 5000" }];
        channel.send({ action: "chat", model: "default", messages, stream: true, id: `chat-${n}` });
      }
      const under_way = (messages) => new Set(messages.map(({ id }) => id)).size === chats;
      await channel.until(under_way);
      for (let n = 0; n < healths; n++) {
        channel.send({ action: "health", id: `health-${n}` });
        await channel.until((messages) => messages.some(({ id }) => id === `health-${n}`));
      }
      channel.close();
      return channel.messages.map(({ type }) => type);
    },
    { chats, healths },
  );
  assert.equal(kinds.filter((type) => type === "health_response").length, healths);
  assert.ok(!kinds.includes("chat_response"), "a chat ended before a health that was asked later");
});

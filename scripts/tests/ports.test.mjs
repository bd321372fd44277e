// A taken port is named in one sentence that says what to do; a free pair really is free.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";

import { freePair, mustBeFree } from "../lib/ports.mjs";
import { Stop } from "../lib/say.mjs";

async function listen(port) {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("a taken port stops with the flag that helps", async () => {
  const server = await listen(0);
  const { port } = server.address();
  await assert.rejects(mustBeFree("127.0.0.1", port), (error) => error instanceof Stop && error.message.includes(`Port ${port} is taken`) && error.message.includes("--port"));
  server.close();
});

test("both ports of a pair can be listened on", async () => {
  const [first, second] = await freePair();
  assert.equal(second, first + 1);
  await mustBeFree("127.0.0.1", first);
  const server = await listen(second);
  server.close();
});

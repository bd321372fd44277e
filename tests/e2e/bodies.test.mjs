// Bodies up and bytes down: of every kind and size, cut off, failing, refused, changed on the way.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { makeFile, treeHash } from "./support/files.mjs";
import { startServer, until } from "./support/server.mjs";

let server, browser, folder, page;

const inFolder = (name) => join(folder, name);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tabagent-bodies-"));
  [server, browser] = await Promise.all([startServer({ flags: ["--allow-local", "--files", folder] }), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A page with everything that the tests need. */
async function fresh() {
  await page?.close();
  page = await openWith(browser, server.url, "transports.js");
  await page.evaluate(async () => {
    Object.assign(window, await import("/transports.js"), await import("/client/index.js"), await import("/client/files.js"));
    window.codeOf = (promise) => promise.then(() => "no error", (error) => error.code ?? `${error.name}: ${error.message}`);
    window.turns = async (n) => {
      for (; n > 0; n--) await new Promise((resolve) => setTimeout(resolve));
    };
    /** A source that counts what is taken of it, and hears that no more is wanted. */
    window.source = (chunk = 64 * 1024) => {
      const seen = { pulls: 0, cancelled: undefined };
      const pull = (controller) => (seen.pulls++, controller.enqueue(new Uint8Array(chunk)));
      const cancel = (reason) => void (seen.cancelled = reason?.code ?? "settled");
      seen.stream = new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
      return seen;
    };
  });
  return page;
}

test("bodies of every kind and of awkward sizes arrive as they were", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    const agent = await connect(location.origin);
    const next = random(7);
    const out = [];
    for (const size of [0, 1, 65_535, 65_536, 65_537, 262_144, 262_145, 1_000_000]) {
      const bytes = Uint8Array.from({ length: size }, () => next() * 256);
      const odd = async function* () {
        for (let at = 0; at < size; at += 10_007) yield bytes.subarray(at, at + 10_007);
        yield new Uint8Array();
      };
      const framed = new Uint8Array(size + 7);
      framed.set(bytes, 3);
      const bodies = {
        blob: new Blob([bytes]),
        file: new File([bytes], "name"),
        stream: new Blob([bytes]).stream(),
        iterable: odd(),
        array: bytes,
        buffer: bytes.buffer,
        view: new DataView(framed.buffer, 3, size),
      };
      const hash = await treeHash(bytes);
      for (const [kind, body] of Object.entries(bodies)) {
        const written = await writeFile(agent, "kind", body, { replace: true, hash });
        const read = await readFile(agent, "kind", { type: "image/png" });
        const same = (await read.arrayBuffer().then((buffer) => new Uint8Array(buffer))).every((byte, at) => byte === bytes[at]);
        if (written.bytes !== size || read.size !== size || read.type !== "image/png" || !same) out.push(`${kind} of ${size}`);
      }
    }
    agent.close();
    return out;
  });
  assert.deepEqual(seen, []);
});

test("parts of a file, and streams of it that are left early", async () => {
  makeFile(inFolder("parts"), 1_000_000, 1);
  await fresh();
  const seen = await page.evaluate(async () => {
    const agent = await connect(location.origin);
    const part = await readFile(agent, "parts", { offset: 300_000, length: 100_000 });
    const beyond = await readFile(agent, "parts", { offset: 2_000_000 });
    const stream = agent.stream({ action: "read_file", path: "parts" });
    const piped = await new Response(stream.bytes()).arrayBuffer();
    const { hash } = await stream.response;
    const left = agent.stream({ action: "read_file", path: "parts" });
    const bytes = left.bytes().getReader();
    await bytes.read();
    await bytes.cancel();
    const leftWith = await codeOf(left.response);
    const missing = [await codeOf(readFile(agent, "nowhere")), await codeOf(streamFile(agent, "../etc/passwd").getReader().read())];
    const [partHash, wholeHash] = [await treeHash(part), await treeHash(piped)];
    agent.close();
    return { part: part.size, beyond: beyond.size, partHash, wholeHash, hash, leftWith, missing };
  });
  writeFileSync(inFolder("part"), readFileSync(inFolder("parts")).subarray(300_000, 400_000));
  assert.deepEqual([seen.part, seen.beyond], [100_000, 0]);
  assert.equal(seen.partHash, await treeHash(inFolder("part")));
  assert.deepEqual([seen.wholeHash, seen.hash], [await treeHash(inFolder("parts")), await treeHash(inFolder("parts"))]);
  assert.equal(seen.leftWith, "cancelled");
  assert.equal(seen.missing[0], "not_found");
  assert.match(seen.missing[1], /^(forbidden|not_found)$/);
});

test("what is called off, fails or is refused stops its source, and writes nothing", async () => {
  writeFileSync(inFolder("there"), "there");
  await fresh();
  const seen = await page.evaluate(async () => {
    const agent = await connect(location.origin);
    const out = {};
    const abort = new AbortController();
    const aborted = source();
    const onProgress = ({ sent }) => sent >= 1_000_000 && abort.abort(new Error("enough"));
    out.aborted = await writeFile(agent, "aborted", aborted.stream, { signal: abort.signal, onProgress }).catch((error) => [error.code, error.cause.message, aborted.cancelled]);

    const boom = new Error("boom");
    let returned = 0;
    const failing = {
      async *[Symbol.asyncIterator]() {
        for (let n = 0; n < 3; n++) yield new Uint8Array(100_000);
        throw boom;
      },
    };
    out.failed = await writeFile(agent, "failed", failing).catch((error) => error === boom);
    out.failedPlain = await agent.request({ action: "write_file", path: "failed" }, { body: failing }).catch((error) => error === boom);
    const noBytes = {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: "text" }), return: async () => (returned++, { done: true }) }),
    };
    out.noBytes = [await codeOf(agent.request({ action: "write_file", path: "failed" }, { body: noBytes })), returned];
    const locked = source();
    locked.stream.getReader();
    out.locked = await codeOf(agent.request({ action: "write_file", path: "failed" }, { body: locked.stream }));

    const refused = source();
    out.refused = [await codeOf(writeFile(agent, "there", refused.stream)), refused.cancelled];
    const late = source();
    out.late = [await codeOf(writeFile(agent, "late", late.stream, { timeoutMs: 300 })), late.cancelled];
    const unread = source();
    const { status } = await agent.request({ action: "health" }, { body: unread.stream });
    out.unread = [status, unread.cancelled];
    const lost = source();
    const call = codeOf(writeFile(agent, "lost", lost.stream, { onProgress: ({ sent }) => sent > 500_000 && agent.close() }));
    out.closed = [await call, lost.cancelled];
    out.after = [await codeOf(agent.request({ action: "write_file", path: "x" }, { body: new Blob(["x"]) }))];
    return out;
  });
  assert.deepEqual(seen.aborted, ["cancelled", "enough", "cancelled"]);
  assert.ok(seen.failed && seen.failedPlain, "the call throws what its source threw");
  assert.deepEqual(seen.noBytes, ["TypeError: a body is made of bytes, not of string", 1]);
  assert.match(seen.locked, /TypeError/);
  assert.deepEqual(seen.refused, ["invalid_state", "invalid_state"]);
  assert.deepEqual(seen.late, ["deadline_exceeded", "deadline_exceeded"]);
  assert.equal(seen.unread[1], "settled");
  assert.equal(seen.closed[1], seen.closed[0]);
  assert.deepEqual(seen.after, ["invalid_state"]);
  // The session's end has ended its calls: nothing is written later.
  assert.ok(await until(async () => server.log.some((line) => line.includes("session ended")), Boolean));
  for (const name of ["aborted", "failed", "late", "lost", "x"]) assert.ok(!readdirSync(folder).includes(name), `${name} was written`);
  assert.equal(readFileSync(inFolder("there"), "utf8"), "there");
});

test("bytes that are not those that were named are refused, and those that changed on the way are noticed", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    const agent = await connect(location.origin);
    const content = new Blob(["what was sent"]);
    const out = { refused: await codeOf(writeFile(agent, "refused", content, { hash: await treeHash(new Blob(["something else"])) })) };
    // A server that says something else than it should.
    const lying = {
      request: async (_, { body }) => (await new Response(body).arrayBuffer(), { hash: "0".repeat(64) }),
      stream: () => ({ bytes: () => content.stream(), response: Promise.resolve({ hash: "0".repeat(64) }) }),
    };
    out.written = await codeOf(writeFile(lying, "lies", content));
    out.read = await codeOf(readFile(lying, "lies"));
    out.unverified = [await codeOf(writeFile(lying, "lies", content, { verify: false })), (await readFile(lying, "lies", { verify: false })).size];
    // As in a page that came over plain HTTP from another machine.
    Object.defineProperty(crypto, "subtle", { value: undefined });
    out.insecure = [await codeOf(writeFile(agent, "insecure", content)), await codeOf((async () => readFile(agent, "insecure"))())];
    await writeFile(agent, "insecure", content, { verify: false });
    out.plain = (await readFile(agent, "insecure", { verify: false })).size;
    agent.close();
    return out;
  });
  assert.deepEqual(seen, { refused: "integrity", written: "integrity", read: "integrity", unverified: ["no error", 13], insecure: ["not_supported", "not_supported"], plain: 13 });
  assert.ok(!readdirSync(folder).includes("refused"));
});

test("of a body whose way is silent no more is read than its call may send", async () => {
  await fresh();
  const seen = await page.evaluate(async () => {
    const agent = await connect(location.origin, { transports: ["websocket"] });
    const endless = source();
    const abort = new AbortController();
    const call = codeOf(writeFile(agent, "silent", endless.stream, { signal: abort.signal, onProgress: () => silence(sockets.at(-1)) }));
    while (endless.pulls < 5) await turns(1);
    await turns(100);
    const { pulls } = endless;
    abort.abort();
    const code = await call;
    agent.close();
    return { pulls, code, cancelled: endless.cancelled };
  });
  // Four pieces of 64 KiB fill the window, a fifth may overdraw it, and one more waits.
  assert.ok(seen.pulls <= 6, `${seen.pulls} pieces were read`);
  assert.deepEqual([seen.code, seen.cancelled], ["cancelled", "cancelled"]);
});

// Connecting: every origin of this machine, every kind of candidate, with and without a network.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open } from "./support/chromium.mjs";
import { inNamespace, interfaceUp, loopback } from "./support/namespace.mjs";
import { startServer } from "./support/server.mjs";

const times = 10;
let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Connects in a row and says how each went. */
const connects = (page, transport) =>
  page.evaluate(
    async ([count, transport]) => {
      const { connect } = await import("/client/index.js");
      const results = [];
      for (let n = 0; n < count; n++) {
        const agent = await connect(location.origin, { transports: [transport] });
        const { status } = await agent.request({ action: "health" });
        results.push(status);
        agent.close();
      }
      return results;
    },
    [times, transport],
  );

for (const host of ["localhost", "127.0.0.1"]) {
  for (const transport of ["webrtc", "websocket"]) {
    test(`ten connects in a row from http://${host} over ${transport}`, async () => {
      const page = await open(browser, server.url.replace("127.0.0.1", host));
      assert.deepEqual(await connects(page, transport), Array(times).fill("healthy"));
    });
  }
}

for (const kind of ["all .local", "none at all"]) {
  test(`ten connects with candidates: ${kind}`, async () => {
    const page = await open(browser, server.url);
    // The page's own fetch is watched: what the server is told of candidates is what is asserted.
    await page.evaluate((strip) => {
      const real = window.fetch;
      window.told = [];
      window.fetch = async (input, init) => {
        const request = new Request(input, init);
        let body = await request.clone().text();
        if (strip && request.url.endsWith("/ice")) return new Response('{"success":true}', { status: 200 });
        if (strip) body = body.replace(/a=candidate:[^"]*?\\r\\n/g, "");
        window.told.push(...(body.match(/candidate:[^"\\]+/g) ?? []));
        return real(new Request(request, request.method === "POST" ? { body } : {}));
      };
    }, kind === "none at all");
    assert.deepEqual(await connects(page, "webrtc"), Array(times).fill("healthy"));
    const told = await page.evaluate(() => window.told);
    assert.ok(told.every((candidate) => candidate.includes(".local")), told.join("\n"));
    if (kind === "none at all") assert.deepEqual(told, []);
  });
}

test("no STUN server is asked: nothing leaves the machine unasked", async () => {
  const page = await open(browser, server.url);
  const servers = await page.evaluate(async () => {
    const real = window.RTCPeerConnection;
    const used = [];
    window.RTCPeerConnection = class extends real {
      constructor(configuration) {
        super(configuration);
        used.push(this.getConfiguration().iceServers);
      }
    };
    const { connect } = await import("/client/index.js");
    (await connect(location.origin, { transports: ["webrtc"] })).close();
    return used;
  });
  assert.deepEqual(servers, [[]]);
});

test("the server-offers flow of the SDK", async () => {
  const page = await open(browser, server.url);
  const status = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin, { transports: ["webrtc"], negotiation: "server-offers" });
    const { status } = await agent.request({ action: "health" });
    agent.close();
    return status;
  });
  assert.equal(status, "healthy");
});

test("an interface without a default route is enough for WebRTC", () => {
  const seen = inNamespace("in-namespace.mjs", `${loopback} && ${interfaceUp}`, JSON.stringify({ transports: ["webrtc"] }));
  assert.deepEqual([seen.status, seen.transport], ["healthy", "webrtc"]);
});

test("with loopback only the browser cannot do WebRTC, and says so within two seconds where nothing else is wanted", () => {
  const seen = inNamespace("in-namespace.mjs", loopback, JSON.stringify({ strict: true }));
  assert.equal(seen.code, "no_candidates", JSON.stringify(seen));
  assert.deepEqual(Object.keys(seen.details.transports), ["webrtc"]);
  assert.ok(seen.ms < 2_000, `${seen.ms} ms`);
});

test("with loopback only everything runs over the WebSocket, nobody waits, and an interface that comes up moves it to WebRTC", (t) => {
  const seen = inNamespace("in-namespace.mjs", loopback, "{}", interfaceUp);
  assert.deepEqual([seen.status, seen.transport], ["healthy", "websocket"]);
  assert.ok(seen.ms < 1_000, `${seen.ms} ms to the first answer`);
  assert.equal(seen.tried.error.code, "no_candidates", JSON.stringify(seen.tried));
  assert.equal(seen.moved, "healthy");
  t.diagnostic(`first answer after ${seen.ms.toFixed(0)} ms, moved ${seen.movedMs.toFixed(0)} ms after the interface came up`);
});

// Connecting: every origin of this machine, every kind of candidate, with and without a network.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";

import { launch, open } from "./support/chromium.mjs";
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
const connects = (page, count) =>
  page.evaluate(async (count) => {
    const { connect } = await import("/client/index.js");
    const results = [];
    for (let n = 0; n < count; n++) {
      const agent = await connect(location.origin);
      const { status } = await agent.request({ action: "health" });
      results.push(status);
      agent.close();
    }
    return results;
  }, count);

for (const host of ["localhost", "127.0.0.1"]) {
  test(`ten connects in a row from http://${host}`, async () => {
    const page = await open(browser, server.url.replace("127.0.0.1", host));
    assert.deepEqual(await connects(page, times), Array(times).fill("healthy"));
  });
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
    assert.deepEqual(await connects(page, times), Array(times).fill("healthy"));
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
    (await connect(location.origin)).close();
    return used;
  });
  assert.deepEqual(servers, [[]]);
});

test("the server-offers flow of the SDK", async () => {
  const page = await open(browser, server.url);
  const status = await page.evaluate(async () => {
    const { connect } = await import("/client/index.js");
    const agent = await connect(location.origin, { negotiation: "server-offers" });
    const { status } = await agent.request({ action: "health" });
    agent.close();
    return status;
  });
  assert.equal(status, "healthy");
});

/** Runs a script in a network namespace of its own, prepared by shell commands. */
function inNamespace(prepare) {
  const inner = fileURLToPath(new URL("./support/in-namespace.mjs", import.meta.url));
  const user = process.getuid() === 0 ? [] : ["--user", "--map-root-user"];
  const run = spawnSync("unshare", [...user, "--net", "sh", "-c", `${prepare} && exec "$0" "$1"`, process.execPath, inner], {
    encoding: "utf8",
    timeout: 90_000,
  });
  assert.equal(run.status, 0, `${run.error ?? ""}${run.stderr}`);
  return JSON.parse(run.stdout.trim().split("\n").at(-1));
}

test("an interface without a default route is enough", () => {
  const seen = inNamespace(
    "ip link set lo up && ip link add va type veth peer name vb && ip addr add 192.0.2.2/24 dev va && ip link set va up && ip link set vb up",
  );
  assert.deepEqual(seen, { status: "healthy" });
});

test("with loopback only the browser cannot do WebRTC, and says so within two seconds", () => {
  const seen = inNamespace("ip link set lo up");
  assert.equal(seen.code, "no_candidates", JSON.stringify(seen));
  assert.ok(seen.ms < 2_000, `${seen.ms} ms`);
});

// Why a connection cannot work: every cause is brought about in a real Chromium, and doctor() must name it, and no other.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { transform } from "esbuild";

import { launch, open } from "./support/chromium.mjs";
import { INTERFACE, LOOPBACK, ROUTED, WITHOUT_UDP, inNetwork } from "./support/networks.mjs";
import { getJson, root, startServer } from "./support/server.mjs";

const key = "correct-horse-battery-staple";
/** Where a page comes from that the tests serve themselves: Chromium counts it as one of the internet. */
const PUBLIC = "https://page.test";
const INSECURE = "http://page.test";
/** For what has to run into its time. */
const SHORT = 3_000;

let local, elsewhere, keyed, browser;

before(async () => {
  [local, elsewhere, browser] = await Promise.all([startServer(), startServer(), launch()]);
  keyed = await startServer({ flags: ["--key", key, "--allow-origin", elsewhere.url, "--allow-origin", PUBLIC, "--allow-origin", INSECURE] });
});
after(async () => {
  await browser?.close();
  await Promise.all([local, elsewhere, keyed].map((server) => server?.stop()));
});

/** Diagnoses in a page; `client` adds the client itself as the last check. */
const diagnose = (page, url, { client, ...options } = {}) =>
  page.evaluate(
    async ({ url, client, options }) => {
      const { doctor } = await import("/client/doctor.js");
      const { connect } = client ? await import("/client/index.js") : {};
      return doctor(url, { ...options, ...(client && { connect: (to, wish) => connect(to, { ...wish, strict: true }) }) });
    },
    { url, client, options },
  );

/** What fails, as `step code`. */
const failures = ({ checks }) => checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name} ${code}`);

/** This and nothing else fails, the summary says so, and there is something to do about it. */
function named(diagnosis, ...expected) {
  assert.deepEqual(failures(diagnosis), expected, JSON.stringify(diagnosis, null, 1));
  assert.equal(diagnosis.ok, false);
  const first = diagnosis.checks.find(({ ok }) => !ok);
  assert.ok(diagnosis.summary.startsWith(first.message), diagnosis.summary);
  assert.ok(first.advice.length > 0);
}

function well(diagnosis) {
  assert.deepEqual(failures(diagnosis), [], JSON.stringify(diagnosis, null, 1));
  assert.equal(diagnosis.ok, true);
}

/** A page that no server has: its document and the modules come from here. */
async function pageOf(t, origin, { headers = {}, permissions } = {}) {
  const context = await browser.newContext();
  t.after(() => context.close());
  if (permissions) await context.grantPermissions(permissions, { origin });
  const page = await context.newPage();
  await page.route(`${origin}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    return pathname.startsWith("/client/") ? route.fulfill({ path: `${root}/www${pathname}` }) : route.fallback();
  });
  await page.route(`${origin}/`, (route) => route.fulfill({ contentType: "text/html", headers, body: "<!doctype html><title>page</title>" }));
  await page.goto(`${origin}/`);
  return page;
}

/** Whatever a test serves itself counts as of the internet to Chromium: this page may reach this machine all the same. */
async function permittedPage(t, origin) {
  const context = await browser.newContext();
  t.after(() => context.close());
  await context.grantPermissions(["local-network-access"], { origin });
  return context.newPage();
}

/** A server's own page under a policy of the test's. */
async function pageWithPolicy(t, policy) {
  const page = await permittedPage(t, elsewhere.url);
  await page.route("**/blank.html", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": policy } });
  });
  await page.goto(`${elsewhere.url}/blank.html`);
  return page;
}

test("where nothing is wrong every step is looked at, in order, and leaves nothing behind", async () => {
  const page = await open(browser, local.url);
  const { seen, diagnosis } = await page.evaluate(async () => {
    const [{ doctor }, { connect }] = await Promise.all([import("/client/doctor.js"), import("/client/index.js")]);
    const seen = [];
    const diagnosis = await doctor(location.origin, { onCheck: ({ name }) => seen.push(name), connect });
    return { seen, diagnosis };
  });
  well(diagnosis);
  const names = diagnosis.checks.map(({ name }) => name);
  const steps = ["webassembly", "webrtc", "server", "origin", "key", "version", "websocket", "signaling", "candidates", "path", "encryption", "channel", "round_trip", "session"];
  assert.deepEqual(names, steps);
  assert.deepEqual(seen, names);
  assert.match(diagnosis.summary, /^Everything works\. There is a direct path: .* to host udp 127\.0\.0\.1:\d+/);
  for (const { name, ms } of diagnosis.checks) assert.ok(ms >= 0 && ms < 10_000, `${name}: ${ms} ms`);
  await page.close();
  const { body } = await getJson(`${local.url}/v1/webrtc/session`);
  assert.deepEqual(body.sessions, []);
});

test("an address that is none", async () => {
  const page = await open(browser, local.url);
  for (const url of ["ftp://127.0.0.1", "http://", "http://[::1", "https://127.0.0.1:99999"]) named(await diagnose(page, url), "address bad_address");
});

test("where an address leads to, by its text alone", async () => {
  const { code } = await transform(readFileSync(`${root}/client-wasm/npm/src/doctor/address.ts`, "utf8"), { loader: "ts" });
  const { nearness } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const hosts = {
    loopback: ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"],
    local: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1", "printer.local", "[fd00::2]", "[fe80::1]"],
    public: ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.0.2.1", "[2001:db8::1]"],
    unknown: ["example.com", "127.0.0.1.example.com", "10.example.com", "mylocalhost", ""],
  };
  for (const [expected, names] of Object.entries(hosts)) for (const name of names) assert.equal(nearness(name), expected, name);
});

test("nobody there, and somebody who says nothing", async (t) => {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => (silent.closeAllConnections(), silent.close()));
  const page = await open(browser, local.url);
  const closed = await startServer();
  await closed.stop();
  const refused = await diagnose(page, closed.url);
  named(refused, "server unreachable");
  assert.match(refused.summary, /^Nobody answers at 127/);
  const late = await diagnose(page, `http://127.0.0.1:${silent.address().port}`, { timeoutMs: SHORT / 4 });
  named(late, "server unreachable");
  assert.match(late.summary, /did not answer in time/);
});

test("another program at the address", async (t) => {
  const other = createServer((_, reply) => reply.setHeader("access-control-allow-origin", "*").end("hello")).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => (other.closeAllConnections(), other.close()));
  const page = await open(browser, local.url);
  named(await diagnose(page, `http://127.0.0.1:${other.address().port}`), "server not_a_server");
});

test("an origin that is not listed", async () => {
  const page = await open(browser, elsewhere.url);
  const diagnosis = await diagnose(page, local.url);
  named(diagnosis, "origin origin_refused");
  assert.ok(diagnosis.summary.includes(`--allow-origin ${elsewhere.url}`), diagnosis.summary);
  // With a key the browser asks beforehand, and is refused then.
  named(await diagnose(page, local.url, { key }), "origin origin_refused");
});

test("a host name that is not the server's", async (t) => {
  const origin = local.url.replace("127.0.0.1", "other.localhost");
  const page = await pageOf(t, origin, { permissions: ["local-network-access"] });
  named(await diagnose(page, origin), "origin host_refused");
});

test("no key, a wrong one, one that cannot be one; and the right one", async () => {
  const page = await open(browser, elsewhere.url);
  named(await diagnose(page, keyed.url), "key unauthorized");
  named(await diagnose(page, keyed.url, { key: "battery" }), "key unauthorized");
  named(await diagnose(page, keyed.url, { key: "kéy\n" }), "key unauthorized");
  well(await diagnose(page, keyed.url, { key, client: true }));
});

test("the page's own policy: it forbids the address, or WebAssembly", async (t) => {
  const page = await pageWithPolicy(t, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
  named(await diagnose(page, keyed.url, { key }), "server csp_blocked");
  const noModule = await pageWithPolicy(t, "default-src 'self'; connect-src *");
  named(await diagnose(noModule, elsewhere.url, { client: true }), "webassembly wasm_blocked");
});

test("a browser without WebAssembly", async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => delete globalThis.WebAssembly);
  await page.goto(`${local.url}/blank.html`);
  named(await diagnose(page, local.url), "webassembly no_webassembly");
});

test("a worker has no WebRTC, and everything else is looked at all the same", async (t) => {
  const page = await permittedPage(t, local.url);
  await page.goto(`${local.url}/blank.html`);
  const body = 'import { doctor } from "/client/doctor.js"; postMessage(await doctor(location.origin));';
  await page.route("**/worker.js", (route) => route.fulfill({ contentType: "text/javascript", body }));
  const diagnosis = await page.evaluate(() => {
    const worker = new Worker("/worker.js", { type: "module" });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  });
  named(diagnosis, "webrtc no_webrtc");
  assert.ok(diagnosis.checks.some(({ name, ok }) => name === "version" && ok));
});

test("a page of the internet: permission denied, permission given, not secure enough to ask", async (t) => {
  // Headless, Chromium denies for the person who is not there.
  const denied = await diagnose(await pageOf(t, PUBLIC), keyed.url, { key });
  named(denied, "server local_network_denied");
  const granted = await pageOf(t, PUBLIC, { permissions: ["local-network-access"] });
  well(await diagnose(granted, keyed.url, { key, client: true }));
  named(await diagnose(await pageOf(t, INSECURE), keyed.url, { key }), "server insecure_context");
});

test("a secure page, a server without", async (t) => {
  const page = await pageOf(t, PUBLIC);
  named(await diagnose(page, "http://192.0.2.77:9000", { timeoutMs: SHORT }), "server mixed_content");
  // Among local addresses there is a permission instead.
  named(await diagnose(page, "http://192.168.77.1:9000", { timeoutMs: SHORT }), "server local_network_denied");
});

test("a server with one of its doors closed", async (t) => {
  const [http, webrtc, full] = await Promise.all([
    startServer({ flags: ["--allow-local", "--mode", "http"] }),
    startServer({ flags: ["--allow-local", "--mode", "webrtc"] }),
    startServer({ flags: ["--allow-local", "--limit", "connections=0"] }),
  ]);
  t.after(() => Promise.all([http, webrtc, full].map((server) => server.stop())));
  const at = async (server) => diagnose(await open(browser, server.url), server.url);
  named(await at(http), "signaling webrtc_off");
  well(await at(webrtc));
  named(await at(full), "signaling limit_reached");
});

test("a WebSocket that something in between does not let through", async () => {
  const page = await browser.newPage();
  // Closed before it opens, as by a proxy that knows no upgrade.
  await page.addInitScript(() => {
    globalThis.WebSocket = class extends WebSocket {
      constructor(url, protocols) {
        super(url.replace("/v1/ws", "/v1/nothing"), protocols);
      }
    };
  });
  await page.goto(`${local.url}/blank.html`);
  named(await diagnose(page, local.url), "websocket websocket_blocked");
});

test("a configuration that the browser refuses, and a policy without what it needs", async () => {
  const page = await open(browser, local.url);
  named(await diagnose(page, local.url, { iceServers: [{ urls: "turn:127.0.0.1" }] }), "ice_servers bad_ice_servers");
  named(await diagnose(page, local.url, { iceTransportPolicy: "relay", timeoutMs: SHORT }), "candidates no_turn");
});

test("a client of another version", async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => {
    // The hello's range of versions stands behind two heads, 12 bytes in.
    for (const { prototype } of [RTCDataChannel, WebSocket]) {
      const { send } = prototype;
      prototype.send = function (data) {
        const isHello = data instanceof Uint8Array && data[0] === 1 && data[4] === 1;
        if (isHello) (data = data.slice()), data.set([99, 0, 99, 0], 12);
        return send.call(this, data);
      };
    }
  });
  await page.goto(`${local.url}/blank.html`);
  named(await diagnose(page, local.url, { client: true }), "session version_mismatch");
});

test("a channel on which nobody answers", async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => (RTCDataChannel.prototype.send = () => {}));
  await page.goto(`${local.url}/blank.html`);
  named(await diagnose(page, local.url, { timeoutMs: SHORT }), "round_trip no_answer");
});

test("an aborted diagnosis rejects with the reason", async () => {
  const page = await open(browser, local.url);
  const reasons = await page.evaluate(async () => {
    const { doctor } = await import("/client/doctor.js");
    const attempt = (signal) => doctor(location.origin, { signal }).then(() => "done", (reason) => reason);
    const later = new AbortController();
    const waiting = doctor(location.origin, { signal: later.signal, onCheck: ({ name }) => name === "signaling" && later.abort("later") });
    return [await attempt(AbortSignal.abort("before")), await waiting.then(() => "done", (reason) => reason)];
  });
  assert.deepEqual(reasons, ["before", "later"]);
});

// What follows runs in networks of its own.

const own = { a: ["--allow-local"] };
const one = (options) => ({ servers: own, cases: { it: { server: "a", options } } });

test("no network interface: a loopback alone, and a policy that hides the others", () => {
  const alone = inNetwork(LOOPBACK, "diagnose.mjs", one({ timeoutMs: SHORT })).it;
  named(alone, "candidates no_candidates");
  assert.match(alone.summary, /says that it is offline.* Sessions can run over the WebSocket meanwhile\./);
  const hidden = inNetwork(INTERFACE, "diagnose.mjs", { ...one({}), browserFlags: ["--webrtc-ip-handling-policy=disable_non_proxied_udp"] }).it;
  named(hidden, "candidates no_candidates");
  assert.doesNotMatch(hidden.summary, /offline/);
});

test("one interface is enough; without UDP it is not", () => {
  well(inNetwork(INTERFACE, "diagnose.mjs", one({ client: true })).it);
  named(inNetwork(WITHOUT_UDP, "diagnose.mjs", one({ timeoutMs: SHORT })).it, "path udp_blocked");
});

test("UDP passes, and keys or data do not", () => {
  // By the first byte of a DTLS record: 22 is a handshake, 23 is data.
  const without = (kind) => [...INTERFACE, `nft 'table inet t { chain arriving { type filter hook input priority 0; meta l4proto udp @th,64,8 ${kind} drop; }; }'`];
  named(inNetwork(without(22), "diagnose.mjs", one({ timeoutMs: SHORT })).it, "encryption dtls_failed");
  named(inNetwork(without(23), "diagnose.mjs", one({ timeoutMs: SHORT })).it, "channel channel_failed");
});

test("between networks: nothing but a TURN server helps, and each way in which it does not is told apart", () => {
  const turn = { at: "turn", listen: ["10.1.0.1", "10.2.0.1"], relay: "10.2.0.1", user: "user:secret", peer: "10.2.0.2" };
  // All pages have one address here.
  const base = ["--host", "10.2.0.2", "--key", key, "--limit", "connections_per_ip=50", "--limit", "connections_per_minute=50"];
  const servers = {
    near: [...base, "--udp-bind", "10.2.0.2", "--ice-server", "turn:10.2.0.1:3478,user,secret"],
    forbidden: [...base, "--udp-bind", "10.2.0.3"],
    loopback: base,
    ipv6: [...base, "--udp-bind", "fd00::2"],
  };
  const relay = "relay";
  const at = (credential, place = "10.1.0.1:3478") => [{ urls: `turn:${place}`, username: "user", credential }];
  const ask = (server, options) => ({ server, options: { key, timeoutMs: SHORT, ...options } });
  const cases = {
    direct: ask("near", {}),
    relayed: ask("near", { iceServers: at("secret"), iceTransportPolicy: relay, client: true, timeoutMs: 10_000 }),
    overTcp: ask("near", { iceServers: at("secret", "10.1.0.1:3478?transport=tcp"), iceTransportPolicy: relay, timeoutMs: 10_000 }),
    any: ask("near", { iceServers: at("secret"), timeoutMs: 10_000 }),
    refused: ask("near", { iceServers: at("wrong"), iceTransportPolicy: relay }),
    refusedAny: ask("near", { iceServers: at("wrong") }),
    gone: ask("near", { iceServers: at("secret", "10.1.0.1:9"), iceTransportPolicy: relay }),
    stun: ask("near", { timeoutMs: 10_000, iceServers: [...at("secret"), { urls: ["stun:10.1.0.1:3478", "stun:10.1.0.1:9"] }] }),
    forbidden: ask("forbidden", { iceServers: at("secret"), iceTransportPolicy: relay }),
    loopback: ask("loopback", {}),
    ipv6: ask("ipv6", {}),
  };
  const ice = (credential, place = "10.2.0.1:3478") => [...base, "--udp-bind", "10.2.0.2", "--ice-server", `turn:${place},user,${credential}`];
  const examined = { lends: ice("secret"), refuses: ice("wrong"), silent: ice("secret", "10.2.0.1:9") };
  const seen = inNetwork(ROUTED, "diagnose.mjs", { at: "srv", turn, servers, cases, examined });
  named(seen.direct, "path udp_blocked");
  assert.match(seen.direct.summary, /The server names the TURN server turn:10\.2\.0\.1:3478, which answers/);
  for (const name of ["relayed", "overTcp", "any"]) {
    well(seen[name]);
    assert.match(seen[name].summary, /There is a path over a TURN server: relay udp 10\.2\.0\.1:\d+ to host udp 10\.2\.0\.2:\d+/, name);
  }
  assert.ok(seen.relayed.checks.some(({ name, ok }) => name === "session" && ok));
  named(seen.refused, "ice_servers turn_refused");
  assert.match(seen.refused.summary, /401 Unauthorized/);
  named(seen.refusedAny, "ice_servers turn_refused", "path udp_blocked");
  named(seen.gone, "ice_servers turn_unreachable");
  // A STUN server that nothing depends on is worth a word, and no more.
  well(seen.stun);
  assert.equal(seen.stun.checks.find(({ name }) => name === "ice_servers").code, "stun_unreachable");
  named(seen.forbidden, "path relay_blocked");
  named(seen.loopback, "path server_udp_loopback");
  named(seen.ipv6, "path no_pair");
  // The server's own doctor asks the same TURN server from its side.
  well(seen.lends);
  assert.deepEqual(failures(seen.refuses), ["ice_servers turn_refused"]);
  assert.deepEqual(failures(seen.silent), ["ice_servers ice_silent"]);
});

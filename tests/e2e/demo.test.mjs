// The demonstration extension as its users have it: installed in a real browser, driven through its side panel, popup and options page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { answered, ask, begin, folder, id, install, known, startKnown } from "./support/demo.mjs";
import { binary, getJson, startServer, until } from "./support/server.mjs";

const run = promisify(execFile);
/** A chat that asks the browser. */
const curious = join(dirname(binary), "examples", "curious");

/** A server, and a browser with the extension that it lets in. */
async function both(t, { change, program } = {}) {
  const server = await startKnown({ program });
  t.after(() => server.stop());
  const demo = await install({ change, server });
  t.after(() => demo.close());
  return { server, ...demo };
}

/** What a click on the icon would do, and no driver can: lend a page to the extension. */
const lent = (manifest) => (manifest.host_permissions = ["http://127.0.0.1/*"]);

const state = (wanted) => [(wanted) => document.querySelector("#status").dataset.state === wanted, wanted];

test("from a fresh installation to the first token with the keyboard alone, as the README says", async (t) => {
  const server = await startServer({ flags: [] });
  t.after(() => server.stop());
  const { options, find, close } = await install();
  t.after(close);
  const { stdout } = await run(binary, ["pair", "--data-dir", server.data]);
  const [code] = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(stdout);

  let presses = 0;
  const tabTo = async (surface, id) => {
    for (let tries = 0; tries < 20; tries++) {
      if (await surface.evaluate((id) => document.activeElement?.id === id, id)) return;
      await surface.press("Tab", 9);
      presses += 1;
    }
    assert.fail(`#${id} is not reached by the Tab key`);
  };
  // The first thing is where one begins, and a field that is reached by Tab is selected: what is typed replaces what it held.
  await tabTo(options, "url");
  await options.evaluate(() => document.activeElement.select());
  await options.type(server.url);
  await tabTo(options, "code");
  await options.type(code.toLowerCase());
  await options.press("Enter", 13);
  await options.until(...state("connected"));
  await tabTo(options, "chat");
  await options.press("Enter", 13);
  const panel = await find("panel.html");
  await panel.until(...state("connected"));
  await tabTo(panel, "prompt");
  await panel.type("Count to 5.");
  await panel.press("Enter", 13);
  const { text } = await answered(panel, 0);
  assert.match(text, /^1 2 3 4 5/);
  t.diagnostic(`${presses} presses of Tab`);
  assert.ok(presses < 12, `${presses} presses of Tab`);

  // Escape stops, the draft begins a new line with Shift and Enter.
  await begin(panel, "Count to 5000.");
  await panel.press("Escape", 27);
  await panel.until(() => document.querySelectorAll(".note")[0]?.textContent === "Stopped");
});

test("a stream in the side panel is whole though the service worker is stopped and the popup comes and goes", async (t) => {
  const { server, options, openPanel, find } = await both(t);
  const panel = await openPanel();
  const before = await begin(panel, "Count to 300.");
  await options.send("ServiceWorker.enable");
  await options.send("ServiceWorker.stopAllWorkers");
  const workers = () => options.evaluate(async () => (await chrome.runtime.getContexts({ contextTypes: ["BACKGROUND"] })).length);
  assert.equal(await until(workers, (count) => count === 0), 0);
  await options.evaluate(() => chrome.action.openPopup());
  const popup = await find("popup.html");
  await popup.until(...state("connected"));
  await popup.evaluate(() => setTimeout(close));
  await popup.gone();
  assert.equal(await panel.evaluate(() => document.querySelector(".answer").dataset.deltas), undefined, "it was under way all the time");
  const { text, deltas } = await answered(panel, before);
  assert.deepEqual(text.split(/\s+/).map(Number), Array.from({ length: 300 }, (_, index) => index + 1));
  const { body } = await getJson(`${server.url}/v1/stats`, { headers: known });
  assert.equal(deltas, body.last_generation.output_tokens, "as many pieces as the server made");
  // What is under way goes on when the panel is closed, and what was said is there when it opens.
  await begin(panel, "Count to 100.");
  await panel.close();
  const again = await openPanel();
  assert.match((await answered(again, 0)).text, / 300$/);
  const rest = await answered(again, 1);
  assert.deepEqual([rest.text.split(/\s+/).length, rest.deltas], [100, 100]);
  const { body: after } = await getJson(`${server.url}/v1/stats`, { headers: known });
  assert.equal(after.last_generation.output_tokens, 100);
});

test("a server that goes away is said to be away, and the extension comes back with it by itself", async (t) => {
  const { server, openPanel } = await both(t);
  const panel = await openPanel();
  await ask(panel, "Count to 3.");
  await server.stop("SIGKILL");
  await panel.until(...state("reconnecting"));
  assert.match(await panel.evaluate(() => document.querySelector("#status").innerText), /coming back/);
  const next = await startKnown({ port: new URL(server.url).port });
  t.after(() => next.stop());
  await panel.until(...state("connected"));
  assert.match((await ask(panel, "Count to 4.")).text, /^1 2 3 4$/);
});

test("what is chosen in the settings carries the chat, native messaging too", async (t) => {
  // With the permission from the beginning: nobody can press the button of Chrome's own question.
  const change = (manifest) => manifest.permissions.push(...manifest.optional_permissions.splice(0));
  const { server, profile, options, openPanel } = await both(t, { change });
  await run(binary, ["native-host", "install", "--extension-id", id, "--user-data-dir", profile, "--data-dir", server.data]);
  const panel = await openPanel();
  for (const [choice, shown] of [["websocket", "WebSocket"], ["native", "Native messaging"], ["webrtc", "WebRTC"]]) {
    await options.evaluate((choice) => document.querySelector(`#transport-${choice}`).click(), choice);
    await panel.until((shown) => document.querySelector("#status .tag")?.textContent === shown, shown);
    assert.match((await ask(panel, "Count to 5.")).text, /^1 2 3 4 5$/, choice);
  }
});

test("the agent gets the selection when its user allows it, and a named refusal otherwise", async (t) => {
  const { server, context, options, openPanel } = await both(t, { program: curious, change: lent });
  const panel = await openPanel();
  const site = await context.newPage();
  await site.route("**/story", (route) => route.fulfill({ contentType: "text/html", body: "<title>A story</title><p>Once upon a time</p><p>in a browser</p>" }));
  await site.goto(`${server.url}/story`);
  await site.evaluate(() => getSelection().selectAllChildren(document.querySelector("p")));
  await site.bringToFront();
  const answer = async (decision) => {
    const before = await begin(panel, "What is selected?");
    await panel.until(() => document.querySelector(".ask"));
    await panel.evaluate((decision) => [...document.querySelectorAll(".ask button")].find(({ textContent }) => textContent === decision).click(), decision);
    return (await answered(panel, before)).text;
  };
  assert.match(await answer("No"), /not allowed to look \(forbidden\)/);
  assert.match(await answer("Allow once"), /On “A story” you selected 4 words:\s+Once upon a time/);
  assert.match(await answer("Always allow"), /you selected 4 words/);
  assert.match((await ask(panel, "What is selected?")).text, /you selected 4 words/, "nobody is asked any more");
  await options.evaluate(() => document.querySelector("#consents button").click());
  await options.until(() => !document.querySelector("#consents button"));
  assert.match(await answer("No"), /not allowed/, "taken back on the options page");
  const stolen = await options.evaluate(async () => {
    const [{ id: tabId }] = await chrome.tabs.query({ url: "http://127.0.0.1/*" });
    const [{ result }] = await chrome.scripting.executeScript({ target: { tabId }, func: () => chrome.storage.local.get("token").then(JSON.stringify, String) });
    return result;
  });
  assert.match(stolen, /not allowed/, "a script in a tab reads no token");
});

test("what a model writes never becomes HTML", async (t) => {
  const { openPanel } = await both(t);
  const panel = await openPanel();
  const { text, html } = await ask(panel, "Quote: <img src=x onerror=alert(1)> [here](javascript:alert(1)) and **bold** & `<b>`");
  assert.match(text, /<img src=x/, html);
  assert.match(html, /<strong>bold<\/strong>/);
  assert.doesNotMatch(html, /<img|href="javascript/);
  const deep = `Repeat: ${">".repeat(2_000)} deep`;
  const nested = await ask(panel, deep);
  assert.match(nested.html, /^<p>(&gt;)+ deep/, "nested deeper than anybody reads");
});

test("the README explains every permission of the manifest, and no other", async () => {
  const manifest = JSON.parse(await readFile(join(folder, "public/manifest.json"), "utf8"));
  const readme = await readFile(join(folder, "README.md"), "utf8");
  const explained = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(explained.sort(), [...manifest.permissions, ...manifest.optional_permissions].sort());
  assert.equal(manifest.host_permissions, undefined);
  assert.equal(manifest.content_scripts, undefined);
});

test("axe finds nothing wrong with any page, light or dark", async (t) => {
  const { server, openTab, options } = await both(t);
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const scan = async (page, what) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
      const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id} ${target} ${any[0]?.message ?? ""}`));
      assert.deepEqual(found, [], `${what}, ${colorScheme}`);
    }
  };
  const panel = await openTab("panel.html", { width: 380, height: 760 });
  await panel.waitForSelector("#status[data-state=connected]");
  await scan(panel, "empty panel");
  await panel.fill("#prompt", "Count to 3.");
  await panel.press("#prompt", "Enter");
  await panel.waitForSelector(".answer footer");
  const quote = { part: "page", title: "A page", url: server.url, text: "Its text", length: 8 };
  await panel.evaluate((quote) => chrome.storage.session.set({ asking: quote, "ask 1": { id: "1", action: "list_tabs", since: Date.now() } }), quote);
  await panel.waitForSelector(".ask");
  await scan(panel, "chat");
  await panel.click("#history-open");
  await panel.waitForSelector(".conversation");
  await scan(panel, "conversations");
  const popup = await openTab("popup.html", { width: 352, height: 600 });
  await popup.click("#diagnose");
  await popup.waitForSelector("#verdict[data-verdict]");
  await scan(popup, "popup");
  const settings = await openTab("options.html");
  await settings.waitForSelector("#status[data-state=connected]");
  await scan(settings, "options");
  await options.evaluate(() => document.querySelector("#forget").click());
  await settings.waitForSelector("#status[data-state=unpaired]");
  await scan(settings, "options, unpaired");
  await panel.keyboard.press("Escape");
  await panel.waitForSelector("#setup:not([hidden])");
  await scan(panel, "panel, unpaired");
});

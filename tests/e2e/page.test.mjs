// The test page as a person uses it, by keyboard: connect, chat, stop, any action, disconnect; and what it says when it cannot.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "./support/chromium.mjs";
import { startServer } from "./support/server.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function visit(t, viewport = { width: 1280, height: 900 }) {
  const context = await browser.newContext({ viewport });
  t.after(() => context.close());
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  await page.goto(server.url);
  return { page, wrong };
}

const state = (page, name) => page.locator(`#state[data-state="${name}"]`).waitFor();

test("connect, chat, stop, any action, disconnect", async (t) => {
  const { page, wrong } = await visit(t);
  await page.locator("#address").press("Enter");
  // The first calls ride a WebSocket; the waterfall is WebRTC's.
  await state(page, "connected");
  await page.locator("#state").getByText("connected · webrtc").waitFor();
  const steps = await page.locator("#waterfall > li").allInnerTexts();
  assert.deepEqual(steps.map((text) => text.split(/\s/)[0].toLowerCase()), ["signaling", "ice", "dtls", "channel", "welcome"]);
  for (const text of steps) assert.match(text, /\d ?ms/);
  assert.match(await page.locator("#total-label").innerText(), /first possible call, over websocket/);

  await page.locator("#prompt").fill("Count to 5.");
  await page.locator("#prompt").press("Enter");
  await page.locator("#messages").getByText("1 2 3 4 5").waitFor();

  await page.locator("#prompt").fill("Count to 5000.");
  await page.locator("#prompt").press("Enter");
  await page.locator("#messages").getByText(/1 2 3 4 5 6 7/).waitFor();
  await page.locator("#chat-stop").click();
  await page.locator("#messages").getByText(/stopped/).waitFor();

  await page.locator("#request").fill('{"action":"list_models"}');
  await page.locator("#request").press("Control+Enter");
  await page.locator(".answer").getByText("model_list_response").first().waitFor();

  await page.locator("#disconnect").click();
  await state(page, "closed");
  assert.deepEqual(wrong, []);
});

test("a wrong key is named, with what to do", async (t) => {
  const { page } = await visit(t);
  await page.locator("#key").fill("not the key");
  await page.locator("#key").press("Enter");
  const failure = page.getByRole("alert");
  await failure.getByText("unauthorized").waitFor();
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.ok(!stored.includes("not the key"), "a key is never kept");
});

test("a diagnosis by keyboard: each step with its sign, the whole of it announced", async (t) => {
  const { page } = await visit(t);
  await page.locator("#diagnose").press("Enter");
  const verdict = page.getByRole("status").and(page.locator("#verdict"));
  await verdict.getByText("Everything works.").waitFor();
  const rows = page.getByRole("list", { name: "Steps that were looked at" }).getByRole("listitem");
  assert.equal(await rows.filter({ hasText: "✓" }).count(), await rows.count());
  assert.match(await rows.last().innerText(), /session/);
  await page.locator("#key").fill("not-the-key");
  await page.locator("#diagnose").press("Enter");
  await verdict.getByText("The server wants a key").waitFor();
  assert.match(await rows.last().innerText(), /✗[^]*key[^]*unauthorized/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "diagnose");
});

for (const width of [360, 1280]) {
  test(`nothing is wider than a window of ${width} pixels`, async (t) => {
    const { page } = await visit(t, { width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${over} pixels too wide`);
  });
}

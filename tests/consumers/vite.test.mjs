// A Vite app with React, as a stranger makes one: built, developed, and rendered on a server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { createInterface } from "node:readline";

import { freePair } from "../../scripts/lib/ports.mjs";
import { launch } from "../e2e/support/chromium.mjs";
import { startServer, until } from "../e2e/support/server.mjs";
import { shared } from "./support/consumer.mjs";

const key = "correct-horse-battery-staple";

describe("a Vite app with React", () => {
  const project = shared("vite");
  let browser;

  before(async () => {
    browser = await launch();
    await project.tool("tsc");
  });
  after(() => browser?.close());

  const open = async (t, url) => {
    const page = await browser.newPage();
    t.after(() => page.close());
    page.on("pageerror", (error) => console.error("page:", error.message));
    page.on("console", (message) => message.type() === "error" && console.error("page:", message.text()));
    await page.goto(url);
    const shown = (id) => page.locator(`#${id}`).textContent();
    return { page, shown, shows: (id, wanted) => page.locator(`#${id}`, { hasText: wanted }).waitFor() };
  };

  test("built: a chat under StrictMode, two components on one session", async (t) => {
    await project.tool("vite", "build", "--logLevel", "warn");
    const server = await startServer({ args: ["--port", "0", "--www", project.at("dist"), "--allow-local"] });
    t.after(() => server.stop("SIGKILL"));
    const { page, shown, shows } = await open(t, server.url);
    await shows("state", "connected");
    await shows("transport", "webrtc");
    await page.click("#start");
    await shows("status", "done");
    assert.equal(await shown("whole"), "true");
    assert.match(await shown("text"), /^1 2 3 4 5/);
    // A stream that is called off stops where it is; another may follow.
    await page.click("#endless");
    await shows("text", "1 2 3");
    await page.click("#cancel");
    await shows("status", "cancelled");
    const text = await shown("text");
    assert.match(text, /^1 2 3/);
    await page.click("#start");
    await shows("status", "done");
    assert.equal(await shown("whole"), "true");
    assert.equal(sessions(server), 1);
    // The last component goes, and with it the session.
    await page.evaluate(() => globalThis.leave());
    assert.ok(await until(() => server.log.some((line) => line.includes("session ended session=1")), Boolean));
  });

  test("an agent that the page has is used as it is, and left to the page", async (t) => {
    const server = await startServer({ args: ["--port", "0", "--www", project.at("dist"), "--allow-local"] });
    t.after(() => server.stop("SIGKILL"));
    const { page, shown, shows } = await open(t, `${server.url}/?own`);
    await page.click("#start");
    await shows("status", "done");
    assert.equal(await shown("whole"), "true");
    await page.evaluate(() => globalThis.leave());
    assert.equal(await page.evaluate(() => globalThis.standing()), "connected");
    assert.equal(sessions(server), 1);
  });

  test("developed: the dev server finds the module, without a setting", async (t) => {
    const vite = spawn(project.at("node_modules/.bin/vite"), ["--host", "127.0.0.1", "--port", "0", "--clearScreen", "false"], { cwd: project.at(), stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NO_COLOR: "1" } });
    t.after(() => vite.kill());
    const app = await new Promise((resolve, reject) => {
      createInterface({ input: vite.stdout }).on("line", (line) => {
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
        if (url) resolve(url);
      });
      vite.once("exit", (code) => reject(new Error(`vite ended with ${code}`)));
    });
    const server = await startServer({ flags: ["--key", key, "--allow-origin", app] });
    t.after(() => server.stop("SIGKILL"));
    const { page, shown, shows } = await open(t, `${app}/?url=${server.url}&key=${key}`);
    await shows("state", "connected");
    await page.click("#start");
    await shows("status", "done");
    assert.equal(await shown("whole"), "true");
    assert.equal(sessions(server), 1);
  });

  test("a server that comes later is found by trying again", async (t) => {
    const pages = await startServer({ args: ["--port", "0", "--www", project.at("dist"), "--allow-local"] });
    t.after(() => pages.stop("SIGKILL"));
    const [port] = await freePair();
    const { page, shown, shows } = await open(t, `${pages.url}/?url=http://127.0.0.1:${port}&key=${key}`);
    await shows("state", "closed");
    assert.equal(await shown("error"), "transport_failed");
    const server = await startServer({ args: ["--port", String(port), "--key", key, "--allow-origin", pages.url] });
    t.after(() => server.stop("SIGKILL"));
    await page.click("#retry");
    await shows("state", "connected");
    assert.equal(sessions(server), 1);
  });

  test("rendered on a server: nothing is connected, and the process ends", async () => {
    await project.tool("vite", "build", "--ssr", "src/server.tsx", "--outDir", "ssr", "--logLevel", "warn");
    const { stdout } = await project.node("ssr/server.js");
    assert.match(stdout, /<output id="state">idle<\/output>/);
  });
});

/** How many sessions a server has had: what was mounted twice has not connected twice. */
const sessions = ({ log }) => new Set(log.flatMap((line) => (/session attached session=(\d+)/.exec(line) ?? []).slice(1))).size;

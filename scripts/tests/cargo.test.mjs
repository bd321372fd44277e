// A failure of the network is told apart from a failure of the code, and the code's errors survive cargo's chatter.
import assert from "node:assert/strict";
import { test } from "node:test";

import { errorsOf } from "../lib/cargo.mjs";
import { failed } from "../lib/say.mjs";

const OFFLINE = [
  "npm error code ENOTFOUND\nnpm error errno ENOTFOUND",
  "npm error code EAI_AGAIN",
  "warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name (Could not resolve host: index.crates.io)",
  "error: failed to download from `https://static.crates.io/crates/x`\n\nCaused by:\n  [7] Couldn't connect to server",
  "error: could not download file from 'https://static.rust-lang.org/dist/x.sha256'",
  "Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'",
];
for (const output of OFFLINE) {
  test(`no network: ${output.split("\n")[0].slice(0, 60)}`, () => {
    const stop = failed("It failed.", output);
    assert.match(stop.message, /network/);
    assert.equal(stop.output, "");
  });
}

test("an error of the code is none of the network", () => {
  const output = "error[E0583]: file not found for module `connect`";
  const stop = failed("It failed.", output);
  assert.equal(stop.message, "It failed.");
  assert.equal(stop.output, output);
});

test("errors stay, progress goes", () => {
  const output = "   Compiling serde v1.0.0\r    Building [==> ] 3/9: serde\r\nerror[E0425]: cannot find value `x`\n  --> a.rs:1:1\n";
  assert.equal(errorsOf(output).trim(), "error[E0425]: cannot find value `x`\n  --> a.rs:1:1");
});

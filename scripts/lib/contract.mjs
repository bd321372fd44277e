// The server held against its own OpenAPI document: by a validator of documents, and by schemathesis, which asks what the document allows and
// what it does not, and compares every answer with it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { TARGET } from "./paths.mjs";
import { pythonTools } from "./python.mjs";
import { quiet, runTests } from "./runners.mjs";
import { Stop, say } from "./say.mjs";
import { buildServer, startServer } from "./server.mjs";

const REQUIREMENTS = "tests/contract/requirements.txt";
/** Where the document is written, and what schemathesis keeps of its requests. */
const HOME = join(TARGET, "tools", "contract");

/** What must hold of every answer. Whether a valid request is accepted is not among it: a model may be unloaded, or unable. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "unsupported_method",
  "allow_header_conformance",
];

/** A stream without an end. The tests of the server read it. */
const ENDLESS = "/v1/events";

/** Seconds that one answer may take, on a machine that is busy with something else too. */
const ANSWER = 30;

/**
 * Runs schemathesis against a server of its own, whose models answer as fast as they are read.
 * @param {{ seed: number, examples: number, limit: number }} how the seed of what is asked, how much is asked of each operation, and how long
 * it may take in milliseconds
 * @returns {Promise<import("./runners.mjs").Counts>} the requests made
 */
export async function contract({ seed, examples, limit }) {
  const tool = await pythonTools("contract", REQUIREMENTS);
  await buildServer();
  const files = mkdtempSync(join(tmpdir(), "tabagent-files-"));
  const server = await startServer(["--port", "0", "--allow-local", "--tokens-per-second", "0", "--files", files]);
  try {
    const document = join(HOME, "openapi.json");
    writeFileSync(document, await (await fetch(`${server.url}/v1/openapi.json`)).text());
    await quiet(tool("openapi-spec-validator"), [document]);
    say(`seed ${seed}, ${examples} examples for each operation`);
    const what = ["run", document, "--url", server.url, "--phases", "examples,coverage,fuzzing", "--checks", CHECKS.join(","), "--exclude-path", ENDLESS];
    const how = ["--seed", String(seed), "--max-examples", String(examples), "--continue-on-failure", "--request-timeout", String(ANSWER), "--generation-database", "none", "--warnings", "off"];
    const counts = await runTests(tool("schemathesis"), [...what, ...how], { cwd: HOME, limit });
    if (/panicked/.test(server.log())) throw new Stop("A handler panicked; what the server said is above.", server.log());
    return counts;
  } finally {
    await server.stop();
    rmSync(files, { recursive: true, force: true });
  }
}

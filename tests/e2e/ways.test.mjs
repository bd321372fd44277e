// Every action of the table, by its own examples, on every way in: equal answers, equal refusals. Prints the table.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openWith } from "./support/chromium.mjs";
import { getJson, startServer } from "./support/server.mjs";

/** Fields that differ from one run to the next: times, measurements of the machine, ids made on the way. Compared by type. */
const volatile = new Set([
  ...["timestamp", "uptime_seconds", "created_at", "loaded_at", "created", "last_halt_time"],
  ...["load_time_ms", "query_time_ms", "time_to_first_token_ms", "tokens_per_second", "total_time_ms", "average_response_time_ms"],
  ...["cpu_usage", "memory_usage", "memory_used_mb", "available_bytes", "available_ram_mb", "used_ram_mb", "disk_usage", "safe_ram_mb"],
  ...["message_id", "messages_sent", "messages_received", "bytes_sent", "bytes_received", "tokens_generated", "total_requests"],
  ...["successful_requests", "failed_requests", "models_loaded", "sessions", "request_id"],
]);

/** The way in leaves its mark here: a name of the call that the SDK made, `call-7` of the server. */
const isCallName = (name, value) => name === "id" && typeof value === "string";

let browser, actions;

before(async () => {
  browser = await launch();
  const server = await startServer();
  const { body } = await getJson(`${server.url}/v1/openapi.json`);
  const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, ...operation })),
  );
  actions = operations
    .filter((operation) => operation["x-tabagent-action"] && !operation.deprecated)
    .map((operation) => ({
      name: operation["x-tabagent-action"],
      method: operation.method,
      path: operation.path,
      needsSession: operation["x-tabagent-needs-session"],
      ...operation["x-tabagent-examples"],
    }));
  await server.stop();
});
after(() => browser?.close());

/** What an action answered, as all ways in can say it: without the name that plain JSON and HTTP say back because it was said. */
const told = (body, fields) => {
  if (body.type === "error") return { code: body.code, field: body.details?.field ?? null, status: body.status };
  const { request_id, ...rest } = body;
  return { answer: request_id === fields.request_id ? rest : body };
};

const ways = {
  async SDK(url) {
    const page = await openWith(browser, url, "plain.js");
    await page.evaluate(async () => {
      const { connect } = await import("/client/index.js");
      window.agent = await connect(location.origin);
    });
    const ask = ({ name }, fields) =>
      page.evaluate(
        async ([action, fields]) => {
          try {
            return await agent.request({ action, ...fields });
          } catch ({ code, details, status }) {
            return { type: "error", code, details, status };
          }
        },
        [name, fields],
      );
    return { ask, close: () => page.close() };
  },
  async "plain JSON"(url) {
    const page = await openWith(browser, url, "plain.js");
    await page.evaluate(async () => {
      const { plainChannel } = await import("/plain.js");
      window.channel = await plainChannel();
    });
    const ask = ({ name }, fields) =>
      page.evaluate(
        async ([action, fields]) => {
          const { isAnswer, joined } = await import("/plain.js");
          channel.messages.length = 0;
          channel.send({ action, ...fields });
          await channel.until((messages) => messages.some((message) => isAnswer(message) || message.last));
          const parts = channel.messages.filter(({ type }) => type === "part");
          return parts.length > 0 ? joined(parts) : channel.messages.find(isAnswer);
        },
        [name, fields],
      );
    return { ask, close: () => page.close() };
  },
  async HTTP(url) {
    const ask = async ({ method, path }, fields) => {
      const rest = { ...fields };
      const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
        const value = rest[name];
        delete rest[name];
        return encodeURIComponent(value ?? "");
      });
      if (method === "GET" || method === "DELETE") {
        const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]));
        return (await getJson(`${url}${filled}?${query}`, { method })).body;
      }
      const init = { method, headers: { "content-type": "application/json" }, body: JSON.stringify(rest) };
      return (await getJson(`${url}${filled}`, init)).body;
    };
    return { ask, close: () => {} };
  },
};

/** The examples of the whole table, in its order, on a server of their own. */
async function run(way) {
  const server = await startServer();
  const { ask, close } = await ways[way](server.url);
  try {
    const results = [];
    for (const action of actions) {
      const accepted = told(await ask(action, action.accepted), action.accepted);
      const refused = told(await ask(action, action.refused.fields), action.refused.fields);
      results.push({ accepted, refused });
    }
    return results;
  } finally {
    await close();
    await server.stop();
  }
}

/** Everything that may differ, made equal. */
const steady = (value, name = "") => {
  if (volatile.has(name)) return typeof value;
  if (isCallName(name, value)) return "a name";
  // A sentence with measures of the machine in it.
  if (name === "recommendation") return value.replace(/\d+/g, "N");
  if (Array.isArray(value)) return value.map((one) => steady(one));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, steady(one, key)]));
  return value;
};

/** What the documented mapping to the OpenAI format keeps of our answer: `ours` and `theirs` become the same. */
const openAi = {
  chat: {
    ours: ({ model, response, usage, finish_reason }) => ({ model, text: response, usage, finish_reason }),
    theirs: ({ model, choices: [{ message, finish_reason }], usage }) => ({ model, text: message.content, usage, finish_reason }),
  },
  generate: {
    ours: ({ model, text, usage, finish_reason }) => ({ model, text, usage, finish_reason }),
    theirs: ({ model, choices: [{ text, finish_reason }], usage }) => ({ model, text, usage, finish_reason }),
  },
  embeddings: {
    ours: ({ model, embeddings, usage }) => ({ model, embeddings, usage }),
    theirs: ({ model, data, usage }) => ({ model, embeddings: data.map(({ embedding }) => embedding), usage }),
  },
  list_models: {
    ours: ({ models }) => models.map(({ id }) => id),
    theirs: ({ data }) => data.map(({ id }) => id),
  },
  model_info: {
    ours: ({ info }) => info.id,
    theirs: ({ id }) => id,
  },
  responses: {
    ours: ({ model, output_text }) => ({ model, output_text }),
    theirs: ({ model, output }) => ({
      model,
      output_text: output.flatMap(({ content }) => content.map(({ text }) => text)).join(""),
    }),
  },
};

test("every action answers its examples alike over the SDK, plain JSON and HTTP", async () => {
  assert.ok(actions.length >= 36, `${actions.length} actions`);
  const [sdk, plain, http] = [await run("SDK"), await run("plain JSON"), await run("HTTP")];
  const rows = [];
  const differences = [];
  const same = (name, what, one, other) => {
    try {
      assert.deepEqual(one, other);
      return "equal";
    } catch (error) {
      differences.push(`${name}, ${what}: ${error.message}`);
      return "DIFFERS";
    }
  };
  for (const [at, { name, refused, needsSession }] of actions.entries()) {
    if (needsSession) {
      // Over HTTP there is no session: that is what both examples are told, and it takes the place of what they are told elsewhere.
      const sessionless = { code: "invalid_state", field: null, status: 409 };
      same(name, "HTTP, without a session", [http[at].accepted, http[at].refused], [sessionless, sessionless]);
      http[at] = sdk[at];
    }
    const map = openAi[name];
    const ours = steady(sdk[at].accepted.answer ?? sdk[at].accepted);
    const overPlain = steady(plain[at].accepted.answer ?? plain[at].accepted);
    const overHttp = steady(http[at].accepted.answer ?? http[at].accepted);
    rows.push([
      name,
      sdk[at].accepted.answer?.type ?? sdk[at].accepted.code,
      same(name, "plain JSON", overPlain, ours),
      map ? same(name, "HTTP", map.theirs(overHttp), map.ours(ours)) : same(name, "HTTP", overHttp, ours),
      `${sdk[at].refused.code}: ${sdk[at].refused.field}`,
      same(name, "refused, plain JSON", plain[at].refused, sdk[at].refused),
      same(name, "refused, HTTP", http[at].refused, sdk[at].refused),
    ]);
    if (!sdk[at].accepted.answer) differences.push(`${name}: its accepted example is refused: ${JSON.stringify(sdk[at].accepted)}`);
    const expected = { code: "validation_failed", field: refused.field, status: 400 };
    same(name, "its refused example", sdk[at].refused, expected);
  }
  const head = ["action", "SDK answers", "plain", "HTTP", "SDK refuses", "plain", "HTTP"];
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)));
  for (const row of [head, ...rows]) console.log(row.map((text, column) => text.padEnd(widths[column])).join("  "));
  assert.deepEqual(differences, []);
});

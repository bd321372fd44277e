// `npm start`: builds what changed, then runs the server with the test page. Flags behind `--` go to the server.
import { start } from "./lib/children.mjs";
import { SERVER } from "./lib/paths.mjs";
import { mustBeFree } from "./lib/ports.mjs";
import { main } from "./lib/say.mjs";
import { build } from "./build.mjs";

/** What the server assumes where neither a flag nor the environment says otherwise. */
const HOST = "127.0.0.1";
const PORT = 9000;
/** The page is for trying things out on one's own machine: local callers need no key, which the server says when it starts. */
const DEFAULTS = [["--allow-local"], ["--www", "www"]];

await main(async () => {
  const flags = process.argv.slice(2);
  const port = Number(valueOf(flags, "--port") ?? process.env.TABAGENT_PORT ?? PORT);
  const host = valueOf(flags, "--host") ?? process.env.TABAGENT_HOST ?? HOST;
  if (port > 0) await mustBeFree(host, port);
  await build();
  const server = start(SERVER, [...defaultsFor(flags), ...flags], { stdio: "inherit" });
  server.once("exit", (code) => (process.exitCode = code ?? 1));
  await server.exited;
});

/** The value of `--name value` or `--name=value`. */
function valueOf(flags, name) {
  const index = flags.indexOf(name);
  return index >= 0 ? flags[index + 1] : flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** A default that a person gives too must not reach the server twice. */
function defaultsFor(flags) {
  return DEFAULTS.filter(([name]) => !flags.some((flag) => flag === name || flag.startsWith(`${name}=`))).flat();
}

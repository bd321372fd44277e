// TCP ports: free ones for tests, and an early word when the one a person asked for is taken.
import { createServer } from "node:net";

import { Stop } from "./say.mjs";

/** How often to look for neighbours before giving up: ports are handed out at random, so a clash twice in a row is already rare. */
const ATTEMPTS = 20;

/** A free port whose successor is free too. Nothing holds them: whoever is to listen should do so at once. */
export async function freePair() {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = await listening("127.0.0.1", 0);
    const next = await listening("127.0.0.1", port + 1).catch(() => undefined);
    if (next !== undefined) return [port, next];
  }
  throw new Stop("No two neighbouring free TCP ports were found on 127.0.0.1: close some programs and run the same command again.");
}

/** Throws the sentence for a port that cannot be listened on. The server checks again; this spares a person the build before it. */
export async function mustBeFree(host, port) {
  try {
    await listening(host, port);
  } catch (error) {
    const other = port < 65_000 ? port + 1 : 9000;
    if (error.code === "EADDRINUSE") throw new Stop(`Port ${port} is taken: stop the program that uses it, or choose another with \`npm start -- --port ${other}\`.`);
    if (error.code === "EACCES") throw new Stop(`Port ${port} needs administrator rights: choose one above 1023 with \`npm start -- --port 9000\`.`);
  }
}

/** Listens and stops at once; the port it was. */
function listening(host, port) {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: bound } = server.address();
      server.close(() => settle(bound));
    });
  });
}

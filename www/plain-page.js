// The buttons of plain.html: runs a flow of plain.js against the server this page came from and tells what happened.

import { byId, duration, el } from "./dom.js";
import { caller, clientOffers, serverOffers } from "./plain.js";

byId("client-source").textContent = clientOffers.toString();
byId("server-source").textContent = serverOffers.toString();
byId("caller-source").textContent = caller.toString();
byId("client-run").addEventListener("click", ({ target }) => run(clientOffers, target, byId("client-trace")));
byId("server-run").addEventListener("click", ({ target }) => run(serverOffers, target, byId("server-trace")));
byId("settings").addEventListener("submit", (event) => event.preventDefault());

async function run(flow, button, trace) {
  const begun = performance.now();
  const tell = (text, kind = "") => {
    const said = el("span", { class: kind }, text);
    trace.append(el("li", {}, el("time", {}, duration(performance.now() - begun)), said));
    return said;
  };
  trace.replaceChildren();
  button.disabled = true;
  try {
    const { peer, channel, session_id } = await flow(location.origin, byId("key").value);
    tell(`channel open, session ${session_id}`);
    await converse(caller(channel), tell).finally(() => peer.close());
    tell("closed");
  } catch (error) {
    tell(error.message, "bad");
  }
  button.disabled = false;
}

/** A short call, then a streamed chat with another short call in its middle. */
async function converse(call, tell) {
  const health = await call({ action: "health" });
  tell(`health: ${health.status}, version ${health.version}`);

  const line = tell("chat: ");
  const messages = [{ role: "user", content: "Count to 20." }];
  const chat = call({ action: "chat", model: "default", messages, stream: true }, (delta) => line.append(delta));
  const { models } = await call({ action: "list_models" });
  tell(`list_models, while the chat is running: ${models.length}`);

  const { finish_reason, usage } = await chat;
  tell(`chat ended: ${finish_reason}, ${usage.completion_tokens} tokens`);
}

// The chat: what `agent.stream()` is for. One answer at a time; Stop cancels it, and the server stops producing.

import { byId } from "./dom.js";
import { addMessage, stopwatch } from "./message.js";
import { recall, remember } from "./remember.js";

/** Owns the chat card. `attach(agent)` when connected, `detach()` when not; `report(text)` goes to the event log. */
export function createChat(report) {
  const [messages, prompt, status] = [byId("messages"), byId("prompt"), byId("chat-status")];
  /** The conversation as the server is to see it; grows with each question and each answer, even a stopped one. */
  let history = [];
  let agent = null;
  /** Questions so far: names the calls, so that `stop_generation` can name them too. */
  let asked = 0;
  /** The stream that is running, for Stop; null between answers. */
  let running = null;

  remember(byId("model"));
  byId("chat-form").addEventListener("submit", (event) => (event.preventDefault(), send(prompt.value)));
  byId("chat-stop").addEventListener("click", () => running?.cancel());
  byId("chat-clear").addEventListener("click", startOver);
  byId("suggestions").addEventListener("click", ({ target }) => target.closest("button") && suggest(target.textContent));
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send(prompt.value);
  });

  return {
    async attach(connected) {
      agent = connected;
      enable();
      status.textContent = "";
      await offerModels();
    },
    detach() {
      agent = null;
      enable();
      status.textContent = "Connect first, then write.";
    },
  };

  async function send(text) {
    if (!agent || running || !text.trim()) return;
    // "Start over" makes a new history; what is still coming belongs to this one.
    const conversation = history;
    conversation.push({ role: "user", content: text });
    prompt.value = "";
    byId("chat-empty").hidden = true;
    addMessage(messages, "user", text);

    const answer = addMessage(messages, "assistant");
    const clock = stopwatch();
    const requestId = `chat-${(asked += 1)}`;
    status.textContent = `${requestId} is on its way`;
    try {
      running = agent.stream({ action: "chat", model: byId("model").value, messages: conversation }, { requestId });
      enable();
      for await (const item of running) {
        clock.token();
        answer.say(item.delta);
      }
      const { usage, finish_reason } = await running.response;
      // `stop_generation` ends a chat too, from elsewhere: the answer then is what there was.
      answer.close(clock.summary(usage?.completion_tokens), finish_reason, finish_reason === "cancelled" ? "cancelled" : undefined);
    } catch (error) {
      const stopped = error.code === "cancelled";
      answer.close(clock.summary(), stopped ? "stopped by you" : `${error.code}: ${error.message}`, error.code);
      report(`${requestId}: ${error.code}`);
    }
    if (answer.text) conversation.push({ role: "assistant", content: answer.text });
    running = null;
    status.textContent = "";
    enable();
  }

  async function offerModels() {
    const select = byId("model");
    try {
      const { models } = await agent.request({ action: "list_models", filter: "chat" });
      const ready = models.filter((model) => model.loaded).map((model) => model.id);
      select.replaceChildren(...["default", ...ready].map((id) => new Option(id)));
      recall(select);
    } catch (error) {
      report(`no list of models: ${error.code}`);
    }
  }

  function suggest(text) {
    prompt.value = text;
    prompt.focus();
    if (agent) send(text);
  }

  function startOver() {
    running?.cancel();
    history = [];
    messages.replaceChildren(byId("chat-empty"));
    byId("chat-empty").hidden = false;
  }

  /** Exactly one of Send and Stop can be pressed; the keyboard's focus moves on with it. */
  function enable() {
    const [start, stop, focused] = [byId("chat-send"), byId("chat-stop"), document.activeElement];
    messages.setAttribute("aria-busy", String(running !== null));
    stop.disabled = running === null;
    start.disabled = agent === null || running !== null;
    if (focused === start && running) stop.focus();
    if (focused === stop && !running) prompt.focus();
  }
}

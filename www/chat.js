// The chat: what `agent.stream()` is for. One answer at a time; Stop cancels it, and the server stops producing.

import { byId, duration, el, following } from "./dom.js";
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
    prompt.value = "";
    byId("chat-empty").hidden = true;
    history.push({ role: "user", content: text });
        bubble("user", text);
    const answer = bubble("assistant", "");
    const clock = stopwatch();
    const requestId = `chat-${(asked += 1)}`;
    try {
      const request = { action: "chat", model: byId("model").value, messages: history };
      running = agent.stream(request, { requestId });
      enable();
      for await (const item of running) {
        answer.say(item.delta);
        clock.token();
        status.textContent = `${requestId}: ${clock.summary()}`;
      }
      const final = await running.response;
      answer.close(clock.summary(final.usage?.completion_tokens), final.finish_reason);
    } catch (error) {
      answer.close(clock.summary(), error.code === "cancelled" ? "stopped by you" : `${error.code}: ${error.message}`, error.code);
      report(`chat ended: ${error.code}`);
    }
    if (answer.text) history.push({ role: "assistant", content: answer.text });
    running = null;
    enable();
    status.textContent = "";
  }

  async function offerModels() {
    const select = byId("model");
    try {
      const { models } = await agent.request({ action: "list_models" });
      select.replaceChildren(...["default", ...models.map((model) => model.id)].map((id) => new Option(id)));
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
    const [send, stop] = [byId("chat-send"), byId("chat-stop")];
    messages.setAttribute("aria-busy", String(running !== null));
    const focused = document.activeElement;
    stop.disabled = running === null;
    send.disabled = agent === null || running !== null;
    if (focused === send && send.disabled && running) stop.focus();
    if (focused === stop && stop.disabled) prompt.focus();
  }

  function bubble(role, text) {
    const body = el("p", { class: "text" }, text);
    const meta = el("p", { class: "meta" });
    const item = el("article", { class: `message ${role}`, "aria-label": role === "user" ? "You" : "Answer" }, body, meta);
    following(messages, () => messages.append(item));
    const view = {
      text,
      say(delta) {
        view.text += delta;
        following(messages, () => body.append(delta));
      },
      close(summary, ending, code) {
        item.classList.add("closed");
        if (code) item.dataset.code = code;
        following(messages, () => meta.append(summary, el("span", { class: "ending" }, ending ?? "")));
      },
    };
    return view;
  }
}

/** Counts tokens of one answer: how many, how fast, how long until the first. */
function stopwatch() {
  const begun = performance.now();
  let [count, first, last] = [0, 0, 0];
  return {
    token() {
      last = performance.now();
      first ||= last;
      count += 1;
    },
    /** `counted` is the server's own count, which wins over ours. */
    summary(counted = count) {
      if (count === 0) return `no token in ${duration(performance.now() - begun)}`;
      const perSecond = count > 1 ? `, ${Math.round((count - 1) / ((last - first) / 1000))} tokens/s` : "";
      return `${counted} tokens${perSecond}, first after ${duration(first - begun)}`;
    },
  };
}

// One message of the chat, and the stopwatch beside an answer.

import { duration, el, following } from "./dom.js";

/** Adds a message to `list`. An answer grows by `say(delta)` until `close(…)`; `text` is what it has so far. */
export function addMessage(list, role, text = "") {
  const body = el("p", { class: "text" }, text);
  const meta = el("p", { class: "meta" });
  const item = el("article", { class: `message ${role}`, "aria-label": role === "user" ? "You" : "Answer" }, body, meta);
  /** Deltas that wait for the next frame: a fast model sends hundreds in one. */
  let unpainted = "";
  following(list, () => list.append(item));

  const message = {
    text,
    say(delta) {
      if (unpainted === "") requestAnimationFrame(paint);
      unpainted += delta;
      message.text += delta;
    },
    /** The last line: figures, then how it ended; `code` when that was not by itself. */
    close(figures, ending, code) {
      paint();
      item.classList.add("closed");
      if (code) item.dataset.code = code;
      following(list, () => meta.append(figures, el("span", { class: "ending" }, ending)));
    },
  };
  return message;

  function paint() {
    following(list, () => body.append(unpainted));
    unpainted = "";
  }
}

/** Counts the tokens of one answer: how many, how fast, how long until the first. */
export function stopwatch() {
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
      const seconds = (last - first) / 1000;
      const pace = count > 1 && seconds > 0 ? `, ${Math.round((count - 1) / seconds).toLocaleString("en")} tokens/s` : "";
      return `${counted} tokens${pace}, first after ${duration(first - begun)}`;
    },
  };
}

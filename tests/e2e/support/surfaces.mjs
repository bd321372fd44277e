// Side panel, popup and offscreen document of an extension: targets that the driver does not list as pages, reached by raw CDP.

/** Milliseconds for something to appear or to come true: a busy machine loads a page in that, and a client notices that a server is dead. */
const PATIENCE = 60_000;

/** The surfaces of a browser's one extension. Call once per browser. */
export async function surfaces(context) {
  const [page] = context.pages();
  const cdp = await context.newCDPSession(page);
  const answers = new Map();
  let asked = 0;
  cdp.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
    const { id, result, error } = JSON.parse(message);
    answers.get(`${sessionId} ${id}`)?.(error ? { error } : { result });
  });

  const targets = async (file) => (await cdp.send("Target.getTargets")).targetInfos.filter(({ url, type }) => url.endsWith(`/${file}`) && /^(page|background_page)$/.test(type));

  /** The surface that shows this file, once it is there. `except`: targets that were there before. */
  async function find(file, except = []) {
    const found = await waitFor(async () => (await targets(file)).find(({ targetId }) => !except.includes(targetId)), `no target shows ${file}`);
    return attach(found.targetId);
  }

  async function attach(targetId) {
    const { sessionId } = await cdp.send("Target.attachToTarget", { targetId, flatten: false });
    const send = async (method, params = {}) => {
      const id = ++asked;
      const answered = new Promise((settle) => answers.set(`${sessionId} ${id}`, settle));
      await cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) });
      const { result, error } = await answered;
      answers.delete(`${sessionId} ${id}`);
      if (error) throw new Error(`${method}: ${error.message}`);
      return result;
    };
    const surface = {
      targetId,
      send,
      /** Runs a function there, as in a click of the user. */
      async evaluate(work, ...args) {
        const expression = `(${work})(${args.map((arg) => JSON.stringify(arg)).join(", ")})`;
        const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
      },
      /** Waits until the function answers something true, and gives that. It may throw meanwhile: a page that is loaded lacks things. */
      until: (work, ...args) => waitFor(() => surface.evaluate(work, ...args).catch(() => undefined), `never true: ${work}`),
      /** Types a text, or presses a key by its name, as a keyboard does. */
      type: (text) => send("Input.insertText", { text }),
      async press(key, code) {
        const text = key === "Enter" ? "\r" : undefined;
        await send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", key, code: key, windowsVirtualKeyCode: code, text });
        await send("Input.dispatchKeyEvent", { type: "keyUp", key, code: key, windowsVirtualKeyCode: code });
      },
      close: () => cdp.send("Target.closeTarget", { targetId }),
      gone: () => waitFor(async () => !(await cdp.send("Target.getTargets")).targetInfos.some((target) => target.targetId === targetId), "the surface stays"),
    };
    return surface;
  }

  return { find, targets };
}

async function waitFor(ask, message) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(message);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
